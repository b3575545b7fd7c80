"""`flask user ...` for those who run the shop."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from app.accounts import queries
from app.core.actor import Role
from tests.browsing import sign_in
from tests.builders import make_user


def run(app: Flask, *arguments: str, typed: str = "") -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["user", *arguments], input=typed)
    return result.exit_code, result.output


def test_an_admin_is_made_and_can_log_in(app: Flask, client: FlaskClient) -> None:
    code, output = run(app, "create-admin", "boss", "boss@example.com", typed="very-secret\nvery-secret\n")
    assert code == 0, output
    assert "very-secret" not in output
    answer = client.post("/api/auth/token", json={"username": "boss", "password": "very-secret"})
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert client.get("/api/auth/me", headers=bearer).json["roles"] == ["customer", "admin"]


def test_a_wrong_value_is_said_in_one_line_each(app: Flask) -> None:
    code, output = run(app, "create-admin", "x", "nonsense", "--password", "short")
    assert code == 1
    assert all(f"{field}:" in output for field in ("username", "email", "password"))
    assert "Traceback" not in output


def test_a_new_password_signs_out_everywhere(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        alice = make_user("alice")
    sign_in(client, alice)
    assert run(app, "set-password", "ALICE", "--password", "brand-new-secret")[0] == 0
    assert client.get("/api/auth/me").status_code == 401
    assert client.post("/login").status_code == 403
    fresh = app.test_client()
    assert (
        fresh.post("/api/auth/token", json={"username": "alice", "password": "brand-new-secret"}).status_code
        == 200
    )


def test_a_role_is_added(app: Flask) -> None:
    with app.app_context():
        make_user("alice")
    assert run(app, "add-role", "alice", "operator")[0] == 0
    assert run(app, "add-role", "alice", "operator")[0] == 0
    with app.app_context():
        user = queries.find_user_by_name("alice")
        assert user is not None and user.roles == {Role.CUSTOMER, Role.OPERATOR}


def test_nobody_and_nonsense_are_refused(app: Flask) -> None:
    code, output = run(app, "set-password", "nobody", "--password", "brand-new-secret")
    assert code == 1 and "no account called nobody" in output
    assert run(app, "add-role", "nobody", "emperor")[0] == 2
