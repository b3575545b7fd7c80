"""Every queue that is used has a worker, every schedule and topic has a function."""

import re
from importlib import import_module

from flask import Flask

from app.config import PROJECT_ROOT
from app.jobs import queues
from app.jobs.schedule import SCHEDULES
from app.outbox.service import _handlers


def test_every_schedule_names_a_function() -> None:
    for schedule in SCHEDULES:
        module, _, name = schedule.function.rpartition(".")
        assert callable(getattr(import_module(module), name)), schedule.function


def test_every_queue_in_the_code_is_worked_on() -> None:
    used = set()
    for path in (PROJECT_ROOT / "app").rglob("*.py"):
        used |= set(re.findall(r"queue=([A-Z]+)\b", path.read_text(encoding="utf-8")))
    assert {getattr(queues, name) for name in used} <= set(queues.QUEUES)


def test_every_published_topic_has_a_handler(app: Flask) -> None:
    topics = set()
    for path in (PROJECT_ROOT / "app").rglob("*.py"):
        topics |= set(re.findall(r"""\bpublish\(\s*["']([a-z_.]+)["']""", path.read_text(encoding="utf-8")))
    assert topics
    assert topics <= set(_handlers)
