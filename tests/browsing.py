"""A browser without JavaScript (and, where asked, htmx's partial requests) for tests of pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from app.accounts.login import start_session
from app.accounts.models import User
from app.db import db, transaction

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def sign_in(client: FlaskClient, user: User) -> str:
    """Give the client's browser a login session of the user; returns its token."""
    with client.application.app_context(), transaction():
        token = start_session(user.id)
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
        cookie["_fresh"] = True
    return token


def csrf_of(client: FlaskClient, page: str = "/login") -> str:
    """The token of this browser's forms (every page carries it, also where one is sent on to)."""
    found = TOKEN.search(client.get(page, follow_redirects=True).text)
    assert found, f"no form on {page}"
    return found.group(1)


def post_form(client: FlaskClient, path: str, *, partial: bool = False, **fields: Any) -> TestResponse:
    """Send a form as a browser does, with its CSRF token."""
    data = {"csrf_token": csrf_of(client), **fields}
    return client.post(path, data=data, headers=PARTIAL if partial else {})


@contextmanager
def counted_statements(app: Flask) -> Iterator[list[str]]:
    """The SQL statements that run meanwhile (BEGIN and COMMIT aside)."""
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "COMMIT")):
            statements.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
