"""Declaring JSON endpoints: path, access, typed body and query, typed answers; OpenAPI is made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Blueprint, Response, jsonify, make_response, request
from pydantic import BaseModel, ConfigDict
from werkzeug.exceptions import BadRequest as HttpBadRequest

from app.core.errors import N_, BadRequest
from app.extensions import limiter
from app.web.auth import Access, access

View = TypeVar("View", bound=Callable[..., Any])
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


class Schema(BaseModel):
    """Base of what comes in: unknown keys are ignored, strings are trimmed."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One declared endpoint, as the OpenAPI document shows it.

    `answers` maps a status to the pydantic model of the body, a `list[Model]`, a union `A | B`, a media type as text
    ("text/event-stream") or None for an empty body.
    """

    rule: str
    method: str
    access: Access
    summary: str
    tag: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: Mapping[int, Any] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    accepts_form: bool = False


ENDPOINTS: dict[tuple[str, str], Endpoint] = {}


def endpoint(
    blueprint: Blueprint,
    rule: str,
    *,
    who: Access,
    summary: str,
    method: str = "GET",
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answers: Mapping[int, Any] | None = None,
    errors: tuple[int, ...] = (),
    limit: str | None = None,
    accepts_form: bool = False,
) -> Callable[[View], View]:
    """Register a view for one method of a path.

    The view gets `body=` and `query=` as checked pydantic objects when declared, and returns a pydantic
    object, a list of them, a dict, a `(value, status)` or `(value, status, headers)` tuple, None, or a Response;
    without a status the first of `answers` counts. `limit` is a Flask-Limiter text such as "30/minute".
    With `accepts_form` the body may also come as a form's fields.
    """
    told = Endpoint(
        rule=rule,
        method=method,
        access=who,
        summary=summary,
        tag=blueprint.name.removesuffix("_api"),
        body=body,
        query=query,
        answers=answers or {200: None},
        errors=errors,
        accepts_form=accepts_form,
    )
    ENDPOINTS[(rule, method)] = told

    def decorate(view: View) -> View:
        def call(**path: Any) -> Response:
            return _respond(view(**path, **_inputs(told)), next(iter(told.answers)))

        call.__name__, call.__doc__, call.__module__ = view.__name__, view.__doc__, view.__module__
        guarded = access(who)(call)
        guarded = limiter.limit(limit)(guarded) if limit else guarded
        guarded.access = who  # type: ignore[attr-defined]
        blueprint.add_url_rule(rule, endpoint=view.__name__, view_func=guarded, methods=[method])
        return view

    return decorate


def _inputs(told: Endpoint) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    if told.query is not None:
        inputs["query"] = told.query.model_validate(request.args.to_dict())
    if told.body is not None:
        is_form = told.accepts_form and request.mimetype in FORM_TYPES
        inputs["body"] = told.body.model_validate(request.form.to_dict() if is_form else json_body())
    return inputs


def json_body() -> Any:
    """The request's JSON object, {} when there is no body. Raises BadRequest (400) when it is malformed."""
    if not request.content_length and not request.data:
        return {}
    try:
        return request.get_json(force=True)
    # The parser gives up on thousands of nested brackets with a RecursionError.
    except (HttpBadRequest, RecursionError) as error:
        raise BadRequest(N_("The body is not valid JSON.")) from error


def _respond(value: Any, status: int) -> Response:
    headers: Mapping[str, str] = {}
    if isinstance(value, Response):
        return value
    if isinstance(value, tuple):
        value, status, *rest = value
        headers = rest[0] if rest else {}
    body = "" if value is None else jsonify(_plain(value))
    response = make_response(body, status)
    response.headers.update(headers)
    return response


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
