"""The demo shop with an operator, asked over HTTP; loaded once per module and engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.tokens import issue_token
from app.core.actor import Role
from app.core.clock import frozen
from app.db import db
from tests.builders import make_user
from tests.databases import empty_tables
from tests.insights.shop_data import NOON, demo_file, load, open_app

__all__ = ["ask", "client_of", "demo_file", "desk", "desk_shop", "other"]


def client_of(app: Flask, name: str, *roles: Role, locale: str = "zh") -> FlaskClient:
    """A program with a token of a person of these roles."""
    with app.app_context():
        token = issue_token(make_user(name, roles=(Role.CUSTOMER, *roles)).id)[0]
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = locale
    return client


@pytest.fixture(scope="module", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def desk_shop(request: pytest.FixtureRequest, demo_file: Path, redis_url: str) -> Iterator[Flask]:
    """The demo shop of `tests.insights.shop_data` on SQLite and on MariaDB, outside of any context: requests make their own."""
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    app = open_app(demo_file.parent, redis_url, url)
    with frozen(NOON):
        if url:
            with app.app_context():
                load()
        yield app
    with app.app_context():
        db.session.remove()
        if url:
            empty_tables(db.engine)
        db.engine.dispose()


@pytest.fixture(scope="module")
def desk(desk_shop: Flask) -> FlaskClient:
    """Olga, an operator."""
    return client_of(desk_shop, "olga", Role.OPERATOR)


@pytest.fixture(scope="module")
def other(desk_shop: Flask) -> FlaskClient:
    """Otto, another operator."""
    return client_of(desk_shop, "otto", Role.OPERATOR)


def ask(client: FlaskClient, query: str, session_id: str | None = None, status: int = 200) -> dict[str, Any]:
    """Ask the desk and return the JSON."""
    body = {"query": query, **({"session_id": session_id} if session_id else {})}
    answer = client.post("/api/chat", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.get_json())
