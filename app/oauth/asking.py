"""Reading an authorization request (RFC 6749, 4.1.1; OAuth 2.1): first who asks and the way back, then the rest.

Until the first is right nobody is sent anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from logging import getLogger

from werkzeug.datastructures import MultiDict

from app.core.errors import N_
from app.oauth import redirects
from app.oauth.clients import resolve
from app.oauth.errors import OAuthError, UntrustedRequest
from app.oauth.models import OAuthClient
from app.oauth.resources import Resource, read_resource
from app.oauth.rules import CHALLENGE
from app.oauth.scopes import read_scopes

log = getLogger(__name__)
MAX_STATE = 1_000
NO_CLIENT = N_("The program that sent you here is not known, or its description cannot be read.")
NO_WAY_BACK = N_("The program that sent you here named a way back that it had not registered.")
Arguments = MultiDict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks, and where the answer goes."""

    client: OAuthClient
    redirect_uri: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for."""

    resource: Resource
    scopes: frozenset[str]
    code_challenge: str


def read_origin(arguments: Arguments) -> Origin:
    """Who asks. Raises UntrustedRequest."""
    client_id, redirect_uri = _one(arguments, "client_id"), _one(arguments, "redirect_uri")
    if not client_id:
        raise UntrustedRequest(NO_CLIENT)
    try:
        client = resolve(client_id)
    except OAuthError as error:
        log.info("oauth_client_refused error=%s", error.code)
        raise UntrustedRequest(NO_CLIENT) from error
    if not redirect_uri or not redirects.find_match(redirect_uri, client.redirect_uris):
        raise UntrustedRequest(NO_WAY_BACK)
    return Origin(client=client, redirect_uri=redirect_uri, state=_one(arguments, "state"))


def read_wish(arguments: Arguments, base: str) -> Wish:
    """What is asked for, at the shop of this address. Raises OAuthError."""
    if repeated := [name for name in arguments if len(arguments.getlist(name)) > 1]:
        code = "invalid_target" if repeated == ["resource"] else "invalid_request"
        raise OAuthError(code, "A parameter comes more than once.")
    if len(arguments.get("state", "")) > MAX_STATE:
        raise OAuthError("invalid_request", f"state has at most {MAX_STATE} characters.")
    if arguments.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type is code.")
    challenge = arguments.get("code_challenge", "")
    if not CHALLENGE.fullmatch(challenge) or arguments.get("code_challenge_method") != "S256":
        raise OAuthError(
            "invalid_request", "PKCE is needed: code_challenge, with code_challenge_method S256."
        )
    resource = read_resource(arguments.get("resource"), base)
    if resource is None:
        raise invalid_target()
    scopes = read_scopes(arguments.get("scope"))
    if not scopes:
        raise OAuthError("invalid_scope", "The scopes are mcp:read and mcp:write.")
    return Wish(resource=resource, scopes=scopes, code_challenge=challenge)


def invalid_target() -> OAuthError:
    """One answer for a resource that is not ours, that is not there, and that is not for this person (RFC 8707, 2)."""
    return OAuthError("invalid_target", "There is no such resource for this person.")


def _one(arguments: Arguments, name: str) -> str | None:
    """A parameter that may come once; raises UntrustedRequest when it comes more often."""
    values = arguments.getlist(name)
    if len(values) > 1:
        raise UntrustedRequest()
    return values[0] if values else None
