"""`/oauth/authorize`: a person is asked whether a program may act for it (RFC 6749, 4.1; RFC 9207; RFC 9700).

The form posts to the very address that was asked for, so what is agreed to is read and checked again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import Blueprint, Response, make_response, request

from app.core.actor import Actor
from app.core.errors import N_
from app.db import in_transaction
from app.extensions import limiter
from app.oauth import redirects, service
from app.oauth.asking import Origin, Wish, invalid_target, read_origin, read_wish
from app.oauth.errors import OAuthError, UntrustedRequest
from app.oauth.reach import actor_at, split_tools
from app.oauth.rules import host_of
from app.oauth.scopes import WRITE
from app.oauth.service import Consent
from app.oauth.site import public_url
from app.web.auth import USER, access, current_actor
from app.web.htmx import page
from app.web.i18n import current_locale
from app.web.security import content_security_policy

bp = Blueprint("oauth_consent", __name__)
# Each may read a document from elsewhere.
LIMIT = "60 per minute"
# Signing in leads back here only when the address is not longer than that (`app.web.auth.local_path`).
MAX_QUERY = 1_900
TOO_LONG = N_("The request of the program is too long.")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be granted, and the person as it would act."""

    origin: Origin
    wish: Wish
    actor: Actor


@bp.get("/oauth/authorize")
@limiter.limit(LIMIT)
@access(USER)
def ask() -> Response:
    """The consent page."""
    asked = _read()
    return asked if isinstance(asked, Response) else _page(asked)


@bp.post("/oauth/authorize")
@limiter.limit(LIMIT)
@access(USER)
def decide() -> Response:
    """The person's answer, sent to the program; only the button that allows is a yes."""
    asked = _read()
    if isinstance(asked, Response):
        return asked
    if request.form.get("decision") != "allow":
        return _back(asked.origin, error="access_denied", error_description="The person did not agree.")
    scopes = asked.wish.scopes
    if "act" not in request.form:
        scopes -= {WRITE}
    consent = Consent(
        client=asked.origin.client.id,
        resource=asked.wish.resource.url,
        scopes=scopes,
        redirect_uri=asked.origin.redirect_uri,
        code_challenge=asked.wish.code_challenge,
    )
    person = current_actor()
    return _back(asked.origin, code=in_transaction(lambda: service.approve(person, consent)))


def _read() -> Request | Response:
    """The request; the answer instead when it cannot be granted. Raises UntrustedRequest."""
    if len(request.query_string) > MAX_QUERY:
        raise UntrustedRequest(TOO_LONG)
    origin = read_origin(request.args)
    try:
        wish = read_wish(request.args, public_url())
        actor = actor_at(
            current_actor().require_user(),
            wish.resource.code,
            may_write=WRITE in wish.scopes,
            locale=current_locale(),
        )
        if actor is None:
            raise invalid_target()
    except OAuthError as error:
        return _refused(origin, error)
    return Request(origin, wish, actor)


def _page(asked: Request) -> Response:
    origin, wish = asked.origin, asked.wish
    reading, acting = split_tools(replace(asked.actor, may_write=True))
    response = page(
        "oauth/consent.html",
        client=origin.client,
        document_host=host_of(origin.client.client_id),
        place=redirects.place_of(origin.redirect_uri),
        is_here=redirects.is_loopback(origin.redirect_uri),
        is_web=redirects.is_web(origin.redirect_uri),
        resource=wish.resource,
        asks_to_act=WRITE in wish.scopes,
        reading=reading,
        acting=acting,
        action=request.full_path,
    )
    # Browsers hold the answer to a form to this directive too, and it leads to the program.
    source = redirects.form_source(origin.redirect_uri)
    response.headers["Content-Security-Policy"] = content_security_policy().replace(
        "form-action 'self'", f"form-action 'self' {source}"
    )
    return _private(response)


def _refused(origin: Origin, error: OAuthError) -> Response:
    """Tell the program what it did wrong.

    Whoever registers a program could send people anywhere with a request that is wrong on purpose (RFC 9700,
    4.11.2). So only a program on this computer is told at once; to another site a person goes by its own click.
    """
    answer = {"error": error.code, "error_description": error.description}
    if redirects.is_loopback(origin.redirect_uri):
        return _back(origin, **answer)
    response = page(
        "oauth/refused.html",
        status=400,
        client=origin.client,
        error=error,
        place=redirects.place_of(origin.redirect_uri),
        back=_address(origin, answer),
    )
    return _private(response)


def _back(origin: Origin, **answer: str) -> Response:
    response = make_response("", 303)
    response.headers["Location"] = _address(origin, answer)
    return _private(response)


def _address(origin: Origin, answer: dict[str, str]) -> str:
    return redirects.with_answer(origin.redirect_uri, {**answer, "state": origin.state, "iss": public_url()})


def _private(response: Response) -> Response:
    """Codes and states are in these addresses: no copy, no referrer, no frame."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Frame-Options"] = "DENY"
    return response
