"""`kill -9` of the running shop's worker, Redis and web process, and its database gone for 10 seconds, while people register.

The real program under its supervisor, which starts again what dies, on both databases. Each time: everybody
has one conversation, one welcome and one notification for each consultant, within 30 seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pymysql
import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import User
from app.config import Settings
from app.conversations.models import Conversation, Message
from app.core.actor import Role
from app.db import db
from app.factory import create_app
from app.notifications.models import Notification
from app.onboarding.models import AutomationRun
from tests.builders import make_user
from tests.conftest import MARIADB, unavailable
from tests.onboarding.registering import CONSULTANTS
from tests.parallel import crowd
from tests.running import RunningShop, start_shop
from tests.services.process_tools import command_of, processes_below, wait_for

pytestmark = [pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
CUSTOMERS, AT_ONCE = 16, 4
RECOVERY_SECONDS = 30.0
GONE_SECONDS = 10.0
SECRET = "test-secret-key-of-at-least-32-characters"


class Proxy:
    """Stands between the shop and its database server, and can be away."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._pipes: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                ours, _ = listener.accept()
                theirs = socket.create_connection(self._target)
                self._pipes += [ours, theirs]
                for ends in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()

    def cut(self) -> None:
        """Refuse connections and break the open ones."""
        for each in (self._listener, *self._pipes):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._pipes = []

    def mend(self) -> None:
        """Be there again, at the same address."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@dataclass
class Shop:
    """The running program; `app` sees its database from outside; `away` is its database being gone."""

    program: RunningShop
    app: Flask
    away: Callable[[], object]
    rounds: int = field(default=0)

    def kill(self, part: str, *, before_it_is_back: Callable[[], object] = lambda: None) -> None:
        """SIGKILL for all processes of a part, found by its command line; returns when the supervisor has begun it again."""
        found = self.processes_of(part)
        assert found, part
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        before_it_is_back()
        wait_for(lambda: bool(set(self.processes_of(part)) - set(found)), 20)

    def processes_of(self, part: str) -> list[int]:
        below = processes_below(self.program.process.pid)
        return [pid for pid in below if part in command_of(pid) and "--scheduler" not in command_of(pid)]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("dying")
    make = _on_sqlite if request.param == "sqlite" else _on_mariadb
    with make(home) as (shop_url, own_url, away):
        program = start_shop(home, DEMO="0", DATABASE_URL=shop_url, SECRET_KEY=SECRET, LOG_LEVEL="WARNING")
        settings = Settings(
            app_env="test",
            mcpshop_home=home,
            database_url=own_url,
            redis_url="redis://127.0.0.1:1/0",
            secret_key=SECRET,
            _env_file=None,
        )
        app = create_app(settings)
        with app.app_context():
            for name in CONSULTANTS:
                make_user(name, roles=(Role.CUSTOMER, Role.CONSULTANT))
            try:
                yield Shop(program, app, away)
            finally:
                db.session.remove()
                db.engine.dispose()
                program.stop()


@contextmanager
def _on_sqlite(home: Path) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Away: somebody else has the file's only lock for writing."""

    def away() -> None:
        with closing(sqlite3.connect(home / "mcpshop.db", timeout=20, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(GONE_SECONDS)
            other.execute("ROLLBACK")

    yield "", "", away


@contextmanager
def _on_mariadb(home: Path) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Away: connections are broken, and new ones refused."""
    at = urlsplit(MARIADB)
    host, port, name = at.hostname or "127.0.0.1", at.port or 3306, f"mcpshop_test_dying_{os.getpid()}"
    user = {"user": at.username or "root", "password": at.password or ""}
    try:
        server = pymysql.connect(host=host, port=port, **user)
    except pymysql.err.OperationalError:
        unavailable("MariaDB")
    server.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    server.close()
    proxy = Proxy(host, port)

    def away() -> None:
        proxy.cut()
        time.sleep(GONE_SECONDS)
        proxy.mend()

    try:
        login = at.netloc.rpartition("@")[0]
        yield f"mysql://{login}@127.0.0.1:{proxy.port}/{name}", f"{MARIADB}/{name}", away
    finally:
        proxy.cut()
        server = pymysql.connect(host=host, port=port, **user)
        server.cursor().execute(f"DROP DATABASE {name}")
        server.close()


def registering(shop: Shop, people: ThreadPoolExecutor) -> tuple[str, list[Future[int]]]:
    """Begin to register customers, some at once; their names' beginning, and how often each had to try."""
    shop.rounds += 1
    start = f"round{shop.rounds}x"
    names = [f"{start}{number}" for number in range(CUSTOMERS)]
    return start, [people.submit(_register, shop.program.url, name) for name in names]


def _register(url: str, name: str) -> int:
    """Try until it is said that one is registered, or that the name is taken: an answer may have been lost."""
    body = {"username": name, "email": f"{name}@example.com", "password": f"correct horse {name} staple"}
    for tries in range(1, 100):
        request = urllib.request.Request(
            f"{url}/api/auth/register", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 201
                return tries
        except urllib.error.HTTPError as error:
            if error.code < 500:
                assert tries > 1, error.read()
                return tries
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"{name} could not register")


def runs_of(start: str, *conditions: object) -> int:
    db.session.rollback()
    counted = select(func.count()).select_from(AutomationRun).join(User, User.id == AutomationRun.user_id)
    return db.session.scalar(counted.where(User.username.startswith(start), *conditions)) or 0  # type: ignore[arg-type]


def users_of(start: str) -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(select(User.id).where(User.username.startswith(start))))


def assert_all_are_welcomed(start: str, tries: list[Future[int]], since: float) -> None:
    """Wait for everybody's run to end, within the time of a recovery, and look at what there is."""
    for each in tries:
        each.result(90)
    wait_for(lambda: runs_of(start, AutomationRun.status == "done") == CUSTOMERS, 3 * RECOVERY_SECONDS)
    seconds = time.monotonic() - since
    print(f"all welcomed {seconds:.1f} s after it")
    assert seconds < crowd() * RECOVERY_SECONDS
    users = users_of(start)
    once = dict.fromkeys(users, 1)
    assert Counter(db.session.scalars(_of(Conversation.user_id, users))) == once
    welcomes = (
        select(Conversation.user_id)
        .join(Message, Message.conversation_id == Conversation.id)
        .where(Message.client_message_id == "welcome", Conversation.user_id.in_(users))
    )
    assert Counter(db.session.scalars(welcomes)) == once
    assert Counter(db.session.scalars(_of(Notification.about_user_id, users))) == dict.fromkeys(
        users, len(CONSULTANTS)
    )


def _of(column: object, users: list[int]) -> object:
    return select(column).where(column.in_(users))  # type: ignore[attr-defined, call-overload]


def test_a_killed_worker_is_made_up_for(shop: Shop) -> None:
    with ThreadPoolExecutor(AT_ONCE) as people:
        start, tries = registering(shop, people)
        wait_for(lambda: runs_of(start) > 0, 30)
        shop.kill("worker.py")
        # Once more in the middle of what the next one does.
        wait_for(lambda: runs_of(start, AutomationRun.status == "done") > 0, 30)
        shop.kill("worker.py")
        killed = time.monotonic()
        assert {each.result(60) for each in tries} == {1}, "no registration fails for want of a worker"
        assert_all_are_welcomed(start, tries, killed)


def test_a_redis_that_dies_and_forgets_everything_is_made_up_for(shop: Shop) -> None:
    def forget() -> None:
        for kept in (shop.program.home / "redis").glob("*"):
            if not kept.is_socket():
                shutil.rmtree(kept, ignore_errors=True) if kept.is_dir() else kept.unlink(missing_ok=True)

    with ThreadPoolExecutor(AT_ONCE) as people:
        start, tries = registering(shop, people)
        wait_for(lambda: runs_of(start) > 0, 30)
        shop.kill("redis-server", before_it_is_back=forget)
        killed = time.monotonic()
        assert {each.result(60) for each in tries} == {1}, "no registration fails for want of a Redis"
        assert_all_are_welcomed(start, tries, killed)


def test_a_killed_web_process_leaves_nobody_who_was_registered_without_a_welcome(shop: Shop) -> None:
    with ThreadPoolExecutor(AT_ONCE) as people:
        start, tries = registering(shop, people)
        wait_for(lambda: len(users_of(start)) >= 2, 30)
        shop.kill("gunicorn")
        killed = time.monotonic()
        assert_all_are_welcomed(start, tries, killed)


def test_a_database_that_is_gone_for_ten_seconds_is_waited_for(shop: Shop) -> None:
    with ThreadPoolExecutor(AT_ONCE) as people:
        start, tries = registering(shop, people)
        wait_for(lambda: runs_of(start) > 0, 30)
        shop.away()
        back = time.monotonic()
        assert_all_are_welcomed(start, tries, back)
