"""Races with real threads: the same work many times at once, each in a transaction of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

from flask import Flask

from app.core.errors import DomainError
from app.db import db, in_transaction

THREADS = 16
GATE_SECONDS = 0.5
BUSY_SECONDS = 0.1


def in_parallel(app: Flask, calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run the calls at once; the results in order, a DomainError as its code.

    Afterwards the caller's session sees what was committed.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(lambda call: _once(app, call), calls))
    db.session.rollback()
    return outcomes


def at_once(work: Callable[[], Any], times: int) -> list[Callable[[], Any]]:
    """The same work `times` times (up to 16), begun together when every transaction is open.

    SQLite has one writer: there the gate gives up waiting, and the work is done in turn.
    """
    gate = Barrier(times)

    def begin() -> Any:
        with suppress(BrokenBarrierError):
            gate.wait(GATE_SECONDS)
        return work()

    return [begin] * times


def _once(app: Flask, call: Callable[[], Any]) -> Any:
    with app.app_context():
        try:
            return in_transaction(call)
        except DomainError as error:
            return error.code


def crowd() -> float:
    """How many times slower things may be than is promised for an idle machine: the tests beside this one slow it."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    # The load is a minute's; who has just come is seen by how long a little work takes.
    begun, worked = time.perf_counter(), time.process_time()
    while time.process_time() - worked < BUSY_SECONDS:
        pass
    return max(1.0, load, (time.perf_counter() - begun) / BUSY_SECONDS)
