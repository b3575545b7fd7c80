"""`kill -9` on a real worker in the middle of a report: another makes it, and its owner is told once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from flask import Flask

from app.config import PROJECT_ROOT
from app.core.actor import Actor
from app.core.clock import now, shifted
from app.db import in_transaction
from app.insights.saved import clockwork, jobs
from app.insights.saved.making import LEASE
from tests.campaigns.test_worker_dies import kill
from tests.conftest import MakeApp
from tests.insights.saved.report_rows import change, letters, operator, runs_of, save
from tests.services.process_tools import wait_for

pytestmark = [pytest.mark.redis, pytest.mark.slow]
DAY = timedelta(days=1)


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def app(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    return make_app(request.getfixturevalue("mariadb_url") if request.param == "mariadb" else "")


@contextmanager
def silent_database() -> Iterator[tuple[str, Event]]:
    """A database server that takes a connection and says nothing; the event is set when somebody has come."""
    reached, open_ones = Event(), []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    open_ones.append(server.accept()[0])
                except OSError:
                    return
                reached.set()

        Thread(target=listen, daemon=True).start()
        yield f"mysql://reader@127.0.0.1:{server.getsockname()[1]}/shop", reached
        server.shutdown(socket.SHUT_RDWR)
    for each in open_ones:
        each.close()


def start_worker(app: Flask, insights_database: str = "") -> subprocess.Popen[bytes]:
    """The real `worker.py` on the test's database and Redis."""
    settings = app.extensions["mcpshop_settings"]
    environment = {
        **os.environ,
        "MCPSHOP_HOME": str(settings.home_path),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "INSIGHTS_DATABASE_URL": insights_database,
    }
    return subprocess.Popen(
        [sys.executable, str(PROJECT_ROOT / "worker.py")],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(Path(settings.home_path) / "worker.log").open("ab"),
    )


def due_report() -> tuple[Actor, int]:
    owner = operator("olga")
    with shifted(-2 * DAY):
        report = save(owner)
        change(owner, report)
    return owner, report.id


def test_a_killed_worker_leaves_a_report_that_another_makes_once(app: Flask) -> None:
    with app.app_context():
        owner, report_id = due_report()
        with silent_database() as (url, reached):
            first = start_worker(app, url)
            try:
                jobs.sweep()
                assert reached.wait(60)
            finally:
                kill(first)
        assert runs_of(report_id)[0].status == "running"
        assert letters(owner) == []
        with shifted(LEASE):
            assert in_transaction(clockwork.take_back)
        second = start_worker(app)
        try:
            # Handed over twice, and found by RQ as the dead worker's besides.
            for _ in range(2):
                clockwork.hand_over(runs_of(report_id)[0].id)
            wait_for(lambda: runs_of(report_id)[0].status == "done", 40)
        finally:
            kill(second)
        (run,) = runs_of(report_id)
        assert (run.attempts, run.due_at < now()) == (2, True)
        assert len(letters(owner)) == 1
