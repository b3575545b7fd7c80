"""The endpoints that programs call: registration (RFC 7591), tokens (RFC 6749), revocation (RFC 7009).

Who asks is proven by what the request holds; cookies count for nothing here. Errors have the protocol's form.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request
from flask_limiter.errors import RateLimitExceeded
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from app.core.errors import BadRequest, DomainError
from app.db import in_transaction
from app.extensions import limiter
from app.oauth import clients, service
from app.oauth.asking import invalid_target
from app.oauth.client_metadata import read_metadata
from app.oauth.clients import Registered
from app.oauth.errors import OAuthError, invalid_grant
from app.oauth.proof import proven_client
from app.oauth.resources import read_resource
from app.oauth.rules import ACCESS_PREFIX, CODE_PREFIX, MAX_TOKEN, REFRESH_PREFIX
from app.oauth.scopes import EVERYTHING, names_of, read_scopes
from app.oauth.service import Issued
from app.oauth.site import public_url
from app.runtime import settings
from app.web.api import json_body
from app.web.auth import PUBLIC, access

bp = Blueprint("oauth", __name__, url_prefix="/oauth")
FORM = "application/x-www-form-urlencoded"
MAX_BODY = 32_768
REGISTRATIONS = "20 per hour; 5 per minute"
# A site that serves many people calls from one address.
TOKENS = "600 per minute"


@bp.post("/register")
@limiter.limit(REGISTRATIONS)
@access(PUBLIC)
def register() -> Response:
    """A program registers itself; 201 with its id and, when it is to have one, its secret."""
    if not settings().oauth_registration:
        raise OAuthError("access_denied", "Programs cannot register themselves here.", 403)
    _bound_body()
    metadata = read_metadata(json_body(), kind="registration")
    return _plain(_registered(in_transaction(lambda: clients.register(metadata))), 201)


@bp.post("/token")
@limiter.limit(TOKENS)
@access(PUBLIC)
def token() -> Response:
    """Tokens for a code or for a refresh token."""
    form = _form()
    client = proven_client(request.headers.get("Authorization"), form).id
    grant_type = form.get("grant_type")
    if grant_type == "authorization_code":
        issued = _redeem(client, form)
    elif grant_type == "refresh_token":
        issued = _refresh(client, form)
    else:
        raise OAuthError("unsupported_grant_type", "grant_type is authorization_code or refresh_token.")
    if issued is None:
        raise invalid_grant()
    return _plain(_tokens(issued))


@bp.post("/revoke")
@limiter.limit(TOKENS)
@access(PUBLIC)
def revoke() -> Response:
    """End a token; 200 for an unknown one too."""
    form = _form()
    client = proven_client(request.headers.get("Authorization"), form).id
    value = form.get("token", "")
    if not value:
        raise OAuthError("invalid_request", "token is missing.")
    if value.startswith((ACCESS_PREFIX, REFRESH_PREFIX)) and len(value) <= MAX_TOKEN:
        in_transaction(lambda: service.revoke(client, value))
    return _plain({})


def _redeem(client: int, form: MultiDict[str, str]) -> Issued | None:
    code = _secret(form, "code", CODE_PREFIX)
    verifier, resource = form.get("code_verifier", ""), _resource(form)
    return in_transaction(
        lambda: service.redeem(
            client, code, verifier=verifier, redirect_uri=form.get("redirect_uri"), resource=resource
        )
    )


def _refresh(client: int, form: MultiDict[str, str]) -> Issued | None:
    old, resource = _secret(form, "refresh_token", REFRESH_PREFIX), _resource(form)
    scopes = read_scopes(form["scope"]) if form.get("scope") else None
    if scopes is not None and not scopes:
        raise OAuthError("invalid_scope", f"The scopes are {EVERYTHING}.")
    return in_transaction(lambda: service.refresh(client, old, scopes=scopes, resource=resource))


def _secret(form: MultiDict[str, str], name: str, prefix: str) -> str:
    value = form.get(name, "")
    if not value:
        raise OAuthError("invalid_request", f"{name} is missing.")
    if not value.startswith(prefix) or len(value) > MAX_TOKEN:
        raise invalid_grant()
    return value


def _resource(form: MultiDict[str, str]) -> str | None:
    """The audience that the program names, None when it names none: then it is what the person agreed to."""
    named = form.get("resource")
    if not named:
        return None
    found = read_resource(named, public_url())
    if found is None:
        raise invalid_target()
    return found.url


def _form() -> MultiDict[str, str]:
    _bound_body()
    if request.mimetype != FORM:
        raise OAuthError("invalid_request", f"The body is a form: {FORM}.")
    form = request.form
    if any(len(form.getlist(name)) > 1 for name in form):
        raise OAuthError("invalid_request", "A parameter comes more than once.")
    return form


def _bound_body() -> None:
    if (request.content_length or 0) > MAX_BODY:
        raise OAuthError("invalid_request", "The body is too long.", 413)
    # For a body that does not say how long it is.
    request.max_content_length = MAX_BODY


def _registered(made: Registered) -> dict[str, Any]:
    client = made.client
    told: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": client.auth_method,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": EVERYTHING,
    }
    if client.uri:
        told["client_uri"] = client.uri
    if made.secret is not None:
        told |= {"client_secret": made.secret, "client_secret_expires_at": 0}
    return told


def _tokens(issued: Issued) -> dict[str, Any]:
    return {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "refresh_token": issued.refresh_token,
        "scope": names_of(issued.scopes),
    }


def _plain(body: dict[str, Any], status: int = 200) -> Response:
    response = make_response(jsonify(body), status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


@bp.errorhandler(OAuthError)
def _answer_error(error: OAuthError) -> Response:
    response = _plain({"error": error.code, "error_description": error.description}, error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="mcpshop"'
    return response


@bp.errorhandler(DomainError)
def _answer_domain_error(error: DomainError) -> Response:
    code = "invalid_client_metadata" if request.endpoint == "oauth.register" else "invalid_request"
    is_wrong_input = isinstance(error, BadRequest)
    return _answer_error(
        OAuthError(code if is_wrong_input else "temporarily_unavailable", error.text(), error.status)
    )


@bp.errorhandler(RateLimitExceeded)
def _answer_limit(error: RateLimitExceeded) -> Response:
    response = _answer_error(OAuthError("temporarily_unavailable", "Too many requests.", 429))
    response.headers["Retry-After"] = str(error.limit.limit.get_expiry() if error.limit else 60)
    return response


@bp.errorhandler(HTTPException)
def _answer_http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return make_response(error.get_response())
    return _answer_error(OAuthError("invalid_request", error.name, error.code))
