"""`/mcp/sse` and `/mcp/<server_code>/sse`: the transport of 2024-11-05, which newer clients do not need.

A client opens the stream, is told in it where to post, and posts each message there; the answers come in the
stream. Both requests bring the key.
"""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from app.mcp import challenge, persons
from app.mcp.views import METHODS, admit
from app.oauth.site import resource_of
from app.web.auth import PUBLIC, access

bp = Blueprint("mcp_sse", __name__)


# All methods, so that a client which tries a newer transport here is told so, and not that its key is wrong.
@bp.route("/mcp/sse", methods=METHODS)
@bp.route("/mcp/<server_code>/sse", methods=METHODS)
@access(PUBLIC)
def listen(server_code: str | None = None) -> Response:
    """The stream of a new session."""
    admitted = admit(server_code)
    if isinstance(admitted, Response):
        return admitted
    # HEAD too: there is nothing to hold open for it.
    if request.method != "GET":
        raise MethodNotAllowed(valid_methods=["GET"])
    from app.mcp.sse_host import sse_of

    visit, is_still_allowed = admitted
    base = f"{request.script_root}/mcp" + (f"/{server_code}" if server_code else "")
    return sse_of(visit.app).listen(visit, request.environ, is_still_allowed, base)


@bp.route("/mcp/messages", methods=METHODS)
@bp.route("/mcp/<server_code>/messages", methods=METHODS)
@access(PUBLIC)
def post(server_code: str | None = None) -> Response:
    """A message for the session that `session_id` names."""
    admitted = admit(server_code)
    if isinstance(admitted, Response):
        return admitted
    if request.method != "POST":
        raise MethodNotAllowed(valid_methods=["POST"])
    visit, _ = admitted
    body = request.get_data()
    if persons.needs_more(visit, body):
        return challenge.insufficient_scope(resource_of(server_code))
    from app.mcp.sse_host import sse_of

    return sse_of(visit.app).post(visit, request.environ, body)
