"""500 consultants on the event stream of one web process while customers register, one worker behind it.

`from the registration` counts from when it was sent to the last of the 500 streams that has heard of it, welcome and all in
between; `from the row` from the notification's transaction.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import insert, select

from app.accounts.models import User
from app.accounts.tokens import issue_token
from app.consultants.models import ConsultantPresence
from app.core.actor import Role
from app.core.clock import now
from app.db import db, in_transaction
from app.demo.loader import load_demo
from app.notifications.models import Notification
from benchmarks.onboarding import behind_the_web, register
from benchmarks.program import build_app, cpu_seconds, databases, redis_server, web_server
from benchmarks.table import print_table
from tests.delivery.listening import Heard, Listeners

CONSULTANTS = 500
CUSTOMERS = 20
PAUSE_SECONDS = 0.5
HEAD = (
    "database",
    "streams",
    "customers",
    "from the row: median s",
    "slowest s",
    "from the registration: median s",
    "slowest s",
    "heard",
    "web CPU s",
)


def main() -> None:
    """Measure on SQLite, and on MariaDB where a server answers."""
    with databases() as urls:
        rows = [_measure(engine, url) for engine, url in urls.items()]
    print_table("A new customer reaches everybody at the desk", HEAD, rows)


def _measure(engine: str, database_url: str) -> list[object]:
    with tempfile.TemporaryDirectory() as folder, redis_server() as redis_url:
        home = Path(folder)
        app = build_app(home, database_url, redis_url)
        with app.app_context():
            load_demo(app.extensions["mcpshop_settings"], echo=lambda _: None, orders=2_000, members=300)
            tokens = _hire()
        with (
            web_server(home, database_url, redis_url) as (url, pid),
            behind_the_web(home, database_url, redis_url),
            behind_the_web(home, database_url, redis_url, "--scheduler"),
            _listening(url, tokens) as listeners,
        ):
            register(url, "warm")
            _wait(listeners, "warm")
            before = cpu_seconds(pid)
            sent = [_one(url, listeners, number) for number in range(CUSTOMERS)]
            spent = cpu_seconds(pid) - before
            return [engine, *_told(app, listeners.all, sent), f"{spent:.1f}"]


def _hire() -> list[str]:
    """So many consultants, and a token of each."""
    names = [f"at-the-desk-{number}" for number in range(CONSULTANTS)]
    more = {"password_hash": "!", "role_names": Role.CONSULTANT.value}
    rows = [{"username": n, "username_key": n, "email": f"{n}@example.com", **more} for n in names]
    in_transaction(lambda: db.session.execute(insert(User), rows))
    ids = db.session.scalars(select(User.id).where(User.username_key.in_(names))).all()
    # As if each page sent its heartbeat: nobody is to be mailed.
    there = [{"user_id": user_id, "seen_at": now() + timedelta(hours=1)} for user_id in ids]
    in_transaction(lambda: db.session.execute(insert(ConsultantPresence), there))
    return [issue_token(user_id)[0] for user_id in ids]


@contextmanager
def _listening(url: str, tokens: list[str]) -> Iterator[Listeners]:
    listeners = Listeners(urlsplit(url).port or 80, tokens)
    try:
        listeners.wait_until_open()
        yield listeners
    finally:
        listeners.close()


def _one(url: str, listeners: Listeners, number: int) -> float:
    time.sleep(PAUSE_SECONDS)
    at, name = time.time(), f"customer{number}"
    register(url, name)
    _wait(listeners, name)
    return at


def _wait(listeners: Listeners, name: str) -> None:
    listeners.wait_until(lambda each: _when(each, name) is not None, 60)


def _when(heard: Heard, name: str) -> float | None:
    """When a stream has heard of a customer."""
    for at, event in reversed(heard.of_type("notification")):
        if event["data"]["payload"].get("username") == name:
            return at
    return None


def _told(app: Flask, streams: list[Heard], sent: list[float]) -> list[object]:
    with app.app_context():
        rows = db.session.execute(select(Notification.payload, Notification.created_at))
        written = {row.payload.get("username"): row.created_at.timestamp() for row in rows}
    last = [max(_when(each, f"customer{n}") or 0.0 for each in streams) for n in range(CUSTOMERS)]
    from_row = sorted(at - written[f"customer{n}"] for n, at in enumerate(last))
    from_registration = sorted(at - sent[n] for n, at in enumerate(last))
    heard = sum(_when(each, f"customer{n}") is not None for each in streams for n in range(CUSTOMERS))
    return [
        len(streams),
        CUSTOMERS,
        *(f"{found[place]:.2f}" for found in (from_row, from_registration) for place in (CUSTOMERS // 2, -1)),
        heard,
    ]
