"""Asking Redis together: everybody gets the own answers, whatever becomes of the others and of the connection."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from app.redis_line import Line


@pytest.fixture
def redis(app: Flask) -> Redis:
    found: Redis = app.extensions["mcpshop_redis"]
    return found


def test_answers_come_in_the_commands_order(redis: Redis) -> None:
    line = Line(redis)
    assert line.send(("SET", "a", "1"), ("INCRBY", "a", 2), ("GET", "a"), ("GET", "none")) == [
        "OK",
        3,
        "3",
        None,
    ]


def test_what_redis_refuses_is_an_answer(redis: Redis) -> None:
    line = Line(redis)
    first, second, third = line.send(("SET", "a", "text"), ("INCR", "a"), ("GET", "a"))
    assert (first, third) == ("OK", "text") and isinstance(second, ResponseError)
    assert line.send(("GET", "a")) == ["text"]


def test_many_threads_get_their_own_answers_in_fewer_journeys(redis: Redis) -> None:
    line = Line(redis)
    journeys = 0
    carry = line._carry

    def counted(lots: Any) -> None:
        nonlocal journeys
        journeys += 1
        carry(lots)

    line._carry = counted  # type: ignore[method-assign]
    together = threading.Barrier(40)

    def ask(number: int) -> list[Any]:
        together.wait(10)
        return line.send(("SET", f"k{number}", number), ("GET", f"k{number}"))

    with ThreadPoolExecutor(40) as people:
        for _ in range(5):
            assert list(people.map(ask, range(40))) == [["OK", str(number)] for number in range(40)]
    assert journeys < 200 and not line._is_under_way and not line._waiting


def test_a_connection_that_redis_has_closed_is_replaced(redis: Redis) -> None:
    line = Line(redis)
    line.send(("CLIENT", "SETNAME", "the-line"))
    [mine] = [each["id"] for each in redis.client_list() if each["name"] == "the-line"]
    redis.client_kill_filter(_id=mine)
    assert line.send(("PING",)) == ["PONG"]


def test_who_cannot_reach_redis_is_told_and_nobody_is_left_waiting() -> None:
    line = Line(Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2))
    for _ in range(2):
        with ThreadPoolExecutor(8) as people:
            asked = [people.submit(line.send, ("PING",)) for _ in range(8)]
        for each in asked:
            with pytest.raises(RedisError):
                each.result()
    assert not line._is_under_way and not line._waiting


def test_what_goes_along_is_done_with_the_next(redis: Redis) -> None:
    line = Line(redis)
    redis.set("a", "1")
    line.send_along("DEL", "a")
    assert redis.exists("a")
    assert line.send(("PING",)) == ["PONG"]
    assert not redis.exists("a")


def test_one_who_is_killed_while_waiting_holds_nobody_up(redis: Redis) -> None:
    line = Line(redis)

    class Killed:
        """A turn that never comes, since its greenlet is killed; by then it was this one's turn to go."""

        def acquire(self, blocking: bool = True) -> bool:
            if blocking:
                raise KeyboardInterrupt
            return True

    from app.redis_line import _Lot

    lot, other = _Lot([("PING",)]), _Lot([("PING",)])
    lot.turn = Killed()  # type: ignore[assignment]
    line._waiting, line._is_under_way = [lot, other], True
    with pytest.raises(KeyboardInterrupt):
        line._wait(lot)
    assert line._waiting == [other] and other.turn.acquire(blocking=False)
