"""Asking Redis together: what threads or greenlets want at the same moment goes in one round trip.

Each answer in the making writes a dozen times; alone, a round trip costs more than all that is in it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

from redis import Redis
from redis.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

# A command as it is sent: its name and its arguments.
Command = tuple[str | int, ...]


class Line:
    """The way to Redis that many share. Whoever finds nobody under way takes along what all have by then."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = Lock()
        self._waiting: list[_Lot] = []
        self._along: list[_Lot] = []
        self._is_under_way = False
        # One that it keeps: to take one out of the pool and look whether it is alive costs as much again as to use it.
        self._held: Connection | None = None
        self._pid = 0

    def send(self, *commands: Command) -> list[Any]:
        """The answers, in the commands' order; what Redis refuses is among them, as a ResponseError.

        They run one after the other, though not as one: others' may come between. Raises RedisError when Redis was not
        reached, or its answers were not: some of the commands may have been done then.
        """
        mine = _Lot(commands)
        with self._lock:
            self._waiting.append(mine)
            goes, self._is_under_way = not self._is_under_way, True
        if goes:
            # Who is ready already comes along.
            time.sleep(0)
        else:
            self._wait(mine)
        if mine.answers is None and mine.failure is None:
            self._go()
        if mine.failure is not None:
            raise RedisConnectionError(str(mine.failure)) from mine.failure
        return mine.answers or []

    def send_along(self, *command: str | int) -> None:
        """Have a command done with whatever is sent next by anybody; nobody hears what became of it."""
        lot = _Lot([command])
        with self._lock:
            self._along.append(lot)

    def _wait(self, mine: _Lot) -> None:
        """Until the answers are there, or it is this one's turn to go."""
        try:
            mine.turn.acquire()
        except BaseException:
            # Killed meanwhile: nobody may wait for somebody who does not go.
            with self._lock:
                if mine in self._waiting:
                    must_go = mine.turn.acquire(blocking=False)
                    self._waiting.remove(mine)
                    if must_go:
                        self._pass_on()
            raise

    def _pass_on(self) -> None:
        """The next one's turn has come, if there is one; under the lock."""
        self._is_under_way = bool(self._waiting)
        if self._waiting:
            self._waiting[0].turn.release()

    def _go(self) -> None:
        """Make one journey for all that wait; then the next one's turn has come."""
        with self._lock:
            lots, self._waiting = [*self._along, *self._waiting], []
            self._along.clear()
        try:
            self._carry(lots)
        finally:
            with self._lock:
                self._pass_on()
            for lot in lots:
                lot.turn.release()

    def _carry(self, lots: Sequence[_Lot]) -> None:
        commands = [command for lot in lots for command in lot.commands]
        try:
            answers = iter(self._ask(commands))
            for lot in lots:
                lot.answers = [next(answers) for _ in lot.commands]
        except BaseException as error:
            for lot in lots:
                lot.answers, lot.failure = None, error
            if not isinstance(error, RedisError):
                raise

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        connection, is_old = self._connection()
        try:
            return _exchange(connection, commands)
        except (RedisConnectionError, OSError):
            self._drop()
            # Redis has been started anew since, which is found out only now.
            if not is_old:
                raise
        except BaseException:
            # Half of an answer may be waiting there for the next one.
            self._drop()
            raise
        connection, _ = self._connection()
        try:
            return _exchange(connection, commands)
        except BaseException:
            self._drop()
            raise

    def _connection(self) -> tuple[Connection, bool]:
        """The connection, which is this process's own, and whether it has been used before."""
        if self._held is not None and self._pid == os.getpid():
            return self._held, True
        self._held, self._pid = self._redis.connection_pool.get_connection(), os.getpid()
        return self._held, False

    def _drop(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with suppress(RedisError, OSError):
                held.disconnect()  # type: ignore[no-untyped-call]
            self._redis.connection_pool.release(held)


def _exchange(connection: Connection, commands: Sequence[Command]) -> list[Any]:
    packed = b"".join(connection.pack_commands(commands))  # type: ignore[no-untyped-call]
    connection.send_packed_command([packed])  # type: ignore[no-untyped-call]
    return [_answer(connection) for _ in commands]


def _answer(connection: Connection) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


class _Lot:
    """What one wants, and what came of it."""

    __slots__ = ("answers", "commands", "failure", "turn")

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = commands
        self.answers: list[Any] | None = None
        self.failure: BaseException | None = None
        self.turn = Lock()
        self.turn.acquire()
