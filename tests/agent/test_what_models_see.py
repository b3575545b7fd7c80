"""Everything that goes to a model elsewhere, recorded there: no secrets, nobody else's data, nothing of our inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from flask import Flask

from app.accounts.contacts import ContactDetails, add_contact
from app.accounts.tokens import issue_token
from app.db import db, transaction
from tests.agent.conftest import Person, events_in, of_type
from tests.builders import actor_of, make_product, make_user
from tests.conftest import MakeApp
from tests.gateway.upstreams import Upstream, Wire, delta, upstream
from tests.orders.order_helpers import fill_cart, place

KEY = "sk-the-shops-own-key"
SECRET = "a-secret-of-the-tests-with-many-characters"
Calls = list[tuple[str, dict[str, Any]]]


class Script:
    """What the model elsewhere answers: a turn of calls, or words when there is none left."""

    def __init__(self) -> None:
        self.turns: list[Calls] = []
        self._ids = count()

    def __call__(self, wire: Wire) -> None:
        calls = self.turns.pop(0) if self.turns else []
        wire.begin()
        for number, (name, given) in enumerate(calls):
            function = {"name": name, "arguments": json.dumps(given)}
            piece = {
                "index": number,
                "id": f"call{next(self._ids)}",
                "type": "function",
                "function": function,
            }
            wire.event(delta(tool_calls=[piece]))
        if not calls:
            wire.words("Well.")
        wire.finish("tool_calls" if calls else "stop")


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def elsewhere(script: Script) -> Iterator[Upstream]:
    with upstream(script) as server:
        yield server


@pytest.fixture
def shop(make_app: MakeApp, elsewhere: Upstream) -> Flask:
    return make_app(llm_base_url=elsewhere.url, llm_api_key=KEY, llm_model="distant", secret_key=SECRET)


def test_a_model_elsewhere_sees_nothing_that_it_must_not(
    shop: Flask, elsewhere: Upstream, script: Script
) -> None:
    with shop.app_context():
        make_product("SKN-002", name_en="Light Sunscreen", stock=100)
        people = {name: actor_of(make_user(name), locale="en") for name in ("alice", "bobby")}
        for name, actor in people.items():
            contact = ContactDetails(
                recipient=f"{name} the recipient",
                phone="13912345678",
                city="Ningbo",
                address=f"{name}'s lane 7",
            )
            with transaction():
                add_contact(actor.require_user(), contact)
            fill_cart(actor, **{"SKN-002": 1})
        orders = {name: place(actor).id for name, actor in people.items()}
        fill_cart(people["alice"], **{"SKN-002": 1})
        jwt, _ = issue_token(people["alice"].require_user())
        db.session.remove()
    headers = {"Authorization": f"Bearer {jwt}", "Accept-Language": "en"}
    alice = Person(shop, shop.test_client(), people["alice"], headers)
    script.turns += [
        [
            ("list_orders", {}),
            ("get_order", {"order_id": orders["bobby"]}),
            ("view_cart", {}),
            ("try_crash", {}),
        ],
        [("get_user_profile", {"user_id": 2}), ("try_staff", {}), ("list_products", {"q": "sunscreen"})],
        [("add_to_cart", {"sku": "SKN-002", "qty": 9})],
        [],
        [("place_order", {})],
        [],
    ]
    first = alice.say("where is my order?")
    session_id = str(first[-1]["data"]["message"]["session_id"])
    asked = alice.say("place the order", session_id=session_id)
    tokens = [
        str(call["confirmation_id"])
        for call in of_type(first + asked, "tool_call")
        if call.get("confirmation_id")
    ]
    assert len(tokens) == 2
    events_in(alice.post("/api/chat/confirm", confirmation_id=tokens[1], approve=True))
    seen = json.dumps(elsewhere.bodies, ensure_ascii=False)
    assert len(elsewhere.bodies) >= 7 and "Light Sunscreen" in seen
    assert "confirmation_required" in seen and str(orders["alice"]) in seen
    forbidden = {
        "tokens": tokens,
        "keys": [KEY, SECRET, jwt],
        "contacts": ["13912345678", "lane 7", "the recipient", "@example.com", "alice", "user:1"],
        "other people": ["bobby"],
        "our inside": [
            "ZeroDivisionError",
            "a bug",
            "Traceback",
            "sqlalchemy",
            "SELECT ",
            str(shop.root_path),
        ],
    }
    for kind, words in forbidden.items():
        assert not [word for word in words if word in seen], kind
    offered = {tool["function"]["name"] for tool in elsewhere.bodies[0]["tools"]}
    assert "place_order" in offered and "try_staff" not in offered and "confirm" not in offered
