"""A change that the customer did not ask for is shown to them first, in their language, and runs with their yes alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.cart.models import CartItem
from app.catalogue.models import Product
from app.conversations.models import Confirmation
from app.db import db, transaction
from tests.agent.conftest import Events, Person, events_in, of_type, session_of, text_of
from tests.agent.scripted import ScriptedModel, call, say
from tests.browsing import sign_in
from tests.builders import make_coupon, make_product, make_user
from tests.orders.order_helpers import fill_cart

Play = Callable[..., ScriptedModel]
NAMES = {"en": "Rose Hand Cream", "zh": "玫瑰护手霜"}


@pytest.fixture(autouse=True)
def products(app: Flask, alice: Person) -> None:
    with app.app_context():
        make_product("BDY-003", name=NAMES["zh"], name_en=NAMES["en"], price_cents=4_900, stock=500)
        make_product("SKN-002", name="轻盈防晒乳", name_en="Light Sunscreen", price_cents=13_900, stock=500)
        make_coupon("SAVE20", name="满200减20", name_en="20 off 200")
        fill_cart(alice.actor, **{"SKN-002": 2})
        db.session.remove()


def cart(app: Flask) -> dict[str, int]:
    with app.app_context():
        rows = db.session.execute(select(CartItem.sku, CartItem.quantity)).all()
        db.session.remove()
    return {row.sku: row.quantity for row in rows}


def result(events: Events) -> dict[str, Any]:
    return of_type(events, "tool_result")[-1]


def token(events: Events) -> str:
    return str(of_type(events, "tool_call")[-1]["confirmation_id"])


def click(alice: Person, events: Events, approve: bool = True) -> Events:
    return events_in(alice.post("/api/chat/confirm", confirmation_id=token(events), approve=approve))


QUESTIONS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("add_to_cart", {"sku": "BDY-003", "qty": 2}, "Add 2 × Rose Hand Cream to the cart?", "玫瑰护手霜"),
    ("update_cart", {"sku": "SKN-002", "qty": 9}, "Change Light Sunscreen in the cart from 2 to 9 pieces?", "轻盈防晒乳"),
    ("update_cart", {"sku": "SKN-002", "qty": 0}, "Take Light Sunscreen out of the cart?", "轻盈防晒乳"),
    ("remove_from_cart", {"sku": "SKN-002"}, "Take Light Sunscreen out of the cart?", "轻盈防晒乳"),
    ("clear_cart", {}, "Take everything out of the cart?", ""),
    ("claim_coupon", {"code": "SAVE20"}, "Claim the coupon “20 off 200”?", "满200减20"),
    ("talk_to_consultant", {"reason": "x"}, "Ask a consultant to join this conversation?", ""),
)  # fmt: skip


@pytest.mark.parametrize(("name", "given", "title", "name_zh"), QUESTIONS)
def test_the_question_says_what_would_happen(
    alice: Person, play: Play, name: str, given: dict[str, Any], title: str, name_zh: str
) -> None:
    play(call((name, given)), say("?"), call((name, given)), say("？"))
    told = result(alice.say("is the sunscreen waterproof?"))
    assert told["status"] == "confirmation_required" and told["result"]["summary"]["title"] == title
    alice.headers["Accept-Language"] = "zh"
    assert name_zh in result(alice.say("防晒防水吗"))["result"]["summary"]["title"]


def test_a_yes_runs_the_same_call_and_a_no_nothing(app: Flask, alice: Person, play: Play) -> None:
    wish = ("add_to_cart", {"sku": "BDY-003", "qty": 3})
    play(call(wish), say("?"), say("No."), call(wish), say("?"), say("Done."))
    before = cart(app)
    refused = click(alice, alice.say("is it waterproof?"), approve=False)
    assert result(refused)["status"] == "denied" and cart(app) == before
    done = click(alice, alice.say("is it waterproof?"))
    assert of_type(done, "tool_call")[0]["arguments"] == wish[1]
    assert result(done)["status"] == "ok" and cart(app) == {**before, "BDY-003": 3}


def test_after_a_no_nothing_is_done_at_once(app: Flask, alice: Person, play: Play) -> None:
    many, one = ("add_to_cart", {"sku": "BDY-003", "qty": 60}), ("add_to_cart", {"sku": "BDY-003"})
    play(call(many), say("?"), call(one), say("?"))
    before = cart(app)
    asked = alice.say("add some rose hand cream")
    assert result(asked)["status"] == "confirmation_required"
    assert result(click(alice, asked, approve=False))["status"] == "confirmation_required"
    assert cart(app) == before


def test_a_typed_yes_counts_where_the_customer_spoke_of_it(app: Flask, alice: Person, play: Play) -> None:
    play(call(("add_to_cart", {"sku": "BDY-003", "qty": 6})), say("Six?"), say("Done."))
    asked = alice.say("put some rose hand cream in my cart")
    assert "answer_with" not in result(asked)["result"]
    assert result(alice.say("yes", session_id=session_of(asked)))["status"] == "ok"
    assert cart(app)["BDY-003"] == 6


@pytest.mark.parametrize("words", ["ok", "好的", "yes please", "下单", "buy it"])
def test_a_typed_yes_agrees_to_nothing_that_came_as_a_surprise(
    app: Flask, alice: Person, play: Play, words: str
) -> None:
    play(call(("add_to_cart", {"sku": "BDY-003"})), say("It is. Anything else?"), say("Fine."))
    before, asked = cart(app), alice.say("is the sunscreen waterproof?")
    assert result(asked)["result"]["answer_with"] == "button"
    assert text_of(alice.say(words, session_id=session_of(asked))) == "Fine."
    assert cart(app) == before
    click(alice, asked)
    assert cart(app) == {**before, "BDY-003": 1}


def test_an_order_that_nobody_asked_for_is_not_placed_by_an_ok(app: Flask, alice: Person, play: Play) -> None:
    play(
        call(("place_order", {})),
        say("It is. Anything else?"),
        say("Fine."),
        call(("place_order", {})),
        say("?"),
        say("!"),
    )
    asked = alice.say("is the sunscreen waterproof?")
    alice.say("ok", session_id=session_of(asked))
    assert cart(app) == {"SKN-002": 2}
    asked = alice.say("place the order")
    alice.say("ok", session_id=session_of(asked))
    assert cart(app) == {}


def test_a_price_that_changed_makes_the_question_void(app: Flask, alice: Person, play: Play) -> None:
    play(call(("add_to_cart", {"sku": "BDY-003"})), say("?"), say("It costs more now."))
    before, asked = cart(app), alice.say("is it waterproof?")
    with app.app_context(), transaction() as session:
        session.get_one(Product, "BDY-003").price_cents = 9_900
    assert result(click(alice, asked))["result"]["error"]["code"] == "CONFIRMATION_VOID"
    assert cart(app) == before


def test_more_pieces_than_were_said_are_asked_about(app: Flask, alice: Person, play: Play) -> None:
    two = ("add_to_cart", {"sku": "BDY-003", "qty": 1})
    play(call(two, two, two), call(two), say("?"))
    results = of_type(alice.say("add two rose hand creams"), "tool_result")
    assert sorted(each["status"] for each in results) == ["confirmation_required", "error", "ok", "ok"]
    assert cart(app)["BDY-003"] == 2


def test_what_cannot_be_done_is_not_asked(app: Flask, alice: Person, play: Play) -> None:
    play(call(("add_to_cart", {"sku": "NONE-99"}), ("remove_from_cart", {"sku": "BDY-003"})), say("?"))
    results = of_type(alice.say("hello"), "tool_result")
    assert {each["result"]["error"]["code"] for each in results} == {"NOT_FOUND"}
    with app.app_context():
        assert db.session.query(Confirmation).count() == 0


def test_a_writing_tool_that_nobody_knows_is_asked_about(alice: Person, play: Play) -> None:
    play(call(("try_bump", {"sku": "BDY-003"})), say("?"))
    told = result(alice.say("add a rose hand cream"))
    assert told["status"] == "confirmation_required"
    assert told["result"]["summary"]["title"].startswith("Do this: try_bump (BDY-003")


@pytest.mark.parametrize(
    ("words", "status"),
    [("is rose hand cream any good?", "confirmation_required"), ("add a rose hand cream", "ok")],
)
def test_words_that_a_program_keeps_count_as_well(alice: Person, play: Play, words: str, status: str) -> None:
    play(call(("add_to_cart", {"sku": "BDY-003"})), say("."))
    told = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello."}]
    answer = alice.post("/api/chat/stream/direct", messages=[*told, {"role": "user", "content": words}])
    assert result(events_in(answer))["status"] == status


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_card_has_fitting_buttons(app: Flask, play: Play, lang: str) -> None:
    play(call(("add_to_cart", {"sku": "BDY-003", "qty": 2})), say("..."))
    client = app.test_client()
    with app.app_context():
        user = make_user("carol")
    sign_in(client, user)
    client.set_cookie("locale", lang)
    from tests.agent.test_chat_pages import ask

    shown = ask(client, "hello" if lang == "en" else "你好")
    card = re.search(r'<section class="confirmation.*?</section>', shown, re.S)
    assert card and NAMES[lang] in card[0] and "¥98.00" in card[0]
    assert ("Place" not in card[0]) and "下单" not in card[0]
    assert "Yes, do it" in card[0] or lang == "zh"
