"""100 registrations in one burst, then 100 a minute, with one web process, one worker and the scheduler.

`python -m benchmarks onboarding 5` goes on for 5 minutes (1 without a number). The welcome's time is the database's: from the
registration's transaction to the message in the conversation. A burst is as fast as 8 people at once can be served: each
password costs the web process 15 ms.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from app.config import PROJECT_ROOT
from app.conversations.models import Message
from app.core.actor import Role
from app.core.clock import now
from app.db import db
from app.demo.loader import load_demo
from app.notifications.models import Notification
from app.onboarding.models import AutomationRun
from benchmarks.program import SECRET, build_app, databases, redis_server, web_process
from benchmarks.table import print_table
from tests.builders import make_user

BURST = A_MINUTE = 100
AT_ONCE = 8
CONSULTANTS = 5
PATIENCE_SECONDS = 120.0
HEAD = (
    "database, load",
    "registrations",
    "answer p50 ms",
    "answer p95 ms",
    "welcomed",
    "welcome p50 ms",
    "welcome p95 ms",
    "slowest ms",
    "notifications",
)


def main(minutes: float | None = None) -> None:
    """Measure on SQLite, and on MariaDB where a server answers."""
    if minutes is None:
        minutes = next((float(each) for each in sys.argv[1:] if each.isdecimal()), 1.0)
    rows = []
    with databases() as urls:
        for engine, url in urls.items():
            rows += _measure(engine, url, minutes)
    print_table(f"Registration automation, one worker, {CONSULTANTS} consultants", HEAD, rows)


def _measure(engine: str, database_url: str, minutes: float) -> list[list[object]]:
    with tempfile.TemporaryDirectory() as folder, redis_server() as redis_url:
        home = Path(folder)
        app = build_app(home, database_url, redis_url)
        with app.app_context():
            load_demo(app.extensions["mcpshop_settings"], echo=lambda _: None, orders=2_000, members=300)
            for number in range(CONSULTANTS - 1):
                make_user(f"consultant{number}", roles=(Role.CUSTOMER, Role.CONSULTANT))
        behind = partial(behind_the_web, home, database_url, redis_url)
        with web_process(home, database_url, redis_url) as url, behind(), behind("--scheduler"):
            _load(app, url, "warm", [0.0] * 5)
            burst = _load(app, url, "burst", [0.0] * BURST)
            pace = [60 / A_MINUTE * number for number in range(round(A_MINUTE * minutes))]
            steady = _load(app, url, "steady", pace)
        return [[f"{engine}, one burst", *burst], [f"{engine}, {A_MINUTE} a minute", *steady]]


@contextmanager
def behind_the_web(home: Path, database_url: str, redis_url: str, *arguments: str) -> Iterator[None]:
    """The worker, or the scheduler, as production runs it."""
    environment = {
        **os.environ,
        "MCPSHOP_HOME": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET,
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "worker.py", *arguments]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _load(app: Flask, url: str, name: str, moments: Sequence[float]) -> list[object]:
    """Register at these moments (seconds from now), wait for the welcomes, and tell how it went."""
    began, started = now(), time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as people:
        answers: list[Future[float]] = []
        for number, moment in enumerate(moments):
            time.sleep(max(0.0, started + moment - time.monotonic()))
            answers.append(people.submit(register, url, f"{name}{number}"))
        took = [answer.result() for answer in answers]
    deadline = time.monotonic() + PATIENCE_SECONDS
    with app.app_context():
        while _count(
            AutomationRun, AutomationRun.status == "done", AutomationRun.registered_at >= began
        ) < len(moments):
            if time.monotonic() > deadline:
                break
            time.sleep(0.5)
        waits = db.session.scalars(
            select(AutomationRun.welcome_ms).where(
                AutomationRun.registered_at >= began, AutomationRun.welcome_ms.is_not(None)
            )
        ).all()
        welcomes = _count(Message, Message.client_message_id == "welcome", Message.created_at >= began)
        told = _count(Notification, Notification.created_at >= began)
    welcomed = sorted(wait for wait in waits if wait is not None)
    return [
        len(moments),
        _share(took, 0.5),
        _share(took, 0.95),
        welcomes,
        _share(welcomed, 0.5),
        _share(welcomed, 0.95),
        welcomed[-1] if welcomed else "-",
        told,
    ]


def register(url: str, name: str) -> float:
    """Milliseconds until the answer."""
    body = {"username": name, "email": f"{name}@example.com", "password": f"correct horse {name} staple"}
    request = urllib.request.Request(
        f"{url}/api/auth/register",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    started = time.monotonic()
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
    return (time.monotonic() - started) * 1000


def _count(model: type, *conditions: object) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0  # type: ignore[arg-type]


def _share(values: Sequence[float], share: float) -> object:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))]) if ordered else "-"
