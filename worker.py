"""The processes behind the web: `worker.py` runs jobs, `worker.py --scheduler` what runs by the clock.

Any number of workers may run on any number of machines. Of several schedulers one is at work, the others
wait for it to go.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pkgutil import resolve_name
from threading import Event
from typing import Any

from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.scripts import acquire_or_refresh_lock, release_lock
from sqlalchemy.orm import configure_mappers

from app.admin.processes import Reporter
from app.config import Settings
from app.core.logging import fields, request_id
from app.db import db
from app.delivery.web_push import warm as warm_web_push
from app.jobs.queues import QUEUES
from app.jobs.schedule import SCHEDULES, Schedule
from app.language.lexicon import lexicon
from app.llm.gateway import builtin_model
from app.supervisor.lifeline import die_with_parent

log = logging.getLogger("worker")

# A dead worker's job is found after HEARTBEAT_TTL + MAINTENANCE seconds at most (RQ's defaults: 13 minutes).
WORKER_TTL = 20
HEARTBEAT = 5
HEARTBEAT_TTL = 15
MAINTENANCE = 5

LEADER_KEY = "mcpshop:scheduler"
LEADER_TTL = 30


class ShopWorker(Worker):
    """Runs each job in a fork of the warm application, inside an application context of its own."""

    # How long to wait at most before looking again for a Redis that went away (RQ's default: a minute).
    max_connection_wait_time = 2.0

    def __init__(self, app: Flask, connection: Redis, queues: Sequence[str] = QUEUES) -> None:
        super().__init__(
            queues,
            connection=connection,
            worker_ttl=WORKER_TTL,
            job_monitoring_interval=HEARTBEAT,
            maintenance_interval=MAINTENANCE,
            # It would print the arguments.
            log_job_description=False,
        )
        self._app = app
        self._pid = os.getpid()
        self._reporter = Reporter("worker", connection)
        self.is_stopping = False

    def get_heartbeat_ttl(self, job: Job) -> int:
        """Seconds without a sign of life after which the job counts as abandoned."""
        return HEARTBEAT_TTL

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """The worker lives: RQ is told, and what it takes of the machine."""
        super().heartbeat(timeout, pipeline)
        if os.getpid() == self._pid:
            self._reporter.report_if_due()

    def request_stop(self, signum: int, frame: Any) -> None:
        """Finish the job at hand, then stop."""
        self.is_stopping = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def perform_job(self, job: Job, queue: Queue) -> bool:
        """Run the job; called in the forked process only."""
        # Else the job would go on after its worker was killed, next to the run that makes up for it.
        die_with_parent(self._pid)
        request_id.set(f"job-{job.id[:8]}")
        started = time.monotonic()
        with self._app.app_context():
            for engine in db.engines.values():
                # Connections that were open at the fork belong to the parent.
                engine.dispose(close=False)
            succeeded = super().perform_job(job, queue)
        milliseconds = round((time.monotonic() - started) * 1000)
        log.info("job_done %s", fields(job=job.func_name, queue=queue.name, ok=succeeded, ms=milliseconds))
        return succeeded


class Scheduler:
    """Runs the schedules that are due, one after the other, while it holds the scheduler's lock."""

    def __init__(
        self, app: Flask, connection: Redis, *, name: str, schedules: Iterable[Schedule] = SCHEDULES
    ) -> None:
        self._app = app
        self._connection = connection
        # A name that outlives a restart: the lock of the process before us is ours, so nobody waits for it.
        self._name = name
        self._functions = {schedule: _function_of(schedule) for schedule in schedules}
        self._due = dict.fromkeys(self._functions, 0.0)
        self._stop = Event()
        self._has_redis = True
        self._reporter = Reporter("scheduler", connection)

    def run(self) -> None:
        """Work until `stop` is called."""
        while not self._stop.is_set():
            if self._leads():
                self._run_due()
            self._reporter.report_if_due()
            self._stop.wait(self._pause())
        if self._has_redis:
            release_lock(self._connection, LEADER_KEY, self._name)

    def stop(self, *_: object) -> None:
        """End `run` after the function at hand; fit to be a signal handler."""
        self._stop.set()

    def _pause(self) -> float:
        """Seconds until the next schedule is due, at most one: the lock wants to be refreshed or won."""
        return min(max(0.05, min(self._due.values()) - time.monotonic()), 1.0)

    def _leads(self) -> bool:
        try:
            outcome = acquire_or_refresh_lock(self._connection, LEADER_KEY, self._name, LEADER_TTL)
        except RedisError as error:
            if self._has_redis:
                log.warning("scheduler_waits_for_redis %s", fields(error=error))
            self._has_redis = False
            return False
        if not self._has_redis:
            log.info("scheduler_has_redis_again")
        self._has_redis = True
        return outcome != "taken"

    def _run_due(self) -> None:
        for schedule, function in self._functions.items():
            if time.monotonic() >= self._due[schedule] and not self._stop.is_set():
                self._run(schedule, function)
                self._due[schedule] = time.monotonic() + schedule.seconds

    def _run(self, schedule: Schedule, function: Callable[[], object]) -> None:
        request_id.set(f"clock-{schedule.name}")
        try:
            with self._app.app_context():
                function()
        except Exception:
            # One that fails must not keep the others from running; its next turn comes.
            log.exception("schedule_failed %s", fields(schedule=schedule.name))


def main() -> int:
    """Run the process that the command line asks for; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scheduler", action="store_true", help="run the schedules instead of jobs")
    parser.add_argument(
        "--queues", type=_queues, default=QUEUES, help=f"work on these queues only: {','.join(QUEUES)}"
    )
    arguments = parser.parse_args()
    settings = Settings()
    app = _build(settings)
    connection = Redis.from_url(settings.redis_uri, socket_connect_timeout=2)
    if arguments.scheduler:
        return _keep_time(app, connection, name=f"{socket.gethostname()}:{settings.home_path}")
    return _work(app, connection, arguments.queues)


def _queues(names: str) -> tuple[str, ...]:
    wanted = tuple(names.split(","))
    if not set(wanted) <= set(QUEUES):
        raise argparse.ArgumentTypeError(f"the queues are {', '.join(QUEUES)}")
    return wanted


def _build(settings: Settings) -> Flask:
    """The application; of what is made on the way nothing is garbage, and the collector's walks take a quarter of the time."""
    gc.disable()
    from app.factory import create_app

    app = create_app(settings)
    gc.enable()
    return app


def _keep_time(app: Flask, connection: Redis, *, name: str) -> int:
    scheduler = Scheduler(app, connection, name=name)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, scheduler.stop)
    scheduler.run()
    return 0


def _work(app: Flask, connection: Redis, queues: Sequence[str]) -> int:
    _wait_for_redis(connection)
    _warm()
    for queue in queues:
        # A worker that was killed while it looked after the registries holds this for 15 minutes.
        connection.delete(Queue(queue, connection=connection).registry_cleaning_key)
    worker = ShopWorker(app, connection, queues)
    worker.work(logging_level="WARNING")
    # Whatever else ended it (Redis lost in mid-job, say) is cured by a fresh start, which our keeper does.
    return 0 if worker.is_stopping else 1


def _wait_for_redis(connection: Redis) -> None:
    while True:
        try:
            connection.ping()
        except RedisError as error:
            log.warning("worker_waits_for_redis %s", fields(error=error))
            time.sleep(1)
        else:
            return


def _warm() -> None:
    """Do before the forks what each would do again: a cold fork runs a tenth of the jobs a warm one does."""
    for schedule in SCHEDULES:
        _function_of(schedule)
    configure_mappers()
    # The word lists that a welcome and a summary read with.
    builtin_model()
    lexicon()
    warm_web_push()
    gc.collect()
    # Nor need a fork copy the pages on which the collector would leave its marks.
    gc.freeze()


def _function_of(schedule: Schedule) -> Callable[[], object]:
    function: Callable[[], object] = resolve_name(schedule.function.replace(":", "."))
    return function


if __name__ == "__main__":
    sys.exit(main())
