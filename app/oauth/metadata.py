"""What programs read first: the resource's metadata (RFC 9728) and the authorization server's (RFC 8414)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify
from flask_babel import gettext

from app.core.errors import NotFound
from app.oauth.client_metadata import AUTH_METHODS
from app.oauth.resources import METADATA, Resource, resource_at
from app.oauth.scopes import ALL
from app.oauth.site import public_url
from app.runtime import settings
from app.web.auth import PUBLIC, access

bp = Blueprint("oauth_metadata", __name__)
# A changed setting is seen soon, and a client that asks at every start is served from its own copy.
MAX_AGE_SECONDS = 300


@bp.get(METADATA)
@bp.get(f"{METADATA}/<path:place>")
@access(PUBLIC)
def show_resource(place: str = "mcp") -> Response:
    """The metadata of `/mcp` and `/mcp/<code>`, whether or not there is such a group."""
    resource = resource_at(f"/{place}", public_url())
    if resource is None:
        raise NotFound()
    return _answer(_of_resource(resource))


@bp.get("/.well-known/oauth-authorization-server")
@access(PUBLIC)
def show_server() -> Response:
    """The authorization server, which is the shop itself."""
    return _answer(_of_server(public_url()))


def _of_resource(resource: Resource) -> dict[str, Any]:
    return {
        "resource": resource.url,
        "authorization_servers": [resource.base],
        "scopes_supported": list(ALL),
        "bearer_methods_supported": ["header"],
        "resource_name": gettext("Chengmei"),
    }


def _of_server(base: str) -> dict[str, Any]:
    told = {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "scopes_supported": list(ALL),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "ui_locales_supported": ["zh-CN", "en"],
    }
    if settings().oauth_registration:
        told["registration_endpoint"] = f"{base}/oauth/register"
    return told


def _answer(body: dict[str, Any]) -> Response:
    response = jsonify(body)
    response.headers["Cache-Control"] = f"private, max-age={MAX_AGE_SECONDS}"
    # The name is in the reader's language.
    response.vary.update(["Accept-Language", "Cookie"])
    return response
