"""The console's pages. It has no rules of its own: each page calls its feature's service and queries."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("admin", __name__)

from app.admin.views import audit, dashboard, overview, products  # noqa: E402,F401 - the modules register their routes on `bp`
