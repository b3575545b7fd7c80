"""An asyncio loop on gevent's hub: order, times, threads, and what other greenlets see of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import gevent
import pytest

from app.web.aio import Loop
from app.web.hub_loop import HubHome, HubLoop


@pytest.fixture(scope="module")
def loop() -> Loop:
    return Loop(HubLoop(), HubHome())


def result_of(loop: Loop, coroutine: Any) -> Any:
    """What a coroutine returns or raises, while this greenlet waits."""
    done = gevent.event.AsyncResult()

    async def told() -> None:
        try:
            done.set(await coroutine)
        except Exception as error:
            done.set_exception(error)

    loop.spawn(told())
    return done.get(timeout=10)


def test_work_runs_in_a_greenlet_and_comes_back(loop: Loop) -> None:
    def work() -> str:
        gevent.sleep(0.01)
        return "done"

    assert result_of(loop, loop.run_at_home(work)) == "done"
    with pytest.raises(KeyError):
        result_of(loop, loop.run_at_home(lambda: {}["missing"]))


def test_what_waits_for_a_time_comes_in_the_order_of_the_times(loop: Loop) -> None:
    seen: list[str] = []

    async def note(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append(name)

    async def all_of_them() -> None:
        await asyncio.gather(note("late", 0.12), note("early", 0.02), note("middle", 0.06), note("now", 0))

    result_of(loop, all_of_them())
    assert seen == ["now", "early", "middle", "late"]


def test_an_earlier_time_is_set_anew_while_the_loop_sleeps(loop: Loop) -> None:
    done = gevent.event.Event()
    loop.spawn(asyncio.sleep(60))
    gevent.sleep(0.02)
    loop.asyncio.call_later(0.02, done.set)
    assert done.wait(5)


def test_a_timeout_cancels(loop: Loop) -> None:
    async def waits() -> None:
        async with asyncio.timeout(0.02):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        result_of(loop, waits())


def test_another_thread_may_call_it(loop: Loop) -> None:
    done = gevent.event.Event()
    seen: list[int] = []

    def calls() -> None:
        for number in range(200):
            loop.call(seen.append, number)
        loop.call(done.set)

    threading.Thread(target=calls).start()
    deadline = time.monotonic() + 10
    while not done.is_set() and time.monotonic() < deadline:
        gevent.sleep(0.01)
    assert seen == list(range(200))


def test_other_greenlets_see_no_loop(loop: Loop) -> None:
    async def inside() -> bool:
        return asyncio.get_running_loop() is loop.asyncio

    assert result_of(loop, inside())
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    with pytest.raises(RuntimeError):
        result_of(loop, loop.run_at_home(asyncio.get_running_loop))


def test_a_cancelled_wait_tells_the_work(loop: Loop) -> None:
    told, release = gevent.event.Event(), gevent.event.Event()

    async def gives_up() -> None:
        task = asyncio.create_task(loop.run_at_home(lambda: release.wait(5), told.set))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    result_of(loop, gives_up())
    assert told.wait(5)
    release.set()


def test_a_generator_that_is_left_is_closed(loop: Loop) -> None:
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def takes_one() -> int:
        async for number in numbers():
            return number
        return 0

    assert result_of(loop, takes_one()) == 1
    gevent.sleep(0.05)
    assert closed == [True]
