"""The service worker, which shows what is pushed: at the root, for it works on the pages below its own address."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, send_from_directory

from app.web.auth import PUBLIC, access
from app.web.static_files import STATIC

bp = Blueprint("delivery", __name__)


@bp.get("/sw.js")
@access(PUBLIC)
def service_worker() -> Response:
    response = make_response(send_from_directory(STATIC, "sw.js", mimetype="text/javascript"))
    response.headers["Cache-Control"] = "no-cache"
    return response
