"""The consultants' page: who waits, with what is known of them; one's own; the team; claiming; in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import Context
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.accounts.models import User
from app.consultants.models import ConsultantPresence, Consultation
from app.consultants.service import ask_for_person, claim
from app.conversations.models import Conversation
from app.core.actor import Role
from app.core.clock import now
from app.db import db, in_transaction
from app.delivery.feed import count_unread
from app.notifications.models import Notification
from tests.browsing import PARTIAL, counted_statements, csrf_of, post_form, sign_in
from tests.builders import actor_of, make_user
from tests.customers.buying import stock_shelves
from tests.delivery.telling import comes, consultant, deliveries, registers
from tests.onboarding.registering import admin, set_values

EN = {"Accept-Language": "en"}


@pytest.fixture
def shop(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        stock_shelves()
        yield app
        db.session.rollback()


class Visitor(FlaskClient):
    """Its requests know nothing of the test's own application context, nor of one another."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return Context().run(lambda: super(Visitor, self).open(*args, **kwargs))


def visitor(app: Flask) -> Visitor:
    return Visitor(app, app.response_class, use_cookies=True)


def browser(app: Flask, user: User) -> Visitor:
    client = visitor(app)
    sign_in(client, user)
    return client


def conversation_of(user: User) -> str:
    return db.session.scalars(select(Conversation.id).where(Conversation.user_id == user.id)).one()


def test_a_new_customer_is_listed_with_what_is_known(shop: Flask) -> None:
    clara = consultant()
    alice = registers("alice")
    text = browser(shop, clara).get("/consultant", headers=EN).text
    assert "alice" in text and "Just registered" in text and "Level 1" in text
    assert "New, has not bought yet" in text
    assert f'action="/consultant/customers/{alice.id}/claim"' in text


def test_who_asks_for_a_person_stands_first_with_their_words(shop: Flask) -> None:
    clara = consultant()
    registers("alice")
    bob = registers("bob")
    in_transaction(lambda: ask_for_person(actor_of(bob), conversation_of(bob), "which cream for <b>me</b>?"))
    text = browser(shop, clara).get("/consultant", headers=EN).text
    assert text.index(">bob<") < text.index(">alice<")
    assert "which cream for &lt;b&gt;me&lt;/b&gt;?" in text and "Asks for a person" in text


def test_the_waiting_time_is_told(shop: Flask) -> None:
    clara = consultant()
    registers("alice")
    in_transaction(
        lambda: db.session.execute(update(Consultation).values(waiting_since=now() - timedelta(minutes=7)))
    )
    assert "7 minutes" in browser(shop, clara).get("/consultant", headers=EN).text


def test_it_is_there_in_chinese(shop: Flask) -> None:
    clara = consultant()
    registers("alice")
    answer = browser(shop, clara).get("/consultant", headers={"Accept-Language": "zh"})
    assert answer.status_code == 200 and 'lang="zh-CN"' in answer.text


def test_nobody_waiting_is_said(shop: Flask) -> None:
    text = browser(shop, consultant()).get("/consultant", headers=EN).text
    assert "Nobody waits" in text and "You have taken nobody yet." in text


def test_claiming_leads_to_the_conversation(shop: Flask) -> None:
    clara, alice = consultant(), registers("alice")
    answer = post_form(browser(shop, clara), f"/consultant/customers/{alice.id}/claim")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/consultant/conversations/{conversation_of(alice)}"


def test_who_is_too_late_sees_the_list_without_the_customer_and_why(shop: Flask) -> None:
    clara, carl, alice = consultant(), consultant("carl"), registers("alice")
    in_transaction(lambda: claim(actor_of(carl), alice.id))
    client = browser(shop, clara)
    path = f"/consultant/customers/{alice.id}/claim"
    header = {**PARTIAL, **EN, "X-CSRFToken": csrf_of(client)}
    answer = client.post(path, headers=header)
    assert answer.status_code == 409
    assert "Another consultant has this customer already." in answer.text
    assert "<html" not in answer.text and "alice" not in answer.text
    plain = client.post(path, data={"csrf_token": csrf_of(client)}, headers=EN, follow_redirects=True)
    assert "Another consultant has this customer already." in plain.text


def test_ones_own_customers_are_listed_with_unread_messages(shop: Flask) -> None:
    from app.conversations.models import Message

    clara, alice = consultant(), registers("alice")
    talk = conversation_of(alice)
    in_transaction(lambda: claim(actor_of(clara), alice.id))
    in_transaction(lambda: db.session.add(Message(conversation_id=talk, role="user", content="hello?")))
    text = browser(shop, clara).get("/consultant", headers=EN).text
    assert f'href="/consultant/conversations/{talk}"' in text
    assert 'class="consult-unread"' in text and "The assistant talks" in text


def test_a_customer_offered_to_a_colleague_cannot_be_taken(shop: Flask) -> None:
    set_values(admin(), assignment="round_robin")
    clara, carl = consultant(), consultant("carl")
    comes(carl)
    alice = registers("alice")
    text = browser(shop, clara).get("/consultant", headers=EN).text
    assert "Offered to a colleague" in text
    assert f"/consultant/customers/{alice.id}/claim" not in text
    assert "Offered to you" in browser(shop, carl).get("/consultant", headers=EN).text


def test_whoever_opens_the_page_is_online_and_has_read_what_it_shows(shop: Flask) -> None:
    clara = consultant()
    registers("alice")
    assert count_unread(clara.id) == 1
    browser(shop, clara).get("/consultant")
    db.session.rollback()
    assert count_unread(clara.id) == 0
    assert db.session.scalars(select(ConsultantPresence.status)).one() == "online"
    row = deliveries(clara, channel="in_app")[0]
    assert (row.status, row.result) == ("sent", "page")


def test_a_refresh_of_the_lists_is_no_sign_of_life(shop: Flask) -> None:
    clara = consultant()
    text = browser(shop, clara).get("/consultant", headers=PARTIAL).text
    assert 'id="consult"' in text and "<html" not in text
    assert db.session.scalars(select(ConsultantPresence.status)).all() == []


def test_the_status_is_chosen_with_a_form(shop: Flask) -> None:
    clara = consultant()
    client = browser(shop, clara)
    assert post_form(client, "/consultant/presence", status="busy").status_code == 303
    text = client.get("/consultant", headers=EN).text
    assert 'value="busy" aria-pressed="true"' in text and "Busy" in text
    assert post_form(client, "/consultant/presence", partial=True, status="asleep").status_code == 422


def test_the_team_is_shown(shop: Flask) -> None:
    clara, carl = consultant(), consultant("carl")
    comes(carl, "away")
    text = browser(shop, clara).get("/consultant", headers=EN).text
    assert text.index("clara") < text.rindex("carl") and "Away" in text


def test_it_is_for_consultants_and_admins(shop: Flask) -> None:
    for user, status in (
        (make_user("cora"), 403),
        (make_user("olga", roles=(Role.OPERATOR,)), 403),
        (make_user("ada", roles=(Role.ADMIN,)), 200),
    ):
        assert browser(shop, user).get("/consultant").status_code == status
    assert visitor(shop).get("/consultant").status_code == 303


def test_a_consultants_menu_leads_there(shop: Flask) -> None:
    text = browser(shop, consultant()).get("/", headers=EN).text
    assert 'class="menu-item" href="/consultant"' in text


def test_the_statements_do_not_grow_with_who_waits(shop: Flask) -> None:
    clara = consultant()
    client = browser(shop, clara)
    counts = []
    for names in (("a1",), ("a2", "a3", "a4", "a5")):
        for name in names:
            registers(name)
        client.get("/consultant", headers=PARTIAL)
        with counted_statements(shop) as statements:
            assert client.get("/consultant", headers=PARTIAL).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 16, counts


def test_notifications_are_listed_and_marked_read(shop: Flask) -> None:
    from app.accounts.tokens import issue_token

    clara = consultant()
    registers("alice")
    registers("bob")
    client = visitor(shop)
    header = {"Authorization": f"Bearer {issue_token(clara.id)[0]}", **EN}
    answer = client.get("/api/v1/notifications?unread=1&limit=1", headers=header)
    assert [row["title"] for row in answer.get_json()] == ["New customer: bob"]
    assert (answer.headers["X-Total-Count"], answer.headers["X-Unread-Count"]) == ("2", "2")
    told = client.post(
        "/api/v1/notifications/read", headers=header, json={"ids": [answer.get_json()[0]["id"]]}
    )
    assert told.get_json() == {"marked": 1, "unread": 1}
    assert client.post("/api/v1/notifications/read", headers=header, json={}).get_json()["unread"] == 0


def test_nobody_reads_or_marks_anothers(shop: Flask) -> None:
    from app.accounts.tokens import issue_token

    clara, carl = consultant(), consultant("carl")
    registers("alice")
    others = db.session.scalars(select(Notification.id).where(Notification.user_id == carl.id)).one()
    client = visitor(shop)
    header = {"Authorization": f"Bearer {issue_token(clara.id)[0]}", **EN}
    assert all(row["id"] != others for row in client.get("/api/v1/notifications", headers=header).get_json())
    marked = client.post("/api/v1/notifications/read", headers=header, json={"ids": [others]})
    assert marked.get_json()["marked"] == 0


def test_the_service_worker_is_served_at_the_root(shop: Flask) -> None:
    answer = visitor(shop).get("/sw.js")
    assert answer.status_code == 200 and answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
