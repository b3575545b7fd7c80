"""Registering and tokens over JSON, exactly as api.md says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.accounts import passwords, service, tokens
from app.accounts.models import User
from app.core import clock
from app.core.clock import now
from app.db import db, in_transaction
from app.members.models import Member
from app.outbox.models import OutboxMessage
from tests.browsing import csrf_of, sign_in
from tests.builders import make_user
from tests.parallel import in_parallel

PASSWORD = "correct-horse"
ALICE: dict[str, Any] = {"username": "alice", "email": "alice@example.com", "password": PASSWORD}


def register(client: FlaskClient, **values: Any) -> Any:
    # Dumped here: Python's own form keeps lone surrogates, which an attacker may send.
    body = json.dumps({**ALICE, **values})
    return client.post("/api/auth/register", data=body, content_type="application/json")


def token_of(client: FlaskClient, username: str = "alice", password: str = PASSWORD) -> str:
    answer = client.post("/api/auth/token", data={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    return str(answer.json["access_token"])


def me(client: FlaskClient, token: str) -> Any:
    return client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})


def count_users(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(User)) or 0


def test_registering_answers_with_the_account(app: Flask, client: FlaskClient) -> None:
    answer = register(client, phone="+86 138 0000 0000")
    assert answer.status_code == 201
    assert {key: answer.json[key] for key in ("username", "email", "phone", "roles")} == {
        "username": "alice", "email": "alice@example.com", "phone": "+8613800000000", "roles": ["customer"],
    }  # fmt: skip
    assert answer.json["user_id"] > 0
    assert answer.json["created_at"].endswith(("Z", "+00:00")) and answer.json["updated_at"]
    assert "password" not in answer.text


def test_a_registration_makes_a_member_and_a_message_in_one_transaction(
    app: Flask, client: FlaskClient
) -> None:
    user_id = register(client).json["user_id"]
    with app.app_context():
        assert db.session.scalars(select(Member.user_id)).all() == [user_id]
        messages = db.session.scalars(select(OutboxMessage)).all()
        assert {(message.topic, message.payload["user_id"]) for message in messages} == {
            ("account.registered", user_id),
            ("registration.automation", user_id),
        }


@pytest.mark.parametrize(
    "extra", [{"roles": ["admin"]}, {"role_names": "admin"}, {"is_active": False, "points": 9999, "id": 7}]
)
def test_roles_are_never_taken_from_the_request(client: FlaskClient, extra: dict[str, Any]) -> None:
    answer = register(client, **extra)
    assert (answer.json["roles"], answer.json["points"]) == (["customer"], 0)


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"username": "ＡＬＩＣＥ", "email": "other@example.com"}, "USERNAME_TAKEN", "username"),
        ({"username": "other", "email": "ALICE@example.com"}, "EMAIL_TAKEN", "email"),
        ({}, "USERNAME_TAKEN", "username"),
    ],
)
def test_what_is_taken_is_said(client: FlaskClient, values: dict[str, Any], code: str, field: str) -> None:
    register(client)
    answer = register(client, **values)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, code)
    assert list(answer.json["error"]["fields"]) == [field]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"username": "ab"}, {"username"}),
        ({"username": "😀😀😀"}, {"username"}),
        ({"username": "<script>alert(1)</script>"}, {"username"}),
        ({"username": "x" * 1_000_000}, {"username"}),
        ({"username": 7}, {"username"}),
        ({"username": None}, {"username"}),
        ({"username": "\ud800\ud800\ud800"}, {"username"}),
        ({"email": "nonsense"}, {"email"}),
        ({"email": ["a@example.com"]}, {"email"}),
        ({"password": "short"}, {"password"}),
        ({"password": "x" * 129}, {"password"}),
        ({"password": "ALICE@example.com"}, {"password"}),
        ({"phone": "call me"}, {"phone"}),
        ({"username": "", "email": "", "password": ""}, {"username", "email", "password"}),
    ],
)
def test_wrong_values_are_named_and_change_nothing(
    app: Flask, client: FlaskClient, values: dict[str, Any], fields: set[str]
) -> None:
    answer = register(client, **values)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID_PARAM")
    assert set(answer.json["error"]["fields"]) == fields
    assert answer.json["error"]["request_id"]
    assert count_users(app) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 422), ("7", 422), ("", 422), ("null", 422), ('"x"', 422), ("\xff", 400)],
)
def test_a_broken_body_gets_the_error_form(client: FlaskClient, body: str, status: int) -> None:
    for path in ("/api/auth/register", "/api/auth/token"):
        answer = client.post(path, data=body.encode("latin-1"), content_type="application/json")
        assert (answer.status_code, answer.json["error"]["code"]) == (status, "INVALID_PARAM"), path


def test_errors_speak_the_readers_language(client: FlaskClient) -> None:
    english = client.post(
        "/api/auth/token", json={"username": "x", "password": "y"}, headers={"Accept-Language": "en"}
    )
    assert english.json["error"]["message"] == "The name or the password is not right."


@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_token_is_given_for_json_and_for_a_form(client: FlaskClient, kind: str) -> None:
    register(client)
    answer = client.post("/api/auth/token", **{kind: {"username": "alice", "password": PASSWORD}})
    assert answer.status_code == 200
    assert answer.json["token_type"] == "bearer" and answer.json["expires_in"] == 3600
    assert me(client, answer.json["access_token"]).json["username"] == "alice"


def test_blanks_in_a_password_count(client: FlaskClient) -> None:
    register(client, password="  eight  ")
    assert client.post("/api/auth/token", json={"username": "alice", "password": "eight"}).status_code == 401
    assert token_of(client, password="  eight  ")


def test_a_wrong_password_is_unauthorized(client: FlaskClient) -> None:
    register(client)
    for name in ("alice", "nobody"):
        answer = client.post("/api/auth/token", json={"username": name, "password": "wrong"})
        assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def forged(**changes: Any) -> str:
    claims = {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": "1",
        "iat": now().timestamp(),
        "exp": now().timestamp() + 60,
    }
    key = changes.pop("key", tokens._key("test-secret-key-of-at-least-32-characters"))
    algorithm = changes.pop("algorithm", "HS256")
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm)


def test_a_token_made_with_the_key_is_accepted(client: FlaskClient) -> None:
    register(client)
    assert me(client, forged()).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"key": b"another-key-of-at-least-32-bytes-length"},
        {"key": None, "algorithm": "none"},
        {"iss": "somebody"},
        {"aud": "another-api"},
        {"aud": None},
        {"sub": None},
        {"sub": "999"},
        {"sub": "1 OR 1=1"},
        {"exp": None},
        {"exp": 1},
        {"iat": None},
        {"iat": 1},
        {"iat": 9e12},
        {"exp": "soon"},
    ],
)
def test_any_other_token_is_refused(client: FlaskClient, changes: dict[str, Any]) -> None:
    register(client)
    answer = me(client, forged(**changes))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é" * 10, "x" * 5000])
def test_rubbish_is_no_token(client: FlaskClient, token: str) -> None:
    assert me(client, token).status_code == 401


def test_a_token_expires(client: FlaskClient) -> None:
    register(client)
    token = token_of(client)
    with clock.shifted(timedelta(minutes=59)):
        assert me(client, token).status_code == 200
    with clock.shifted(timedelta(minutes=61)):
        assert me(client, token).status_code == 401


def test_a_password_change_ends_tokens_and_the_next_one_works_at_once(
    app: Flask, client: FlaskClient
) -> None:
    register(client)
    before = token_of(client)
    with app.app_context():
        user_id = db.session.scalars(select(User.id)).one()
        in_transaction(lambda: service.change_password(user_id, current=PASSWORD, new="another-horse"))
    assert me(client, before).status_code == 401
    assert me(client, token_of(client, password="another-horse")).status_code == 200


def test_a_closed_account_has_no_token(app: Flask, client: FlaskClient) -> None:
    register(client)
    token = token_of(client)
    with app.app_context():
        in_transaction(lambda: setattr(db.session.scalars(select(User)).one(), "is_active", False))
    assert me(client, token).status_code == 401
    assert client.post("/api/auth/token", json={"username": "alice", "password": PASSWORD}).status_code == 401


def test_a_token_names_the_user_whatever_cookie_comes_along(app: Flask, client: FlaskClient) -> None:
    register(client)
    token = token_of(client)
    with app.app_context():
        bob = make_user("bob")
    sign_in(client, bob)
    assert client.get("/api/auth/me").json["username"] == "bob"
    assert me(client, token).json["username"] == "alice"
    assert me(client, "wrong").status_code == 401, "a broken token does not fall back to the cookie"


def test_with_a_cookie_csrf_counts_and_with_a_token_it_does_not(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        bob = make_user("bob", password_hash=passwords.hash_password(PASSWORD))
    token = token_of(app.test_client(), "bob")
    sign_in(client, bob)
    body = {"json": {"username": "bob", "password": PASSWORD}}
    refused = client.post("/api/auth/token", **body)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "CSRF_FAILED")
    assert client.post("/api/auth/token", **body, headers={"X-CSRFToken": csrf_of(client)}).status_code == 200
    assert (
        client.post("/api/auth/token", **body, headers={"Authorization": f"Bearer {token}"}).status_code
        == 200
    )


def test_nobody_is_unauthorized(client: FlaskClient) -> None:
    answer = client.get("/api/auth/me")
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHORIZED")


def test_of_twenty_who_register_a_name_at_once_one_gets_it(each_app: Flask) -> None:
    accounts = [
        service.NewAccount(username="Alice", email=f"a{number}@example.com", phone=None, password_hash="!")
        for number in range(20)
    ]
    with each_app.app_context():
        outcomes = in_parallel(each_app, [lambda a=account: service.register(a) for account in accounts])
        assert outcomes.count("USERNAME_TAKEN") == 19
        assert db.session.scalar(select(func.count()).select_from(User)) == 1


def test_of_twenty_who_register_an_address_at_once_one_gets_it(each_app: Flask) -> None:
    accounts = [
        service.NewAccount(username=f"user{number}", email="a@example.com", phone=None, password_hash="!")
        for number in range(20)
    ]
    with each_app.app_context():
        outcomes = in_parallel(each_app, [lambda a=account: service.register(a) for account in accounts])
        assert outcomes.count("EMAIL_TAKEN") == 19


def test_the_loser_of_a_race_is_told_by_the_unique_key(
    each_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.accounts.queries.find_taken", lambda *_args: None)
    with each_app.app_context():
        make_user("alice")
        same_name = service.NewAccount(username="alice", email="b@example.com", phone=None, password_hash="!")
        same_address = service.NewAccount(
            username="bob", email="alice@example.com", phone=None, password_hash="!"
        )
        outcomes = in_parallel(
            each_app, [lambda: service.register(same_name), lambda: service.register(same_address)]
        )
    assert outcomes == ["USERNAME_TAKEN", "EMAIL_TAKEN"]


def test_register_is_limited_per_address(make_app: Any) -> None:
    browser = make_app(ratelimit_enabled=True).test_client()
    statuses = [register(browser, username="").status_code for _ in range(31)]
    assert statuses == [422] * 30 + [429]
