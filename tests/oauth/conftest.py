"""The program with Alice, a customer, Bob, another one, Olga, an operator, and Ada, an admin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.passwords import hash_password
from app.core.actor import Role
from app.db import db, transaction
from app.oauth.models import OAuthGrant, OAuthToken
from tests.builders import make_user
from tests.mcp.serving import Program, serving
from tests.oauth.people import PASSWORD, App, Browser

PEOPLE = {
    "alice": (Role.CUSTOMER,),
    "bob": (Role.CUSTOMER,),
    "olga": (Role.CUSTOMER, Role.OPERATOR),
    "ada": (Role.ADMIN,),
}


@pytest.fixture(scope="session")
def program(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, sqlite_template: Path
) -> Iterator[Program]:
    """One web process, stateless as in production."""
    with serving(tmp_path_factory.mktemp("oauth") / "home", redis_url, sqlite_template) as running:
        with running.app.app_context():
            for name, roles in PEOPLE.items():
                make_user(name, roles=roles, password_hash=hash_password(PASSWORD))
        yield running


@pytest.fixture(scope="module")
def alice(program: Program) -> Browser:
    return Browser(program.url, "alice")


@pytest.fixture
def helper(program: Program) -> App:
    """A public program on Alice's computer, registered."""
    app = App(program.url)
    assert app.register().status_code == 201
    return app


@pytest.fixture
def later(program: Program) -> Callable[[float], None]:
    """Let a refresh token have been used longer ago, in seconds: the program's clock cannot be turned from here."""

    def age(seconds: float) -> None:
        with program.app.app_context(), transaction() as session:
            for token in session.scalars(select(OAuthToken).where(OAuthToken.used_at.is_not(None))):
                assert token.used_at is not None
                token.used_at -= timedelta(seconds=seconds)

    return age


@pytest.fixture
def last_used(program: Program) -> Callable[[], list[Any]]:
    """When each grant was used last."""

    def look() -> list[Any]:
        with program.app.app_context():
            return list(db.session.scalars(select(OAuthGrant.last_used_at).order_by(OAuthGrant.id)))

    return look
