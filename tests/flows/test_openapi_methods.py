"""Methods, trailing slashes and unknown paths of the API, and that its document tells the truth."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.factory import create_app
from app.web.api import ENDPOINTS
from tests.flows.hostile import World, assert_error_form, build_world

pytestmark = pytest.mark.redis
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Streams, which do not end.
ENDLESS = ("/events", "/stream")


@pytest.fixture
def world(app: Flask) -> World:
    return build_world(app)


def paths(world: World) -> dict[str, set[str]]:
    """Every path of the API with Alice's ids, and its methods."""
    assert create_app
    found: dict[str, set[str]] = {}
    adapter = world.app.url_map.bind("localhost")
    for rule in world.app.url_map.iter_rules():
        methods = {method for path, method in ENDPOINTS if path == rule.rule}
        if methods:
            values = {name: world.ids[name] for name in rule.arguments}
            found.setdefault(adapter.build(rule.endpoint, values), set()).update(methods)
    return found


def test_another_method_is_405_with_allow_in_the_error_form(world: World) -> None:
    client, before = world.app.test_client(), world.state()
    for path, methods in paths(world).items():
        for method in {*METHODS, "TRACE", "PROPFIND"} - methods:
            answer = client.open(path, method=method, headers=world.bearer("ada"), json={})
            what = (method, path, answer.status)
            if path == "/api/cart/clear":
                continue  # GET falls to no rule of its own, see below
            assert answer.status_code == 405, what
            assert assert_error_form(answer, what)["code"] == "INVALID_PARAM"
            assert methods <= set(answer.headers["Allow"].replace(" ", "").split(",")), what
    assert world.state() == before


def test_a_browsers_wrong_method_is_405_too(world: World) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        answer = world.browser("alice").open("/api/products", method=method)
        assert answer.status_code == 405
        assert_error_form(answer)
        assert world.browser("alice").open("/products", method=method).status_code == 405


def test_options_tell_the_methods_and_need_nobody(world: World) -> None:
    client = world.app.test_client()
    for path, methods in paths(world).items():
        answer = client.options(path)
        assert answer.status_code == 200, path
        assert methods <= set(answer.headers["Allow"].replace(" ", "").split(",")), path
        assert answer.data == b"", path


def test_head_answers_as_get_without_a_body(world: World) -> None:
    client, headers = world.app.test_client(), world.bearer("ada")
    for path, methods in paths(world).items():
        if "GET" not in methods or path.endswith(ENDLESS):
            continue
        head, get = client.head(path, headers=headers), client.get(path, headers=headers)
        assert head.status_code == get.status_code, path
        assert head.data == b"", path
        assert head.mimetype == get.mimetype, path


def test_a_trailing_slash_makes_no_difference(world: World) -> None:
    client, headers = world.app.test_client(), world.bearer("alice")
    for path, methods in paths(world).items():
        if "GET" not in methods or path.endswith(ENDLESS):
            continue
        plain, slashed = client.get(path, headers=headers), client.get(f"{path}/", headers=headers)
        assert slashed.status_code == plain.status_code, path
        assert slashed.mimetype == plain.mimetype, path
    assert client.post("/api/cart/", json={"sku": "A"}, headers=headers).status_code == 201
    for page in ("/products", "/cart", "/login", "/chat", "/coupons"):
        assert client.get(f"{page}/").status_code == client.get(page).status_code == 200, page


@pytest.mark.parametrize(
    "path",
    ["/api/nothing", "/api/", "/api", "/api/products/A/nothing", "/v1/api/nothing", "/v1", "/api/orders/x", "/api//products", "/mock/x"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_of_the_api_is_json_in_both_languages(
    client: FlaskClient, path: str, method: str
) -> None:
    messages = []
    for language in ("zh-CN", "en", "fr", "", "xx;q=9"):
        answer = client.open(path, method=method, headers={"Accept-Language": language})
        assert answer.status_code == 404, (path, language)
        error = assert_error_form(answer, path)
        assert error["code"] == "NOT_FOUND"
        messages.append(error["message"])
    assert messages[0] != messages[1]
    assert messages[0] == messages[2] == messages[3] == messages[4], "Chinese where nothing else is asked for"


def test_an_unknown_page_is_a_page_in_both_languages(client: FlaskClient) -> None:
    for language, lang in (("zh", "zh-CN"), ("en", "en")):
        answer = client.get("/nothing", headers={"Accept-Language": language})
        assert (answer.status_code, answer.mimetype) == (404, "text/html")
        assert f'lang="{lang}"' in answer.text


def test_error_messages_are_translated(world: World) -> None:
    """Every refusal that a program can cause without knowing more than the paths, in the reader's language."""
    client, same = world.app.test_client(), []
    for path, methods in paths(world).items():
        for method in methods:
            for headers in ({}, world.bearer("charlie")):
                answers = [
                    client.open(
                        path, method=method, data="[", headers={**headers, "Accept-Language": language}
                    )
                    for language in ("zh", "en")
                ]
                if answers[0].status_code < 400:
                    continue
                told = [answer.get_json()["error"]["message"] for answer in answers]
                if told[0] == told[1]:
                    same.append((method, path, told[0]))
    assert same == []
