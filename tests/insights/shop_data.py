"""A demo shop of a fixed day on each engine, loaded once per module, and questions run on it through guard and engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from shutil import copy

import pytest
from flask import Flask

from app.config import Settings
from app.core.clock import frozen
from app.db import db
from app.demo.loader import load_demo
from app.factory import create_app
from app.insights.answers import Answer, Understood
from app.insights.compiling.report import Report
from app.insights.names import Context
from app.insights.queries import current_context
from app.insights.question import Question
from app.insights.questions import answer
from app.insights.reporting import make_report
from app.language.normalise import detect_language
from app.runtime import settings
from tests.databases import empty_tables

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
TODAY = date(2026, 11, 21)
ORDERS, MEMBERS = 4_000, 350


def open_app(folder: Path, redis_url: str, database_url: str = "") -> Flask:
    """An application over the database file in `folder`, or another database."""
    return create_app(
        Settings(
            app_env="test",
            mcpshop_home=folder,
            database_url=database_url,
            redis_url=redis_url,
            ratelimit_enabled=False,
            log_level="WARNING",
            secret_key="test-secret-key-of-at-least-32-characters",
            _env_file=None,
        )
    )


def load() -> None:
    load_demo(settings(), echo=lambda _line: None, orders=ORDERS, members=MEMBERS)
    db.session.remove()


@pytest.fixture(scope="module")
def demo_file(tmp_path_factory: pytest.TempPathFactory, redis_url: str, sqlite_template: Path) -> Path:
    """An SQLite file with the demo shop as of `TODAY`."""
    folder = tmp_path_factory.mktemp("insights")
    copy(sqlite_template, folder / "mcpshop.db")
    with open_app(folder, redis_url).app_context(), frozen(NOON):
        load()
        db.engine.dispose()
    return folder / "mcpshop.db"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def demo_shop(request: pytest.FixtureRequest, demo_file: Path, redis_url: str) -> Iterator[Flask]:
    """The demo shop on SQLite and on MariaDB, inside an application context."""
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    app = open_app(demo_file.parent, redis_url, url)
    with app.app_context(), frozen(NOON):
        if url:
            load()
        yield app
        db.session.remove()
        if url:
            empty_tables(db.engine)
        db.engine.dispose()


def context_for(sentence: str) -> Context:
    """The context of a question asked now, in the language it is asked in."""
    found = current_context(settings().shop_timezone, detect_language(sentence))
    db.session.rollback()
    return found


def ask(sentence: str, previous: Question | None = None) -> Answer:
    return answer(sentence, previous, context_for(sentence))


def report_of(sentence: str) -> Report:
    """The report that a sentence asks for."""
    found = ask(sentence)
    assert isinstance(found, Understood), (sentence, found)
    assert found.compiled is not None, sentence
    return make_report(found.compiled, context_for(sentence)).report
