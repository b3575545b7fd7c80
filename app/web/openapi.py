"""The OpenAPI 3.1 document, made from what the endpoints declare (app.web.api.ENDPOINTS)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from itertools import chain
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.web.api import ENDPOINTS, Endpoint

RULE_PART = re.compile(r"<(?:(?P<kind>[a-z]+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
PATH_TYPES = {"int": {"type": "integer", "minimum": 0}, "uuid": {"type": "string", "format": "uuid"}}
REF = "#/components/schemas/{model}"
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string", "examples": ["NOT_FOUND"]},
                "message": {"type": "string", "description": "In the request's language."},
                "fields": {"type": "object", "additionalProperties": {"type": "string"}},
                "request_id": {"type": "string"},
            },
        }
    },
}
ALWAYS_POSSIBLE = {"public": (), "visitor": (401,), "user": (401,)}


def build_document(*, version: str) -> dict[str, Any]:
    """The whole document, made once. It must not be changed."""
    return _document(version, len(ENDPOINTS))


@cache
def _document(version: str, _count: int) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for told in in_order():
        paths.setdefault(path_of(told.rule), {})[told.method.lower()] = _operation(told)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "MCPShop",
            "version": version,
            "description": "Errors have one form, times are ISO 8601 with zone, money is integer cents.",
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(told.tag for told in in_order())],
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR_SCHEMA, **_component_schemas()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "mcpshop",
                    "description": "The browser's session; writes then need the header X-CSRFToken.",
                },
            },
        },
    }


def in_order() -> list[Endpoint]:
    """All endpoints, by tag and path."""
    return sorted(ENDPOINTS.values(), key=lambda told: (told.tag, told.rule, told.method))


def path_of(rule: str) -> str:
    """A rule as OpenAPI writes paths: `/orders/{order_id}`."""
    return RULE_PART.sub(lambda part: "{" + part["name"] + "}", rule)


def _operation(told: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(told),
        "summary": told.summary,
        "tags": [told.tag],
        "parameters": [*_path_parameters(told.rule), *_query_parameters(told.query)],
        "responses": dict(responses_of(told)),
    }
    if told.body is not None:
        is_required = any(field.is_required() for field in told.body.model_fields.values())
        operation["requestBody"] = {"required": is_required, "content": _json(_reference(told.body))}
    if told.access.level != "public":
        operation["security"] = [{"bearer": []}, {"session": []}]
    if told.access.roles:
        operation["description"] = f"Roles: {', '.join(sorted(told.access.roles))}."
    return operation


def _operation_id(told: Endpoint) -> str:
    words = re.findall(r"[A-Za-z0-9]+", RULE_PART.sub(lambda part: f"by_{part['name']}", told.rule))
    return "_".join([told.method.lower(), *words])


def _path_parameters(rule: str) -> Iterator[dict[str, Any]]:
    for part in RULE_PART.finditer(rule):
        schema = PATH_TYPES.get(part["kind"] or "", {"type": "string"})
        yield {"name": part["name"], "in": "path", "required": True, "schema": schema}


def _query_parameters(model: type[BaseModel] | None) -> Iterator[dict[str, Any]]:
    if model is None:
        return
    schema = model.model_json_schema()
    for name, described in schema.get("properties", {}).items():
        described = {key: value for key, value in described.items() if key != "title"}
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": described,
        }


def responses_of(told: Endpoint) -> Iterator[tuple[str, dict[str, Any]]]:
    """(status, response) of all that an endpoint may answer."""
    for status, answer in told.answers.items():
        yield str(status), _answer(status, answer)
    possible = {*told.errors, *ALWAYS_POSSIBLE[told.access.level]}
    possible |= {403} if told.access.roles else set()
    possible |= {400, 422} if told.body is not None else set()
    possible |= {422} if told.query is not None else set()
    for status in sorted(possible - set(told.answers)):
        error = {"description": _phrase(status), "content": _json({"$ref": REF.format(model="Error")})}
        yield str(status), error


def _answer(status: int, answer: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _phrase(status)}
    if isinstance(answer, str):
        described["content"] = {answer: {"schema": {} if "json" in answer else {"type": "string"}}}
    elif get_origin(answer) is list:
        described["content"] = _json({"type": "array", "items": _reference(get_args(answer)[0])})
    elif isinstance(answer, UnionType):
        described["content"] = _json({"anyOf": [_reference(each) for each in get_args(answer)]})
    elif isinstance(answer, type) and issubclass(answer, BaseModel):
        described["content"] = _json(_reference(answer))
    elif answer is not None:
        described["content"] = _json({})
    return described


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": dict(schema)}}


def _reference(model: Any) -> dict[str, str]:
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    return {"$ref": REF.format(model=_names()[model])} if is_model else {}


def _models() -> list[type[BaseModel]]:
    found: dict[type[BaseModel], None] = {}
    for told in in_order():
        for each in (told.body, *chain.from_iterable(map(_items_of, told.answers.values()))):
            if isinstance(each, type) and issubclass(each, BaseModel):
                found[each] = None
    return list(found)


def _items_of(answer: Any) -> tuple[Any, ...]:
    """The models of an answer: of a list its item, of a union all of them."""
    is_made_of_others = get_origin(answer) is list or isinstance(answer, UnionType)
    return get_args(answer) if is_made_of_others else (answer,)


def _modes() -> list[tuple[type[BaseModel], Any]]:
    bodies = {told.body for told in ENDPOINTS.values()}
    return [(model, "validation" if model in bodies else "serialization") for model in _models()]


def _names() -> dict[Any, str]:
    """Each model's name in the document, unique even where two features chose the same."""
    names, _components = _described(len(ENDPOINTS))
    return names


def _component_schemas() -> dict[str, Any]:
    _model_names, components = _described(len(ENDPOINTS))
    return components


@cache
def _described(_count: int) -> tuple[dict[Any, str], dict[str, Any]]:
    """Names and schemas of all models; endpoints are only ever added, so their number is the version."""
    schemas, definitions = models_json_schema(_modes(), ref_template=REF)
    names = {model: schema["$ref"].rsplit("/", 1)[-1] for (model, _mode), schema in schemas.items()}
    return names, definitions.get("$defs", {})
