"""The circuit breaker, as processes that share a Redis see it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from app.gateway.breaker import Breaker, State, state_of

KEY = "agent:1:v1"
QUICK: dict[str, Any] = {"failures": 3, "window_seconds": 0.4, "open_seconds": 0.3, "probe_seconds": 0.3}


@pytest.fixture
def two(redis_url: str) -> tuple[Breaker, Breaker]:
    """The breakers of two processes."""
    Redis.from_url(redis_url).flushall()
    first, second = (Breaker(Redis.from_url(redis_url, decode_responses=True), **QUICK) for _ in range(2))
    return first, second


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.fail(KEY, breaker.admit(KEY))


def test_failures_of_all_processes_open_it_for_all(two: tuple[Breaker, Breaker]) -> None:
    here, there = two
    fail(here, 2)
    assert here.admit(KEY) is State.CLOSED
    fail(there)
    assert here.admit(KEY) is State.OPEN and there.state_of(KEY) is State.OPEN
    assert here.admit("agent:2:v1") is State.CLOSED


def test_a_success_forgets_the_failures_before_it(two: tuple[Breaker, Breaker]) -> None:
    here, there = two
    fail(here, 2)
    there.succeed(KEY, State.CLOSED)
    fail(here, 2)
    assert here.state_of(KEY) is State.CLOSED


def test_old_failures_do_not_count(two: tuple[Breaker, Breaker]) -> None:
    here, _ = two
    fail(here, 2)
    time.sleep(0.45)
    fail(here)
    assert here.state_of(KEY) is State.CLOSED


def test_one_request_at_a_time_tries(two: tuple[Breaker, Breaker]) -> None:
    here, there = two
    fail(here, 3)
    time.sleep(0.35)
    assert there.state_of(KEY) is State.HALF_OPEN
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: (here, there)[n % 2].admit(KEY), range(16)))
    assert sorted(answers) == [State.HALF_OPEN, *[State.OPEN] * 15]
    # A state for the console changes nothing.
    assert here.state_of(KEY) is State.HALF_OPEN


def test_a_try_that_succeeds_closes_it(two: tuple[Breaker, Breaker]) -> None:
    here, there = two
    fail(here, 3)
    time.sleep(0.35)
    here.succeed(KEY, here.admit(KEY))
    assert there.admit(KEY) is State.CLOSED
    fail(there, 2)
    assert here.state_of(KEY) is State.CLOSED


def test_a_try_that_fails_opens_it_again(two: tuple[Breaker, Breaker]) -> None:
    here, there = two
    fail(here, 3)
    time.sleep(0.35)
    fail(here)
    assert there.state_of(KEY) is State.OPEN and there.admit(KEY) is State.OPEN


def test_a_late_failure_does_not_hold_it_open(two: tuple[Breaker, Breaker]) -> None:
    """Of a request that began before it opened."""
    here, there = two
    fail(here, 3)
    time.sleep(0.35)
    there.fail(KEY, State.CLOSED)
    assert here.admit(KEY) is State.HALF_OPEN


def test_a_try_without_an_outcome_lets_the_next_one_try(two: tuple[Breaker, Breaker]) -> None:
    here, there = two
    fail(here, 3)
    time.sleep(0.35)
    here.release(KEY, here.admit(KEY))
    assert there.admit(KEY) is State.HALF_OPEN
    # Its process dies.
    assert here.admit(KEY) is State.OPEN
    time.sleep(0.31)
    assert here.admit(KEY) is State.HALF_OPEN


def test_its_keys_go_away_by_themselves(two: tuple[Breaker, Breaker]) -> None:
    here, _ = two
    fail(here, 2)
    here.rest("agent:2:v1", 0.3)
    fail_two = Breaker(here.redis, **QUICK)
    for _ in range(3):
        fail_two.fail("agent:3:v1", State.CLOSED)
    assert len(list(here.redis.scan_iter("gw:*"))) == 3
    time.sleep(0.8)
    assert list(here.redis.scan_iter("gw:*")) == []


def test_a_provider_may_ask_for_a_rest_of_a_minute_at_most(two: tuple[Breaker, Breaker]) -> None:
    here, there = two
    here.rest(KEY, 86_400)
    assert there.state_of(KEY) is State.OPEN
    assert 0 < int(here.redis.pttl(f"gw:breaker:{KEY}")) <= 60_000  # type: ignore[arg-type]


def test_without_redis_it_is_closed() -> None:
    nowhere = Breaker(Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2))
    assert nowhere.admit(KEY) is State.CLOSED and nowhere.state_of(KEY) is State.CLOSED
    fail(nowhere, 9)
    nowhere.rest(KEY, 5)
    nowhere.release(KEY, State.HALF_OPEN)
    assert nowhere.admit(KEY) is State.CLOSED


def test_two_applications_see_the_same_state(make_app: Any) -> None:
    one, other = make_app(), make_app()
    assert isinstance(one, Flask)
    with one.app_context():
        from app.runtime import redis

        fail(Breaker(redis()), 5)
    with other.app_context():
        assert state_of(KEY) == "open"
