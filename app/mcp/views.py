"""`/mcp` and `/mcp/<server_code>`: the key decides the group, the group decides everything else.

The path only narrows: a key opens its own group's address and no other. Whatever is wrong with a key, the answer
is the same, so nobody learns which groups and tools there are.
"""

from __future__ import annotations

from functools import partial
from typing import cast

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, request
from flask_babel import gettext

from app.core.errors import N_, Unauthorized
from app.mcp.keys import hash_of, key_in
from app.mcp.visit import Visit
from app.tools.groups import Group, find_group_by_key
from app.web.auth import PUBLIC, access, request_id
from app.web.errors import error_body
from app.web.i18n import current_locale

bp = Blueprint("mcp", __name__)
METHODS = ["GET", "POST", "DELETE"]
NO_KEY = N_("A key is needed: Authorization: Bearer mcp_key_...")
WRONG_KEY = N_("This key is not valid here.")
REALM = "mcpshop"


@bp.route("/mcp", methods=METHODS)
@bp.route("/mcp/<server_code>", methods=METHODS)
@access(PUBLIC)
def serve(server_code: str | None = None) -> Response:
    """Streamable HTTP, for whoever has a group's key."""
    key = key_in(request.headers.get("Authorization"))
    if key is None:
        return _challenge(has_credentials="Authorization" in request.headers)
    group = _find_group(key, server_code)
    if group is None:
        return _challenge(has_credentials=True)
    # The SDK takes half a second to import; commands and workers never need it.
    from app.mcp.host import host_of

    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
    host = host_of(app)
    visit = Visit(
        app=app,
        loop=host.loop,
        group_id=group.id,
        code=group.code,
        locale=current_locale(),
        request_id=request_id(),
    )
    return host.answer(visit, request.environ, request.get_data(), partial(_has_key, key, server_code))


def _find_group(key: str, server_code: str | None) -> Group | None:
    group = find_group_by_key(hash_of(key))
    return group if group is not None and server_code in (None, group.code) else None


def _has_key(key: str, server_code: str | None) -> bool:
    return _find_group(key, server_code) is not None


def _challenge(*, has_credentials: bool) -> Response:
    """401 with the challenge of RFC 6750: it names an error only when credentials were sent."""
    message = gettext(WRONG_KEY if has_credentials else NO_KEY)
    response = make_response(jsonify(error_body(Unauthorized.code, message)), 401)
    error = ', error="invalid_token"' if has_credentials else ""
    response.headers["WWW-Authenticate"] = f'Bearer realm="{REALM}"{error}'
    return response
