"""The programs of the real shop."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.config import DEVELOPMENT_SECRET, PROJECT_ROOT, Settings
from app.supervisor import redis_server
from app.supervisor.child import Program
from app.supervisor.health import HealthProbe, address_of
from app.supervisor.preflight import ensure_secret
from app.supervisor.schema import is_set_up
from app.supervisor.supervisor import Plan

ACCOUNTS = ("demo", "consultant", "operator", "admin")


def plan_of(settings: Settings) -> Plan:
    """What `make run` runs under these settings; raises StartError when a part cannot be had."""
    home = settings.home_path
    environment = {"MCPSHOP_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    if settings.secret_key == DEVELOPMENT_SECRET:
        environment["SECRET_KEY"] = ensure_secret(home)
    stores: tuple[Program, ...] = ()
    if settings.redis_url:
        redis_server.check_external(settings.redis_url)
    else:
        socket = redis_server.prepare(home)
        stores = (_redis(home, socket),)
        environment["REDIS_URL"] = f"unix://{socket}?db=0"
    return Plan(
        folder=PROJECT_ROOT,
        # The children read their settings from the environment: ours, and what was found out here.
        environment={**os.environ, **environment},
        stores=stores,
        setup=()
        if _is_set_up(settings)
        else (Program("setup", _python("-m", "flask", "--app", "wsgi", "setup")),),
        services=_services(settings),
        announcement=_announcement(settings),
    )


def _services(settings: Settings) -> tuple[Program, ...]:
    return (
        Program(
            "web",
            _python("-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"),
            is_ready=HealthProbe(settings.host, settings.port).poll,
        ),
        *_workers(settings),
        Program("scheduler", _python("worker.py", "--scheduler")),
    )


def _workers(settings: Settings) -> tuple[Program, ...]:
    if settings.embed_model_path is None:
        return (Program("worker", _python("worker.py")),)
    # Making vectors takes minutes: nothing that somebody waits for may stand behind it.
    return (
        Program("worker", _python("worker.py", "--queues", "urgent,default,slow")),
        Program("indexer", _python("worker.py", "--queues", "index")),
    )


def _is_set_up(settings: Settings) -> bool:
    if not settings.database_uri.startswith("sqlite:///"):
        return False
    return is_set_up(
        Path(settings.database_uri.removeprefix("sqlite:///")).absolute(),
        PROJECT_ROOT / "migrations" / "versions",
        wants_demo=_has_demo(settings),
    )


def _has_demo(settings: Settings) -> bool:
    return settings.demo and settings.app_env != "production"


def _redis(home: Path, socket: Path) -> Program:
    return Program(
        "redis",
        redis_server.command(redis_server.find_redis_server(), home, socket),
        is_ready=lambda: redis_server.answers(socket),
        is_quiet=True,
    )


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def _announcement(settings: Settings) -> str:
    lines = [f"MCPShop is running at {address_of(settings.host, settings.port)}"]
    if _has_demo(settings):
        names = ", ".join(ACCOUNTS)
        lines.append(f"Demo accounts: {names}. Password: {settings.demo_password}")
    lines.append(f"Its data is in {settings.home_path}. Ctrl-C stops it.")
    return "\n".join(["", *lines, ""])
