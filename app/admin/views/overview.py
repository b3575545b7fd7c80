"""The console's first page."""

from __future__ import annotations

from flask import Response

from app.admin.figures import LOW_STOCK, get_figures, list_low_stock
from app.admin.views import bp
from app.runtime import settings
from app.web.auth import OPERATOR, access
from app.web.htmx import page


@bp.get("/admin")
@access(OPERATOR)
def overview() -> Response:
    """Today in a few figures, and what is running out."""
    return page(
        "admin/overview.html",
        figures=get_figures(settings().shop_timezone),
        low_stock=list_low_stock(),
        low_stock_limit=LOW_STOCK,
    )
