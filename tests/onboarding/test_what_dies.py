"""`kill -9` of a worker's process at every step, Redis emptied, the database away: one conversation, one welcome, one notification."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.synchronize import Event
from typing import Any

import pytest
from flask import Flask
from rq import Queue
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.conversations.models import Conversation
from app.core.clock import shifted
from app.db import db
from app.jobs.queues import URGENT
from app.onboarding import jobs, running, steps
from app.onboarding.workflow import Step
from app.outbox import jobs as outbox_jobs
from app.runtime import redis, redis_bytes
from tests.customers.buying import stock_shelves
from tests.onboarding.registering import (
    CONSULTANTS,
    count,
    make_consultants,
    register,
    run_of,
    steps_of,
    told_about,
    welcomes_of,
    work,
)

pytestmark = pytest.mark.redis
AFTER_LEASE = running.LEASE_SECONDS + 1
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def shop(each_app: Flask) -> Iterator[Flask]:
    with each_app.app_context():
        stock_shelves()
        make_consultants()
        yield each_app
        db.session.rollback()


def assert_all_once(user: Any) -> None:
    assert run_of(user).status == "done"
    assert set(steps_of(user).values()) == {"done"}
    assert count(Conversation) == 1 and len(welcomes_of(user)) == 1
    assert len(told_about(user)) == len(set(told_about(user))) == len(CONSULTANTS)


def stuck(act: running.Act, reached: Event) -> running.Act:
    """The step with all it writes, which then never comes to its commit."""

    def hang(held: running.Work) -> running.Effect:
        effect = act(held)

        def keep() -> dict[str, Any]:
            effect.keep()
            db.session.flush()
            reached.set()
            time.sleep(120)
            return {}

        return running.Effect(keep)

    return hang


def die_at(app: Flask, step: Step, later: float) -> None:
    """A process of a worker that gets as far as the step, and is killed there."""
    reached = FORK.Event()

    def child() -> None:
        with app.app_context(), shifted(timedelta(seconds=later)):
            for engine in db.engines.values():
                engine.dispose(close=False)
            db.session.remove()
            steps.ACTS[step] = stuck(steps.ACTS[step], reached)
            work()

    db.session.remove()
    process = FORK.Process(target=child, daemon=True)
    process.start()
    try:
        assert reached.wait(60), step
    finally:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(10)


def test_a_worker_killed_at_every_step_leaves_all_of_it_once(shop: Flask) -> None:
    alice = register()
    later = 0.0
    for step in Step:
        die_at(shop, step, later)
        later += AFTER_LEASE
    assert run_of(alice).attempts == len(Step)
    with shifted(timedelta(seconds=later)):
        work()
    assert_all_once(alice)


def test_a_redis_that_lost_everything_is_made_up_for(shop: Flask) -> None:
    alice = register()
    redis().flushall()
    with shifted(timedelta(seconds=3)):
        outbox_jobs.sweep()
        assert run_of(alice).status == "pending"
        redis().flushall()
        jobs.sweep()
    waiting = [job.func_name for job in Queue(URGENT, connection=redis_bytes()).jobs]
    assert waiting == ["app.onboarding.jobs.run_automations"]
    with shifted(timedelta(seconds=4)):
        work()
    assert_all_once(alice)


@pytest.mark.parametrize("statements", [2, 5, 9, 14, 20, 27])
def test_a_database_that_goes_away_in_the_middle_is_waited_for(shop: Flask, statements: int) -> None:
    alice = register()
    outbox_jobs.deliver_new()
    left = [statements]

    def refuse(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OperationalError("", {}, Exception("the server has gone away"))

    event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        jobs.run_automations()
    except OperationalError:
        pass  # The job fails, as it does in the worker; the scheduler's sweep comes back.
    finally:
        event.remove(db.engine, "before_cursor_execute", refuse)
        db.session.remove()
    for seconds in (AFTER_LEASE, 2 * AFTER_LEASE):
        with shifted(timedelta(seconds=seconds)):
            work()
    assert_all_once(alice)
