"""Refusals of `/mcp` that tell a client how to get in (RFC 6750; RFC 9728, 5.1)."""

from __future__ import annotations

from flask import Response, jsonify, make_response
from flask_babel import gettext

from app.core.errors import N_, Forbidden, Unauthorized
from app.oauth.resources import Resource
from app.oauth.scopes import EVERYTHING
from app.web.errors import error_body

REALM = "mcpshop"
NO_KEY = N_("A key is needed: Authorization: Bearer mcp_key_...")
WRONG_KEY = N_("This key is not valid here.")
READS_ONLY = N_("You allowed this program to read only.")


def unauthorized(resource: Resource, *, has_credentials: bool) -> Response:
    """401. It names an error only when credentials were sent, and the same one whatever is wrong with them."""
    message = gettext(WRONG_KEY if has_credentials else NO_KEY)
    return _answer(resource, 401, Unauthorized.code, message, "invalid_token" if has_credentials else "")


def insufficient_scope(resource: Resource) -> Response:
    """403: the person could do this, but has allowed the program less. It says what to ask the person for."""
    return _answer(resource, 403, Forbidden.code, gettext(READS_ONLY), "insufficient_scope")


def _answer(resource: Resource, status: int, code: str, message: str, error: str) -> Response:
    parts = {"realm": REALM, "error": error, "scope": EVERYTHING, "resource_metadata": resource.metadata_url}
    response = make_response(jsonify(error_body(code, message)), status)
    told = ", ".join(f'{name}="{value}"' for name, value in parts.items() if value)
    response.headers["WWW-Authenticate"] = f"Bearer {told}"
    return response
