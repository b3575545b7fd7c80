"""The one translator of errors into HTTP: the JSON form of api.md, or a page that says what to do."""

from __future__ import annotations

from http import HTTPStatus
from logging import getLogger
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, jsonify, make_response, redirect, render_template, request
from flask_babel import gettext
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from app.core.errors import DomainError, Forbidden, InvalidParam, NotFound, RateLimited, Unavailable
from app.web.auth import is_api_request, request_id
from app.web.field_messages import field_messages
from app.web.i18n import error_text

log = getLogger(__name__)
CODES = {
    400: "INVALID_PARAM",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "INVALID_PARAM",
    409: "CONFLICT",
    413: "INVALID_PARAM",
    415: "INVALID_PARAM",
    422: "INVALID_PARAM",
    429: "RATE_LIMITED",
    502: "UPSTREAM",
    503: "UNAVAILABLE",
}


def init_errors(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(DomainError, handle_domain_error)
    app.register_error_handler(ValidationError, lambda error: handle_domain_error(invalid(error)))
    app.register_error_handler(RateLimitExceeded, _handle_rate_limit)
    app.register_error_handler(CSRFError, _handle_csrf)
    app.register_error_handler(HTTPException, _handle_http)
    app.register_error_handler(OperationalError, _handle_database)
    app.register_error_handler(Exception, _handle_bug)


def error_body(code: str, message: str, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """The error form of api.md."""
    body: dict[str, Any] = {"code": code, "message": message, "request_id": request_id()}
    if fields:
        body["fields"] = fields
    return {"error": body}


def handle_domain_error(error: DomainError) -> Response:
    """A DomainError as JSON, as a redirect to the login page, or as a page."""
    message = error_text(error)
    if error.status == 401 and not is_api_request():
        return _to_login()
    response = _answer(error.status, error.code, message, {k: gettext(v) for k, v in error.fields.items()})
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if error.status == 429:
        response.headers["Retry-After"] = str(error.retry_after or 60)
    return response


def invalid(error: ValidationError) -> InvalidParam:
    """pydantic's findings as an InvalidParam with the names of the fields."""
    return InvalidParam(fields=field_messages(error))


def _answer(status: int, code: str, message: str, fields: dict[str, str] | None = None) -> Response:
    if is_api_request():
        return make_response(jsonify(error_body(code, message, fields)), status)
    title = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else str(status)
    template = "errors/_message.html" if "HX-Request" in request.headers else "errors/error.html"
    body = render_template(
        template, status=status, title=title, message=message, fields=fields or {}, request_id=request_id()
    )
    response = make_response(body, status)
    if "HX-Request" in request.headers:
        response.headers["HX-Retarget"] = "#toasts"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _to_login() -> Response:
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    url = f"/login?next={quote(here)}"
    if "HX-Request" in request.headers:
        response = make_response("", 401)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, code=303))


def _handle_rate_limit(error: RateLimitExceeded) -> Response:
    window = error.limit.limit.get_expiry() if error.limit else 60
    return handle_domain_error(RateLimited(retry_after=int(window)))


def _handle_csrf(_error: CSRFError) -> Response:
    return handle_domain_error(
        Forbidden(gettext("This page is out of date. Reload it and try again."), code="CSRF_FAILED")
    )


def _handle_http(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < 400:
        return make_response(error.get_response())
    if error.code == 404:
        return handle_domain_error(NotFound())
    code = CODES.get(error.code, "ERROR")
    response = _answer(error.code, code, gettext("The request could not be handled."))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def _handle_database(error: OperationalError) -> Response:
    log.error("database_unavailable error=%s", type(error.orig).__name__, exc_info=error)
    return handle_domain_error(Unavailable())


def _handle_bug(error: Exception) -> Response:
    log.exception("unexpected_error", exc_info=error)
    return _answer(500, "INTERNAL", gettext("Something went wrong on our side. Please try again."))
