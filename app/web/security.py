"""CSRF where cookies speak, security headers, request ids, the request log."""

from __future__ import annotations

import re
import secrets
import time
from logging import getLogger

from flask import Flask, Response, g, request, session
from flask_wtf.csrf import CSRFProtect

from app.core import logging as event_log
from app.web.auth import is_api_request, uses_bearer
from app.web.sessions import CookieSessions

log = getLogger("mcpshop.request")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
YEAR_SECONDS = 31_536_000
HOUR_SECONDS = 3_600
# Of a body that is no upload. Werkzeug's MAX_FORM_MEMORY_SIZE does not count URL-encoded forms.
MAX_TEXT_BYTES = 2_000_000
QUIET_PATHS = frozenset({"/health", "/api/health", "/metrics"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def csp_nonce() -> str:
    """This response's nonce for scripts."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def init_security(app: Flask, csrf: CSRFProtect) -> None:
    """Register the session and the before and after hooks."""
    app.session_interface = CookieSessions()

    @app.before_request
    def begin_request() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        g.started = time.perf_counter()
        if request.mimetype != "multipart/form-data":
            request.max_content_length = MAX_TEXT_BYTES
        event_log.request_id.set(g.request_id)

    @app.before_request
    def protect_from_csrf() -> None:
        # Where no view will run, 404 and 405 tell more than "reload the page".
        is_harmless = request.method in SAFE_METHODS or request.routing_exception is not None
        if is_harmless or uses_bearer() or _has_no_ambient_authority():
            return
        csrf.protect()

    @app.after_request
    def finish(response: Response) -> Response:
        _set_headers(response)
        _log_request(response)
        return response


def _has_no_ambient_authority() -> bool:
    """A program without our cookie cannot be made to act for somebody; a browser page always has a token."""
    return is_api_request() and not session


def _set_headers(response: Response) -> None:
    response.headers["X-Request-Id"] = g.get("request_id", "-")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), payment=()")
    if request.endpoint == "static":
        response.cache_control.max_age = YEAR_SECONDS if "v" in request.args else HOUR_SECONDS
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", content_security_policy())
    if request.endpoint != "static":
        _set_caching(response)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def _set_caching(response: Response) -> None:
    """What is one person's is kept by nobody; a page is asked for again, for it shows prices and the cart."""
    if _names_a_user():
        response.headers.setdefault("Cache-Control", "no-store")
    elif response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-cache")


def _names_a_user() -> bool:
    """Asks no database: this runs after every answer, also after "the database is down"."""
    return "_user_id" in session or uses_bearer()


def content_security_policy() -> str:
    """No inline script or style; scripts from here or with the nonce.

    Those of the CDN have the nonce and an integrity hash: to name the whole CDN would let in all that it has.
    """
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{csp_nonce()}'; style-src 'self'; "
        "img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _log_request(response: Response) -> None:
    if request.endpoint == "static" or request.path in QUIET_PATHS:
        return
    elapsed = (time.perf_counter() - g.get("started", time.perf_counter())) * 1000
    log.info(
        "request %s",
        event_log.fields(
            method=request.method, path=request.path, status=response.status_code, ms=f"{elapsed:.1f}"
        ),
    )
