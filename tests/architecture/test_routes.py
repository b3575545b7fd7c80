"""Every route says who may use it."""

from flask import Flask
from werkzeug.routing import IntegerConverter

OPEN_BY_DESIGN = {"static"}


def test_every_route_declares_its_access(app: Flask) -> None:
    silent = [
        str(rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in OPEN_BY_DESIGN and not hasattr(app.view_functions[rule.endpoint], "access")
    ]
    assert silent == []


def test_signed_in_routes_turn_strangers_away(app: Flask) -> None:
    client = app.test_client()
    let_in = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if getattr(view, "access", None) is None or view.access.level != "user" or "GET" not in rule.methods:
            continue
        values = {
            name: 1 if isinstance(conv, IntegerConverter) else "x" for name, conv in rule._converters.items()
        }
        with app.test_request_context():
            url = app.url_map.bind("localhost").build(rule.endpoint, values)
        response = client.get(url)
        if response.status_code not in (401, 303):
            let_in.append((url, response.status_code))
    assert let_in == []
