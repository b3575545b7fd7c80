"""The chat pages in a browser without JavaScript, and what htmx gets."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import User
from app.accounts.passwords import hash_password
from app.catalogue.models import Product
from app.conversations.models import Conversation
from app.db import db
from tests.agent.conftest import Person
from tests.agent.scripted import ScriptedModel, call, say
from tests.browsing import PARTIAL, csrf_of, post_form, sign_in
from tests.builders import make_product, make_user

Play = Callable[..., ScriptedModel]
FORM = re.compile(r'action="(/chat/confirmations/[^"]+)"')
EVENTS = re.compile(r'data-follow="([^"]+)"')


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A signed-in customer's browser, in English."""
    client = app.test_client()
    with app.app_context():
        user = make_user("alice")
    sign_in(client, user)
    client.set_cookie("locale", "en")
    return client


def ask(client: FlaskClient, content: str, **fields: str) -> str:
    """Send the form as a browser does and show the page that it leads to."""
    answer = post_form(client, "/chat/messages", content=content, **fields)
    assert answer.status_code == 303, answer.text[:500]
    return client.get(answer.location).text


def test_without_javascript_one_asks_orders_and_gets_a_link_to_pay(
    app: Flask, browser: FlaskClient, play: Play
) -> None:
    with app.app_context():
        make_product("SUN-1", name="防晒乳", name_en="Sun milk", price_cents=13_900, stock=5)
    play(
        call(("list_products", {"q": ""})),
        say("Here it is:\n1. Sun milk, ¥139.00"),
        call(("add_to_cart", {"sku": "SUN-1", "qty": 2})),
        say("In your cart."),
        call(("place_order", {})),
        say("Please confirm."),
        say("Order placed."),
    )

    found = ask(browser, "sunscreen")
    assert 'class="message message-user"' in found and "sunscreen" in found
    assert 'href="/products/SUN-1"' in found and 'name="sku" value="SUN-1"' in found
    assert "Search products" in found and "list_products" in found
    # The row says it better than the list in the text.
    assert "<ol" not in found

    assert "See cart" in ask(browser, "two of them", session_id=session_of(browser))
    asked = ask(browser, "order it", session_id=session_of(browser))
    form = FORM.search(asked)
    assert form and "Sun milk × 2" in asked and "¥278.00" in asked

    answer = post_form(browser, form[1], approve="1")
    ordered = browser.get(answer.location).text
    assert "You said yes." in ordered and "Pay now" in ordered
    assert FORM.search(ordered) is None
    pay_url = re.search(r'href="(/orders/[^"]+)">Pay now', ordered)
    assert pay_url and browser.get(pay_url[1]).status_code == 200


def session_of(client: FlaskClient) -> str:
    with client.session_transaction() as cookie:
        return str(cookie["chat"])


def test_a_no_leaves_everything_as_it_was(app: Flask, browser: FlaskClient, play: Play) -> None:
    with app.app_context():
        make_product("SUN-1", stock=5)
    play(
        call(("add_to_cart", {"sku": "SUN-1"})),
        say("ok"),
        call(("place_order", {})),
        say("Confirm?"),
        say("All right."),
    )
    ask(browser, "add SUN-1")
    form = FORM.search(ask(browser, "order", session_id=session_of(browser)))
    assert form
    answer = post_form(browser, form[1], approve="0")
    assert "You said no." in browser.get(answer.location).text
    with app.app_context():
        assert db.session.get_one(Product, "SUN-1").stock == 5


def test_a_question_is_answered_once(app: Flask, browser: FlaskClient, play: Play) -> None:
    with app.app_context():
        make_product("SUN-1", stock=5)
    play(
        call(("add_to_cart", {"sku": "SUN-1"})),
        say("ok"),
        call(("place_order", {})),
        say("Confirm?"),
        say("Done."),
    )
    ask(browser, "add SUN-1")
    form = FORM.search(ask(browser, "order", session_id=session_of(browser)))
    assert form
    post_form(browser, form[1], approve="1")

    again = post_form(browser, form[1], partial=True, approve="1")
    assert again.status_code == 409 and "answered already" in again.text and "You said yes." in again.text
    plain = post_form(browser, form[1], approve="1")
    assert "answered already" in browser.get(plain.location).text


def test_somebody_elses_conversation_is_not_there(
    app: Flask, browser: FlaskClient, client: FlaskClient, play: Play
) -> None:
    play(say("Secret."))
    ask(browser, "hello")
    session_id = session_of(browser)
    with app.app_context():
        charlie = make_user("charlie")
    sign_in(client, charlie)

    assert client.get(f"/chat?session={session_id}").status_code == 404
    assert client.get(f"/chat/panel?session={session_id}").status_code == 404
    assert post_form(client, "/chat/messages", content="hi", session_id=session_id).status_code == 404
    with app.app_context():
        run_id = db.session.execute(db.text("SELECT id FROM runs")).scalar_one()
    assert client.get(f"/chat/runs/{run_id}/events").status_code == 404
    assert post_form(client, f"/chat/runs/{run_id}/stop").status_code == 404
    assert post_form(client, "/chat/confirmations/nothing", approve="1").status_code == 404
    assert "Secret." not in client.get("/chat").text


def test_html_of_customers_products_and_models_is_shown_as_text(
    app: Flask, browser: FlaskClient, play: Play
) -> None:
    with app.app_context():
        make_product("SUN-1", name_en="<img src=x onerror=alert(1)>")
    play(
        call(("list_products", {"q": ""})),
        say("<b>bold</b> [out](https://evil.example) [far](//evil.example) [in](/cart) **strong**"),
    )
    shown = ask(browser, "<script>alert(1)</script>")

    assert "<script>alert" not in shown and "&lt;script&gt;alert(1)" in shown
    assert "<img src=x" not in shown and "&lt;img src=x" in shown
    assert "&lt;b&gt;bold" in shown and "<strong>strong</strong>" in shown
    assert 'href="https://evil' not in shown and 'href="//evil' not in shown
    assert '<a href="/cart">in</a>' in shown


def test_htmx_gets_the_words_the_answer_and_what_else_has_changed(
    app: Flask, browser: FlaskClient, play: Play
) -> None:
    with app.app_context():
        make_product("SUN-1")
    play(call(("add_to_cart", {"sku": "SUN-1", "qty": 3})), say("Added."))
    answer = post_form(browser, "/chat/messages", partial=True, content="add 3 SUN-1", place="page")

    assert answer.status_code == 200 and "<html" not in answer.text
    assert "chat-sent" in answer.headers["HX-Trigger"]
    assert answer.headers["HX-Replace-Url"] == f"/chat?session={session_of(browser)}"
    assert 'hx-target="#chat-fields"' in answer.text and 'hx-target="#chat-sessions"' in answer.text
    # Whether quick or followed, the reader ends with the answer and the number on the cart.
    followed = EVENTS.search(answer.text)
    told = answer.text + (browser.get(followed[1]).text if followed else "")
    assert "Added." in told and re.search(r'id="cart-badge".*?3', told, re.S)


def test_the_stream_of_html_sends_each_event_once_from_any_point(browser: FlaskClient, play: Play) -> None:
    play(say("First. ", "Then more.\n\n", "At last."))
    ask(browser, "go")
    app = browser.application
    with app.app_context():
        run_id = db.session.execute(db.text("SELECT id FROM runs")).scalar_one()

    whole = browser.get(f"/chat/runs/{run_id}/events").text
    ids = re.findall(r"^id: (\S+)$", whole, re.M)
    assert len(ids) >= 2 and ids == sorted(set(ids), key=lambda item: int(item.split("-")[0]))
    assert whole.rstrip().endswith("data: end")
    rest = browser.get(f"/chat/runs/{run_id}/events?after=0-1", headers={"Last-Event-ID": ids[0]}).text
    assert re.findall(r"^id: (\S+)$", rest, re.M) == ids[1:]


def test_a_failed_answer_can_be_asked_again(browser: FlaskClient, play: Play) -> None:
    def broken(_request: object) -> list[object]:
        raise RuntimeError("no")

    play(broken, say("Now it works."))
    failed = ask(browser, "hello there")
    assert "Something went wrong on our side" in failed and "Try again" in failed
    words = re.search(
        r'name="client_message_id" value="(again-[^"]+)".*?name="content" value="([^"]+)"', failed
    )
    assert words and words[2] == "hello there"

    session_id = session_of(browser)
    again = ask(browser, words[2], session_id=session_id, client_message_id=words[1])
    assert "Now it works." in again and "Try again" not in again
    # Pressed twice, it is asked once.
    assert (
        ask(browser, words[2], session_id=session_id, client_message_id=words[1]).count("Now it works.") == 1
    )


def test_a_guest_talks_and_keeps_the_conversation_after_signing_in(
    app: Flask, client: FlaskClient, play: Play
) -> None:
    play(say("Hello, guest."))
    client.set_cookie("locale", "en")
    assert "Hello, guest." in ask(client, "hi")

    with app.app_context():
        make_user("alice", password_hash=hash_password("a long password"))
    post_form(client, "/login", username="alice", password="a long password")
    assert "Hello, guest." in client.get("/chat").text
    with app.app_context():
        assert db.session.scalars(db.select(Conversation.owner)).all() == ["user:1"]


def test_a_question_in_the_address_is_asked_only_when_it_comes_from_this_shop(browser: FlaskClient) -> None:
    own = browser.get("/chat?ask=sunscreen", headers={"Sec-Fetch-Site": "same-origin"}).text
    foreign = browser.get("/chat?ask=sunscreen", headers={"Sec-Fetch-Site": "cross-site"}).text
    assert "data-autosend" in own and ">sunscreen</textarea>" in own
    assert "data-autosend" not in foreign and ">sunscreen</textarea>" in foreign


def test_blank_and_endless_messages_are_refused_with_a_sentence(browser: FlaskClient) -> None:
    for content in ("   ", "x" * 4_001):
        refused = post_form(browser, "/chat/messages", partial=True, content=content)
        assert refused.status_code == 422 and "between 1 and 4000" in refused.text
        plain = post_form(browser, "/chat/messages", content=content)
        assert "between 1 and 4000" in browser.get(plain.location).text


def test_the_page_begins_empty_and_the_panel_costs_shop_pages_nothing(browser: FlaskClient) -> None:
    empty = browser.get("/chat?new=1").text
    assert "What are you looking for?" in empty and 'name="suggestion"' in empty
    assert 'id="assistant"' not in empty
    assert 'id="assistant"' in browser.get("/cart").text
    panel = browser.get("/chat/panel", headers=PARTIAL).text
    assert "<html" not in panel and 'value="panel"' in panel


def test_the_pages_speak_chinese_too(app: Flask, client: FlaskClient) -> None:
    client.set_cookie("locale", "zh")
    page = client.get("/chat").text
    assert 'lang="zh-CN"' in page and "/chat/messages" in page


def test_forms_without_a_token_are_refused(browser: FlaskClient) -> None:
    assert browser.post("/chat/messages", data={"content": "hi"}).status_code == 403
    assert csrf_of(browser)


def test_a_program_and_the_page_see_the_same_conversation(alice: Person, play: Play) -> None:
    play(say("From the program."))
    alice.say("hello")
    client = alice.app.test_client()
    with alice.app.app_context():
        user = db.session.get_one(User, alice.actor.user_id)
    sign_in(client, user)
    assert "From the program." in client.get("/chat").text
