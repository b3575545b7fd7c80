"""One job for all that is waiting, and jobs that follow from others in the same process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from rq import Queue

from app.jobs.queues import URGENT, begin, enqueue_once, following
from app.runtime import redis_bytes

pytestmark = pytest.mark.redis
done: list[str] = []


def first() -> None:
    done.append("first")
    enqueue_once("second", second, queue=URGENT)


def second() -> None:
    done.append("second")


@pytest.fixture
def shop(app: Flask) -> Iterator[None]:
    done.clear()
    with app.app_context():
        yield


def waiting() -> list[str]:
    return [job.func_name.rpartition(".")[2] for job in Queue(URGENT, connection=redis_bytes()).jobs]


def test_a_job_of_a_name_waits_once_until_it_begins(shop: None) -> None:
    for _ in range(3):
        assert enqueue_once("first", first, queue=URGENT)
    assert waiting() == ["first"]
    begin("first")
    enqueue_once("first", first, queue=URGENT)
    assert waiting() == ["first", "first"]


def test_what_is_handed_over_within_is_done_there(shop: None) -> None:
    with following(10):
        enqueue_once("first", first, queue=URGENT)
        enqueue_once("first", first, queue=URGENT)
        assert done == []
    assert done == ["first", "second"] and waiting() == []


def test_what_time_does_not_allow_goes_to_the_queue(shop: None) -> None:
    with following(0):
        enqueue_once("first", first, queue=URGENT)
    assert done == [] and waiting() == ["first"]


def test_what_a_broken_job_had_handed_over_is_not_lost(shop: None) -> None:
    with pytest.raises(ZeroDivisionError), following(10):
        enqueue_once("first", first, queue=URGENT)
        raise ZeroDivisionError
    assert waiting() == ["first"]
