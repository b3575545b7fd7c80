"""`/mcp` and `/mcp/<server_code>`: a group's key, or a token with which a program acts for a person.

The key decides the group, and the path only narrows: a key opens its own group's address and no other. A token is for
exactly one address: the person's own tools, or what the person has of a group. Cookies count for nothing here.
Whatever is wrong with a key or a token, the answer is the same, so nobody learns which groups and tools there are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from flask import Blueprint, Flask, Response, current_app, request

from app.mcp import challenge, persons
from app.mcp.keys import hash_of, key_in
from app.mcp.limits import check_request
from app.mcp.visit import Visit
from app.oauth.rules import access_token_in
from app.oauth.site import resource_of
from app.tools.groups import Group, find_group_by_key
from app.web.aio import serving_loop
from app.web.auth import PUBLIC, access, request_id
from app.web.i18n import current_locale

bp = Blueprint("mcp", __name__)
METHODS = ["GET", "POST", "DELETE"]
Admitted = tuple[Visit, Callable[[], bool]]


@bp.route("/mcp", methods=METHODS)
@bp.route("/mcp/<server_code>", methods=METHODS)
@access(PUBLIC)
def serve(server_code: str | None = None) -> Response:
    """Streamable HTTP, for whoever has a group's key or a person's token."""
    admitted = admit(server_code)
    if isinstance(admitted, Response):
        return admitted
    visit, is_still_allowed = admitted
    body = request.get_data()
    if persons.needs_more(visit, body):
        return challenge.insufficient_scope(resource_of(server_code))
    # The SDK takes half a second to import; commands and workers never need it.
    from app.mcp.host import host_of

    return host_of(visit.app).answer(visit, request.environ, body, is_still_allowed)


def admit(server_code: str | None) -> Admitted | Response:
    """Who comes with this request, and whether it may still be here later on; else the answer that refuses it.

    The one entrance of every transport (`app.mcp.sse_views` too). Raises RateLimited.
    """
    header, resource = request.headers.get("Authorization"), resource_of(server_code)
    key, token = key_in(header), access_token_in(header)
    admitted: Admitted | None = None
    if key is not None:
        admitted = _by_key(key, server_code)
    elif token is not None and resource.code == server_code:
        admitted = persons.find_visit(token, resource)
    return admitted or challenge.unauthorized(resource, has_credentials=header is not None)


def _by_key(key: str, server_code: str | None) -> Admitted | None:
    group = _find_group(key, server_code)
    if group is None:
        return None
    check_request(group)
    visit = Visit(
        app=cast(Flask, current_app._get_current_object()),  # type: ignore[attr-defined]
        loop=serving_loop(),
        group_id=group.id,
        code=group.code,
        locale=current_locale(),
        request_id=request_id(),
    )
    return visit, partial(_has_key, key, server_code)


def _find_group(key: str, server_code: str | None) -> Group | None:
    group = find_group_by_key(hash_of(key))
    return group if group is not None and server_code in (None, group.code) else None


def _has_key(key: str, server_code: str | None) -> bool:
    return _find_group(key, server_code) is not None
