"""Wrong input to every declared endpoint: the error form with a fitting status, nothing changed, never a 500.

The cases are made from what the endpoints declare, so a new endpoint is tested without a word here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count, product
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel
from werkzeug.test import TestResponse

from app.core.actor import Role
from app.factory import create_app
from app.web.api import ENDPOINTS, Endpoint
from app.web.openapi import responses_of
from tests.flows.hostile import (
    BROKEN_BODIES,
    HUGE,
    LONE_SURROGATE,
    NOT_NUMBERS,
    NOT_TEXTS,
    SHAPES,
    TEXTS,
    WRONG_BODIES,
    World,
    assert_error_form,
    build_world,
)

pytestmark = pytest.mark.redis

# Right values by name, where the schema alone does not tell one.
RIGHT: dict[str, Any] = {
    "username": "somebody",
    "email": "somebody@example.com",
    "password": "a long enough password",
    "phone": "13800138000",
    "sku": "A",
    "coupon_code": "SAVE",
    "category_id": 1,
    "content": "hello",
    "text": "hello",
    "name": "New",
    "name_en": "New",
    "tools": ["list_products"],
}
# What answers 503 in the error form where the shop has no such service set up, once the input is right.
OPTIONAL_PARTS = frozenset({"/v1/api/speak", "/v1/api/transcribe"})
_numbers = count(1)
WRONG_PARTS = (
    "0", "-1", "999999999", "99999999999999999999999", "1.5", "abc", "%00", "a%00b", "%ff%fe", "%F0%9F%98%80",
    "..%2f..%2fetc%2fpasswd", "1%20OR%201=1", "%27--", "%3Cscript%3E", "x" * 2_000, "%0d%0aSet-Cookie:a=b",
)  # fmt: skip


def not_found(name: str) -> tuple[int, ...]:
    """The statuses of an id that there is not; the mock CRM looks at its service token before anything else."""
    return (401, 404, 405) if "/mock/" in name else (404, 405)


def declared() -> dict[str, Endpoint]:
    """All endpoints by "METHOD /path". They are declared when the application's modules are imported."""
    assert create_app
    return {f"{method} {rule}": told for (rule, method), told in ENDPOINTS.items()}


def named(*, body: bool = False, query: bool = False, path: bool = False) -> list[str]:
    return sorted(
        name
        for name, told in declared().items()
        if (not body or told.body) and (not query or told.query) and (not path or "<" in told.rule)
    )


@pytest.fixture
def world(app: Flask) -> World:
    return build_world(app)


def properties(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The fields of a model by name, references resolved."""
    schema = model.model_json_schema()
    return {name: _resolved(told, schema) for name, told in schema.get("properties", {}).items()}


def _resolved(told: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [_resolved(each, schema) for each in told.get("anyOf", ())]
    if "$ref" in told:
        return _resolved(schema["$defs"][told["$ref"].rsplit("/", 1)[-1]], schema)
    if kinds:
        types = {name for kind in kinds for name in kind["types"]}
        return {**{key: value for kind in kinds for key, value in kind.items()}, "types": types}
    return {**told, "types": {told.get("type", "any")}}


def right_body(told: Endpoint, world: World) -> dict[str, Any]:
    """A body that the endpoint takes."""
    known = {**RIGHT, **world.ids}
    schema = told.body.model_json_schema() if told.body else {}
    values = {name: _right(name, field, known) for name, field in properties(told.body or BaseModel).items()}
    if told.answers.keys() == {201} and "<" not in told.rule:
        # What is made must be new each time, else "there is one already" hides every other refusal.
        fresh = f"fresh{next(_numbers)}"
        values.update(username=fresh, email=f"{fresh}@example.com", sku="A" if "cart" in told.rule else fresh)
    fields = schema.get("properties", {})
    wanted = {*schema.get("required", ()), *RIGHT} & fields.keys()
    return {name: value for name, value in values.items() if name in wanted}


def _right(name: str, told: dict[str, Any], known: dict[str, Any]) -> Any:
    if name in known:
        return known[name]
    sample = {"integer": 1, "number": 1, "boolean": False, "array": [], "object": {}, "string": "new"}
    return (
        told["enum"][0]
        if "enum" in told
        else next((sample[kind] for kind in sample if kind in told["types"]), None)
    )


def wrong_values(told: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Values for a field, each with whether it must be refused."""
    types = told["types"]
    if "any" in types:
        return
    for shape in SHAPES:
        yield shape, not ({"array", "object"} & types)
    for value in NOT_NUMBERS:
        yield value, "string" not in types and not ("number" in types and value == 1.5)
    for value in NOT_TEXTS:
        yield value, types <= {"string", "null"}
    for text in (*TEXTS, "1; DROP TABLE orders"):
        yield text, "string" not in types and not text.strip("-").isdigit()
    yield HUGE, True
    yield LONE_SURROGATE, True
    yield f"a{LONE_SURROGATE}b", True
    yield None, "null" not in types
    for number in (-1, 0, 10**9, 2**31, 2**63, 10**30, -(10**30)):
        yield number, "integer" not in types and "number" not in types
    if {"array", "object"} & types:
        yield "text", True
        yield [None] * 3, True
        yield [[[]]] * 3, True


def send(world: World, told: Endpoint, person: str, body: Any = None, **more: Any) -> TestResponse:
    path = more.pop("path", None) or path_with(told, world)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = world.bearer(person, **{"Content-Type": "application/json", **more.pop("headers", {})})
    client = world.app.test_client()
    with_body = {"data": data} if body is not None else {}
    response = client.open(path, method=told.method, headers=headers, **with_body, **more)
    assert response.data is not None  # an event stream is read to its end
    return response


def path_with(told: Endpoint, world: World, part: str | None = None) -> str:
    """The endpoint's path with Alice's ids, or with `part` for each of them."""
    pieces = told.rule.split("<")
    return pieces[0] + "".join(_fill(piece, world, part) for piece in pieces[1:])


def _fill(piece: str, world: World, part: str | None) -> str:
    name, _, rest = piece.partition(">")
    return f"{part if part is not None else world.ids[name.rpartition(':')[2]]}{rest}"


def who_may(told: Endpoint) -> str:
    if not told.access.roles:
        return "alice"
    return "olivia" if Role.OPERATOR in told.access.roles else "ada"


def check(world: World, told: Endpoint, what: object, before: dict[str, str], response: TestResponse) -> bool:
    """True when it was refused, in the error form, with a declared status and without a trace."""
    is_missing_part = response.status_code == 503 and told.rule in OPTIONAL_PARTS
    assert response.status_code < 500 or is_missing_part, (what, response.status, response.text[:300])
    if response.status_code < 400:
        return False
    assert_error_form(response, what)
    assert str(response.status_code) in dict(responses_of(told)) or response.status_code == 413, (
        what,
        response.status,
    )
    after = world.state()
    changed = {name for name in after if after[name] != before[name]} - {"mcp_call_counts", "mcp_call_logs"}
    assert not changed, (what, response.status, changed)
    return True


@pytest.mark.parametrize("name", named(body=True))
def test_a_wrong_field_is_refused_and_changes_nothing(world: World, name: str) -> None:
    told = declared()[name]
    assert told.body
    before = world.state()
    for field, described in properties(told.body).items():
        for value, must_be_refused in wrong_values(described):
            what = (name, field, repr(value)[:60])
            response = send(world, told, who_may(told), {**right_body(told, world), field: value})
            refused = check(world, told, what, before, response)
            assert refused or not must_be_refused, (what, response.status, response.text[:300])
            if not refused:
                world.refill_cart()
                before = world.state()


@pytest.mark.parametrize("name", named(body=True))
def test_a_body_that_is_no_json_object_is_refused(world: World, name: str) -> None:
    told, before = declared()[name], world.state()
    for body in (*BROKEN_BODIES, *WRONG_BODIES):
        for kind in ("application/json", "text/plain", "application/xml", "multipart/form-data", "%%%"):
            what = (name, body[:40], kind)
            response = send(world, told, who_may(told), body, headers={"Content-Type": kind})
            assert check(world, told, what, before, response), (what, response.status)
            assert response.status_code in (400, 422) or told.accepts_form, (what, response.status)


@pytest.mark.parametrize("name", named(body=True))
def test_required_fields_are_named_when_they_are_missing(world: World, name: str) -> None:
    told, before = declared()[name], world.state()
    assert told.body
    right = right_body(told, world)
    for field in told.body.model_json_schema().get("required", ()):
        body = {key: value for key, value in right.items() if key != field}
        response = send(world, told, who_may(told), body)
        assert check(world, told, (name, field), before, response), (name, field, response.status)
        assert field in response.get_json()["error"]["fields"], (name, field)


@pytest.mark.parametrize("name", named(query=True))
def test_wrong_query_values_are_refused_or_harmless(world: World, name: str) -> None:
    told, before = declared()[name], world.state()
    assert told.query
    for field, described in properties(told.query).items():
        is_number = "string" not in described["types"] and "enum" not in described
        for text in (*TEXTS, "abc", "١٢", "1e9", "NaN", "0x10", "true;", "%", "x" * 20_000):
            what = (name, field, text[:40])
            response = send(world, told, who_may(told), query_string={field: text})
            refused = check(world, told, what, before, response)
            is_digits = text.strip("-").isdigit()
            assert refused or not is_number or not text.strip() or is_digits, (what, response.status)


@pytest.mark.parametrize("name", named(path=True))
def test_wrong_ids_in_the_path_are_not_found(world: World, name: str) -> None:
    told, before = declared()[name], world.state()
    body = right_body(told, world) if told.body else None
    for part in WRONG_PARTS:
        response = send(world, told, who_may(told), body, path=path_with(told, world, part))
        assert response.status_code in not_found(name), (name, part, response.status, response.text[:200])
        assert_error_form(response, (name, part))
        assert world.state() == before, (name, part)


@pytest.mark.parametrize("name", named())
def test_broken_headers_break_nothing(world: World, name: str) -> None:
    told, before = declared()[name], world.state()
    headers = {
        "Accept-Language": ("", ";;;", "zh;q=abc", "*" * 5_000, "\xff\xfe", "en;q=1e999", "-"),
        "Authorization": (
            "",
            "Bearer",
            "Bearer ",
            "Bearer \xff",
            "Bearer a.b.c",
            "Basic !!!",
            "bearer null",
            "x" * 9_000,
        ),
        "Cookie": (
            "mcpshop=",
            "mcpshop=x.y.z",
            "=;=;",
            "mcpshop=\xff; locale=\xff",
            "locale=zz",
            ";" * 2_000,
        ),
        "Accept": ("", "text/html", "*", "\xff"),
        "X-Request-Id": ("", "a b\tc", "x" * 5_000, "\xff", "<script>"),
        "Content-Length": ("",),
        "Host": ("evil.example", "a b", "[::1", "x" * 3_000, ""),
        "Origin": ("https://evil.example", "null"),
        "If-None-Match": ("\xff", '"'),
        "Range": ("bytes=5-1", "bytes=a"),
        "X-Forwarded-For": ("' OR 1=1", "\xff"),
    }
    for header, values in headers.items():
        for value in values:
            # Without a token, so that nothing is done: what is refused must be refused in good form.
            response = world.app.test_client().open(
                path_with(told, world), method=told.method, headers={header: value}
            )
            what = (name, header, value[:40], response.status)
            assert response.status_code < 500, what
            if response.status_code >= 400:
                assert_error_form(response, what)
    assert world.state() == before


@pytest.mark.parametrize("header", ["Idempotency-Key", "Last-Event-ID"])
def test_broken_values_of_our_own_headers_are_refused(world: World, header: str) -> None:
    name = "POST /api/orders" if header == "Idempotency-Key" else "GET /api/chat/runs/<run_id>/events"
    told, before = declared()[name], world.state()
    for value in ("\xff", "x" * 5_000, "a\tb", "1-2-3", "<script>", "'; --", "١"):
        if header == "Idempotency-Key" and value.isascii() and value.isprintable() and len(value) < 129:
            continue
        sent = value.encode("utf-8").decode("latin-1")
        response = send(world, told, "alice", {} if told.body else None, headers={header: sent})
        assert check(world, told, (header, value[:20]), before, response), (
            header,
            value[:20],
            response.status,
        )


def test_wrong_values_inside_lists_and_objects_are_refused(world: World) -> None:
    told, before = declared()["POST /api/chat/stream"], world.state()
    for inner in (
        {"temperature": float("nan")}, {"temperature": float("inf")}, {"temperature": -1}, {"max_tokens": 0},
        {"max_tokens": 10**30}, {"model_name": ["x"]}, {"model_name": LONE_SURROGATE}, {"base_url": HUGE},
        {"base_url": "http://169.254.169.254/"}, {"base_url": "file:///etc/passwd"}, {"api_key": "\x00\r\n"},
    ):  # fmt: skip
        response = send(world, told, "alice", {"content": "hello", "model_config": inner})
        assert response.status_code in (403, 422), (inner, response.status)
        assert_error_form(response, inner)
        assert world.state() == before, inner
    told = declared()["POST /api/orders/<int(max=2147483647):order_id>/refund"]
    world.ids["order_id"] = world.ids["paid_order_id"]
    for items in (
        [{}], [{"sku": "A"}], [{"quantity": 1}], [{"sku": "A", "quantity": -1}], [{"sku": "A", "quantity": 10**30}],
        [{"sku": "A", "quantity": 3}], [{"sku": "A", "quantity": 2}, {"sku": "A", "quantity": 1}],
        [{"sku": "B", "quantity": 1}], [{"sku": LONE_SURROGATE, "quantity": 1}], [{"sku": "A", "quantity": True}],
        [{"sku": "A", "quantity": 1}] * 51, ["A"], [None],
    ):  # fmt: skip
        response = send(world, told, "olivia", {"items": items})
        assert check(world, told, items, before, response), (items, response.status)


def test_a_megabyte_goes_in_and_does_not_come_back(world: World) -> None:
    told = declared()["POST /api/cart"]
    response = send(world, told, "alice", {"sku": HUGE, "quantity": 1})
    assert response.status_code in (404, 422)
    assert len(response.data) < 2_000


def test_a_body_beyond_the_limit_is_413(world: World) -> None:
    told, before = declared()["POST /api/cart"], world.state()
    response = send(world, told, "alice", b" " * 6_000_000)
    assert response.status_code == 413
    assert check(world, told, "6 MB", before, response)


def test_keys_given_twice_and_unknown_keys_are_no_error(world: World) -> None:
    told = declared()["POST /api/cart"]
    body = b'{"sku": "nothing", "sku": "A", "quantity": 900, "quantity": 1, "__proto__": {"a": 1}}'
    response = send(world, told, "charlie", body)
    assert response.status_code == 201
    assert response.get_json()["quantity"] == 1


# MariaDB refuses what SQLite takes: text that is too long, numbers that are too large, 4-byte characters in
# a 3-byte column. A shorter run there, of texts and numbers only.
STRICT_VALUES = ("a\x00b", "😀𠮷" * 20, "x" * 300, "é\u0301", 2**31, 2**63, -1, LONE_SURROGATE, "A ")
STRICT_PARTS = ("%00", "%F0%9F%98%80", "999999999", "99999999999", "x" * 300, "%ff")
STRICT_TEXTS = ("a\x00b", "😀𠮷", "x" * 90, '+-><()~*"@', "99999999999999999999", "-99999999999", "\\")


@pytest.fixture
def strict_world(make_app: Any, mariadb_url: str) -> World:
    return build_world(make_app(mariadb_url))


@pytest.mark.mariadb
@pytest.mark.timeout(400)
def test_wrong_fields_break_nothing_on_mariadb(strict_world: World) -> None:
    world, before = strict_world, strict_world.state()
    for name in named(body=True):
        told = declared()[name]
        for field, value in product(properties(told.body or BaseModel), STRICT_VALUES):
            what = (name, field, repr(value)[:40])
            response = send(world, told, who_may(told), {**right_body(told, world), field: value})
            if not check(world, told, what, before, response):
                world.refill_cart()
                before = world.state()


@pytest.mark.mariadb
@pytest.mark.timeout(400)
def test_wrong_paths_and_queries_break_nothing_on_mariadb(strict_world: World) -> None:
    world, before = strict_world, strict_world.state()
    for name, part in product(named(path=True), STRICT_PARTS):
        told = declared()[name]
        body = right_body(told, world) if told.body else None
        response = send(world, told, who_may(told), body, path=path_with(told, world, part))
        assert response.status_code in not_found(name), (name, part, response.status, response.text[:300])
    for name in named(query=True):
        told = declared()[name]
        for field, text in product(properties(told.query or BaseModel), STRICT_TEXTS):
            response = send(world, told, who_may(told), query_string={field: text})
            check(world, told, (name, field, text), before, response)
