"""The program under test: one gunicorn web process over a database made for the benchmark."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pymysql
from flask import Flask
from flask_migrate import upgrade
from redis import Redis
from redis.exceptions import RedisError

from app.config import PROJECT_ROOT, Settings
from app.factory import create_app
from app.supervisor.redis_server import find_redis_server
from tests.running import free_port

MARIADB = os.environ.get("BENCH_MARIADB_URL", "mysql://root@127.0.0.1:3306")
# A busy machine takes its time to load the application.
START_SECONDS = 120.0
SECRET = "benchmark-secret-key-of-at-least-32-chars"


@contextmanager
def redis_server() -> Iterator[str]:
    """A redis-server of the benchmark's own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [str(find_redis_server()), "--port", str(port), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        url = f"redis://127.0.0.1:{port}/0"
        try:
            _wait_for(lambda: _answers(url))
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _answers(url: str) -> bool:
    with suppress(RedisError):
        return bool(Redis.from_url(url).ping())
    return False


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Database URLs by engine: SQLite always ("" = in the home), MariaDB where a server answers."""
    found = {"SQLite": ""}
    server = None
    name = f"mcpshop_bench_{os.getpid()}"
    with suppress(pymysql.err.OperationalError):
        server = pymysql.connect(host="127.0.0.1", user="root")
        server.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        found["MariaDB"] = f"{MARIADB}/{name}"
    try:
        yield found
    finally:
        if server is not None:
            server.cursor().execute(f"DROP DATABASE {name}")
            server.close()


def build_app(home: Path, database_url: str, redis_url: str, **more: Any) -> Flask:
    """An application over a migrated database, for filling it; `more` are other settings."""
    app = create_app(
        Settings(
            mcpshop_home=home,
            database_url=database_url,
            redis_url=redis_url,
            secret_key=SECRET,
            log_level="WARNING",
            ratelimit_enabled=False,
            **more,
            _env_file=None,
        )
    )
    with app.app_context():
        upgrade()
    return app


@contextmanager
def web_process(home: Path, database_url: str, redis_url: str, **extra: str) -> Iterator[str]:
    """One gunicorn with one gevent worker; yields its address."""
    with web_server(home, database_url, redis_url, **extra) as (url, _pid):
        yield url


@contextmanager
def web_server(home: Path, database_url: str, redis_url: str, **extra: str) -> Iterator[tuple[str, int]]:
    """The same, with the process id of its master."""
    port = free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "MCPSHOP_HOME": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET,
        "RATELIMIT_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        **extra,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(lambda: _is_up(url), START_SECONDS)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(20)


def cpu_seconds(pid: int) -> float:
    """Of the process and its children, for a machine on which others work too; 0 where there is no /proc."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        return 0.0
    ticks = 0
    for one in (pid, *map(int, children.read_text().split())):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _is_up(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{url}/api/health", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def _wait_for(is_done: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_done():  # type: ignore[operator]
            return
        time.sleep(0.1)
    raise RuntimeError("did not come up in time")
