"""What each process of the shop takes of its machine: it says so itself, through Redis, so that any of them can tell of all.

Nobody who has been silent for some seconds is told of: a figure here is of a process that lives.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from dataclasses import asdict, dataclass
from logging import getLogger

import psutil
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError

from app.runtime import redis

log = getLogger(__name__)
INDEX, ENTRY = "processes", "process:"
REPORT_SECONDS, SILENT_SECONDS = 5.0, 20.0
# More than anybody runs; a reader's work is bounded.
MOST = 200


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `cpu` is its share of one core since its last report, children that ended included; memory in bytes.

    `started_at` and `at` are seconds since the epoch; `machine_cpu` is the share of all cores of its machine.
    """

    kind: str
    host: str
    pid: int
    started_at: float
    at: float
    cpu: float
    memory: int
    machine_cpu: float
    machine_memory: int
    machine_memory_total: int


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, as its latest process to report saw it."""

    host: str
    cpu: float
    memory: int
    memory_total: int
    processes: int


class Reporter:
    """Measures its own process each time it is asked, and tells Redis; a Redis that is away is not told."""

    def __init__(self, kind: str, connection: Redis) -> None:
        self._kind = kind
        self._redis = connection
        self._process = psutil.Process()
        self._last = (time.monotonic(), self._cpu_seconds())
        self._due = 0.0
        # The first answer of this is for the time until the second.
        psutil.cpu_percent()

    def report_if_due(self) -> None:
        """Report unless that was done a moment ago."""
        if time.monotonic() >= self._due:
            self.report()

    def report(self) -> None:
        """Measure and tell."""
        self._due = time.monotonic() + REPORT_SECONDS
        entry = asdict(self._measure())
        name = f"{entry['host']}:{entry['pid']}"
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.set(f"{ENTRY}{name}", json.dumps(entry), ex=int(SILENT_SECONDS))
                pipe.zadd(INDEX, {name: entry["at"]})
                pipe.expire(INDEX, int(3 * SILENT_SECONDS))
                pipe.zremrangebyscore(INDEX, 0, entry["at"] - 3 * SILENT_SECONDS)
                pipe.execute()
        except RedisError as error:
            log.debug("process_not_reported error=%s", error)

    def _measure(self) -> Process:
        moment, used = time.monotonic(), self._cpu_seconds()
        passed, spent = moment - self._last[0], used - self._last[1]
        self._last = (moment, used)
        machine = psutil.virtual_memory()
        return Process(
            kind=self._kind,
            host=socket.gethostname(),
            pid=self._process.pid,
            started_at=self._process.create_time(),
            at=time.time(),
            cpu=round(spent / passed, 4) if passed > 0 else 0.0,
            memory=self._process.memory_info().rss,
            machine_cpu=round(psutil.cpu_percent() / 100, 4),
            machine_memory=machine.total - machine.available,
            machine_memory_total=machine.total,
        )

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        # Its own, and those of children that ended.
        return float(times.user + times.system + times.children_user + times.children_system)


def report_for_ever(app: Flask, kind: str) -> None:
    """Report from a thread of this process (under gevent a greenlet) as long as it lives."""
    reporter = Reporter(kind, app.extensions["mcpshop_redis"])
    own = os.getpid()

    def tell() -> None:
        # A fork has no such thread; a thread that was copied into one all the same must not speak for its parent.
        while os.getpid() == own:
            try:
                reporter.report()
            except Exception:
                log.exception("process_report_failed")
            time.sleep(REPORT_SECONDS)

    threading.Thread(target=tell, name="process-report", daemon=True).start()


def list_processes() -> list[Process] | None:
    """Who has reported lately, by kind and machine; None while Redis is away, for then nobody can tell."""
    try:
        names = redis().zrevrangebyscore(INDEX, "+inf", time.time() - SILENT_SECONDS, start=0, num=MOST)
        entries = redis().mget([f"{ENTRY}{name!s}" for name in names]) if names else []
    except RedisError:
        return None
    found = [Process(**json.loads(entry)) for entry in entries if entry]
    return sorted(found, key=lambda each: (each.kind, each.host, each.pid))


def machines_of(processes: list[Process]) -> list[Machine]:
    """The machines that they run on."""
    latest: dict[str, Process] = {}
    for each in sorted(processes, key=lambda one: one.at):
        latest[each.host] = each
    return [
        Machine(
            host=host,
            cpu=seen.machine_cpu,
            memory=seen.machine_memory,
            memory_total=seen.machine_memory_total,
            processes=sum(each.host == host for each in processes),
        )
        for host, seen in sorted(latest.items())
    ]
