"""Login sessions of browsers: how they begin, what ends them, what an attacker learns."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts import login, passwords
from app.accounts.models import LoginSession, User
from app.core import clock
from app.core.actor import Actor
from app.db import db, transaction
from tests.browsing import csrf_of, post_form, sign_in
from tests.builders import make_user

PASSWORD = "correct-horse"


@pytest.fixture
def alice(app: Flask) -> User:
    with app.app_context():
        return make_user("alice", password_hash=passwords.hash_password(PASSWORD))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def log_in(client: FlaskClient, username: str = "alice", password: str = PASSWORD, **fields: str) -> int:
    return post_form(client, "/login", username=username, password=password, **fields).status_code


@pytest.mark.parametrize("name", ["alice", "ALICE", " Ａｌｉｃｅ ", "alice@example.com", "Alice@Example.com"])
def test_one_signs_in_by_name_or_address(client: FlaskClient, alice: User, name: str) -> None:
    assert log_in(client, name) == 303
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "wrong"), ("nobody", PASSWORD), ("nobody@example.com", PASSWORD), ("alice", PASSWORD.upper())],
)
def test_wrong_names_and_passwords_get_one_answer(
    client: FlaskClient, alice: User, name: str, password: str
) -> None:
    answer = post_form(client, "/login", partial=True, username=name, password=password)
    assert answer.status_code == 422
    assert "alert-danger" in answer.text
    assert answer.text.lstrip().startswith("<form"), "htmx gets the form alone"
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "name", ["", " ", "\0", "'; DROP TABLE users; --", "x" * 5000, "😀", "<script>alert(1)</script>"]
)
def test_strange_names_change_nothing_and_are_escaped(client: FlaskClient, alice: User, name: str) -> None:
    answer = post_form(client, "/login", username=name, password="x")
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert log_in(client) == 303


def test_a_closed_account_cannot_sign_in_and_is_out_at_once(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    assert log_in(client) == 303
    with app.app_context(), transaction():
        db.session.get_one(User, alice.id).is_active = False
    assert not is_signed_in(client)
    assert log_in(client) == 422


def test_after_logout_a_copy_of_the_cookie_is_worth_nothing(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    log_in(client)
    stolen = client.get_cookie("mcpshop").value
    thief = app.test_client()
    thief.set_cookie("mcpshop", stolen)
    assert is_signed_in(thief), "the copy works while the session lives"
    assert post_form(client, "/logout").status_code == 303
    assert not is_signed_in(client)
    thief.set_cookie("mcpshop", stolen)
    assert not is_signed_in(thief)


def test_signing_in_begins_a_new_session(client: FlaskClient, alice: User) -> None:
    csrf_of(client)
    with client.session_transaction() as before:
        before["left_over"] = "planted"
        planted = before["csrf_token"]
    log_in(client)
    with client.session_transaction() as after:
        assert "left_over" not in after
        assert after.get("csrf_token") != planted
        assert after.permanent


def test_the_token_itself_is_not_stored(app: Flask, client: FlaskClient, alice: User) -> None:
    token = sign_in(client, alice)
    with app.app_context():
        assert token not in {row.token_hash for row in db.session.scalars(select(LoginSession))}


def test_a_session_ends_after_its_days(client: FlaskClient, alice: User) -> None:
    sign_in(client, alice)
    with clock.shifted(timedelta(days=29)):
        assert is_signed_in(client)
    with clock.shifted(timedelta(days=31)):
        assert not is_signed_in(client)


def test_changing_the_password_ends_all_other_sessions(app: Flask, client: FlaskClient, alice: User) -> None:
    other = app.test_client()
    sign_in(client, alice)
    sign_in(other, alice)
    changed = post_form(client, "/account/password", current_password=PASSWORD, new_password="another-horse")
    assert changed.status_code == 303
    assert is_signed_in(client)
    assert not is_signed_in(other)
    assert log_in(other) == 422
    assert log_in(other, password="another-horse") == 303


@pytest.mark.parametrize(
    ("current", "new"), [("wrong", "another-horse"), (PASSWORD, "short"), (PASSWORD, "x" * 129), ("", "")]
)
def test_a_refused_password_change_ends_nothing(
    app: Flask, client: FlaskClient, alice: User, current: str, new: str
) -> None:
    other = app.test_client()
    sign_in(client, alice)
    sign_in(other, alice)
    answer = post_form(client, "/account/password", current_password=current, new_password=new)
    assert answer.status_code == 422
    assert 'aria-describedby="' in answer.text and "field-error" in answer.text
    assert is_signed_in(other)


def test_one_goes_on_to_where_one_came_from(client: FlaskClient, alice: User) -> None:
    answer = client.get("/account/wallet?kind=credit")
    assert answer.status_code == 303
    assert answer.location == "/login?next=/account/wallet%3Fkind%3Dcredit"
    done = post_form(
        client, "/login", username="alice", password=PASSWORD, next="/account/wallet?kind=credit"
    )
    assert done.location == "/account/wallet?kind=credit"


@pytest.mark.parametrize(
    "url", ["https://evil.example", "//evil.example", "/\\evil.example", "/%0a/../\r\nx"]
)
def test_a_login_never_leads_to_another_site(client: FlaskClient, alice: User, url: str) -> None:
    answer = post_form(client, "/login", username="alice", password=PASSWORD, next=url)
    assert answer.location == "/"


def test_htmx_is_sent_on_by_a_header(client: FlaskClient, alice: User) -> None:
    answer = post_form(client, "/login", partial=True, username="alice", password=PASSWORD, next="/防晒")
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/%E9%98%B2%E6%99%92")


def test_what_the_guest_had_is_handed_over_once(
    app: Flask, client: FlaskClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Actor, Actor]] = []
    monkeypatch.setattr(login, "AFTER_LOGIN", [lambda guest, user: calls.append((guest, user))])
    with client.session_transaction() as cookie:
        cookie["guest"] = "g1"
    log_in(client)
    assert [(guest.subject, user.subject) for guest, user in calls] == [("guest:g1", f"user:{alice.id}")]
    post_form(client, "/account/password", current_password=PASSWORD, new_password="another-horse")
    assert len(calls) == 1
    with client.session_transaction() as cookie:
        assert "guest" not in cookie


def test_a_hash_with_old_parameters_is_renewed(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        user_id = make_user("bob", password_hash=old).id
    assert log_in(client, "bob") == 303
    with app.app_context():
        stored = db.session.get_one(User, user_id).password_hash
    assert stored != old and not passwords.is_outdated(stored)
    assert log_in(app.test_client(), "bob") == 303


def test_an_unknown_name_takes_as_long_as_a_wrong_password(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    token = csrf_of(client)

    def seconds(name: str) -> float:
        started = time.perf_counter()
        client.post("/login", data={"csrf_token": token, "username": name, "password": "wrong-password"})
        return time.perf_counter() - started

    pairs = [(seconds("alice"), seconds("nobody")) for _ in range(15)]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    # Hashing takes 15 ms or more; without it an unknown name would answer in a fraction of that.
    assert unknown > known * 0.6


def test_a_name_can_be_tried_ten_times_a_minute(make_app, client: FlaskClient) -> None:  # type: ignore[no-untyped-def]
    limited = make_app(ratelimit_enabled=True)
    with limited.app_context():
        make_user("alice", password_hash=passwords.hash_password(PASSWORD))
    browser = limited.test_client()
    assert [log_in(browser, password="wrong") for _ in range(10)] == [422] * 10
    refused = post_form(browser, "/login", username="ALICE", password=PASSWORD)
    assert refused.status_code == 429
    assert "alert-danger" in refused.text
    api = browser.post("/api/auth/token", json={"username": "alice", "password": PASSWORD},
                       headers={"X-CSRFToken": csrf_of(browser)})  # fmt: skip
    assert api.status_code == 429 and 1 <= int(api.headers["Retry-After"]) <= 3601
    assert api.json["error"]["code"] == "RATE_LIMITED"
    assert log_in(browser, "bob", "wrong") == 422, "another name is not affected"


def test_the_right_password_starts_the_count_anew(make_app) -> None:  # type: ignore[no-untyped-def]
    limited = make_app(ratelimit_enabled=True)
    with limited.app_context():
        make_user("alice", password_hash=passwords.hash_password(PASSWORD))
    for _ in range(3):
        browser = limited.test_client()
        assert [log_in(browser, password="wrong") for _ in range(5)] == [422] * 5
        assert log_in(browser) == 303


def test_attempts_are_counted_without_redis_too(make_app, redis_url: str) -> None:  # type: ignore[no-untyped-def]
    limited = make_app(ratelimit_enabled=True, redis_url="redis://127.0.0.1:1/0")
    with limited.app_context():
        make_user("zoe", password_hash=passwords.hash_password(PASSWORD))
    browser = limited.test_client()
    assert [log_in(browser, "zoe", "wrong") for _ in range(11)][-1] == 429
