"""The scheduler process: what is due runs, one scheduler leads, a dead one's lock blocks nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from flask import Flask, current_app
from redis import Redis

from app.jobs.schedule import Schedule
from tests.services.process_tools import wait_for
from worker import LEADER_KEY, Scheduler

ran: list[tuple[str, str]] = []


def note_fast() -> None:
    """A schedule that notes under which application it ran."""
    ran.append(("fast", current_app.name))


def note_slow() -> None:
    """Another one."""
    ran.append(("slow", current_app.name))


def fail() -> None:
    """A schedule that fails each time."""
    raise ValueError("as planned")


FAST = Schedule("fast", 0.05, f"{__name__}.note_fast")
SLOW = Schedule("slow", 3600, f"{__name__}.note_slow")
BROKEN = Schedule("broken", 0.05, f"{__name__}.fail")


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A Redis without a scheduler."""
    ran.clear()
    connection = Redis.from_url(redis_url)
    connection.delete(LEADER_KEY)
    yield connection
    connection.delete(LEADER_KEY)


@contextmanager
def running(redis: Redis, name: str, *schedules: Schedule) -> Iterator[Scheduler]:
    """A scheduler at work in a thread; its application carries its name."""
    scheduler = Scheduler(Flask(name), redis, name=name, schedules=schedules)
    thread = Thread(target=scheduler.run)
    thread.start()
    try:
        yield scheduler
    finally:
        scheduler.stop()
        thread.join(5)


def test_each_schedule_runs_at_its_own_pace_inside_the_application(redis: Redis) -> None:
    with running(redis, "a", FAST, SLOW):
        wait_for(lambda: ran.count(("fast", "a")) >= 3)
    assert ran.count(("slow", "a")) == 1


def test_one_that_fails_does_not_stop_the_others(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    with running(redis, "a", BROKEN, FAST):
        wait_for(lambda: ran.count(("fast", "a")) >= 3)
    assert "schedule_failed schedule=broken" in caplog.text


def test_of_two_schedulers_one_works_and_the_other_takes_over_when_it_stops(redis: Redis) -> None:
    with running(redis, "first", FAST) as first:
        wait_for(lambda: ("fast", "first") in ran)
        with running(redis, "second", FAST):
            time.sleep(0.3)
            assert ("fast", "second") not in ran
            first.stop()
            wait_for(lambda: ("fast", "second") in ran)
    assert redis.get(LEADER_KEY) is None


def test_a_restarted_scheduler_does_not_wait_for_its_dead_predecessors_lock(redis: Redis) -> None:
    redis.set(LEADER_KEY, "same-machine", ex=600)
    with running(redis, "same-machine", FAST):
        wait_for(lambda: ("fast", "same-machine") in ran, 1)


def test_it_waits_out_a_redis_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    ran.clear()
    with running(Redis(port=1, socket_connect_timeout=0.1), "a", FAST):
        wait_for(lambda: "scheduler_waits_for_redis" in caplog.text)
    assert ran == []
