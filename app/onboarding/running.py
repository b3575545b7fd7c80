"""Doing what is left of a run, in a worker.

Each step's effect, its row and the lease are one transaction, so that a worker that dies, a second one at the same run and a
database that goes away all end in one conversation, one welcome and one notification for each consultant.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from logging import getLogger
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update

from app.accounts.models import User
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import DomainError
from app.core.ids import new_id
from app.core.logging import fields
from app.db import db, in_transaction
from app.llm.client import ModelError
from app.onboarding.models import AutomationRun, AutomationStep
from app.onboarding.settings import read_values
from app.onboarding.values import Values
from app.onboarding.workflow import OPEN, SETTLED, STEPS, Status, Step, StepStatus, pause_after

log = getLogger(__name__)
# How long a worker may keep a run to itself without a sign of life; prolonged with every step.
LEASE_SECONDS = 10.0
# Of a run whose worker dies each time; then a person has to look at it.
MAX_ATTEMPTS = 30
MAX_ERROR = 500
Data = dict[str, Any]
# Statements on tables: what every registration passes through takes a third of what mapped objects take.
RUNS = cast(Table, AutomationRun.__table__)
STEP_ROWS = cast(Table, AutomationStep.__table__)
_held = (RUNS.c.id == bindparam("of_run")) & (RUNS.c.lease == bindparam("my_lease"))
_hold = update(RUNS).where(_held, RUNS.c.status == Status.RUNNING.value)
_claim = update(RUNS).where(
    RUNS.c.id == bindparam("of_run"), RUNS.c.status.in_(OPEN), RUNS.c.due_at <= bindparam("at")
)
_claim = _claim.values(attempts=RUNS.c.attempts + 1)
_write_step = update(STEP_ROWS).where(
    STEP_ROWS.c.run_id == bindparam("of_run"),
    STEP_ROWS.c.name == bindparam("of_step"),
    STEP_ROWS.c.status.in_((StepStatus.WAITING.value, StepStatus.FAILED.value)),
)
_write_step = _write_step.values(attempts=STEP_ROWS.c.attempts + 1)
_claimed = (
    select(RUNS.c.user_id, RUNS.c.registered_at, RUNS.c.attempts, RUNS.c.failures, User.username, User.locale)
    .join(User, User.id == RUNS.c.user_id)
    .where(RUNS.c.id == bindparam("of_run"))
)
_steps = select(STEP_ROWS.c.name, STEP_ROWS.c.status, STEP_ROWS.c.data)
_steps = _steps.where(STEP_ROWS.c.run_id == bindparam("of_run"))
_due = select(RUNS.c.id).where(RUNS.c.status.in_(OPEN), RUNS.c.due_at <= bindparam("at"))
_due = _due.order_by(RUNS.c.due_at, RUNS.c.id).limit(bindparam("most"))


class LeaseLost(Exception):
    """Another worker has the run now."""


class StepFailed(Exception):
    """A step that cannot be done; `code` says why in one word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Work:
    """A run while a worker holds it: plain values, for transactions end between the steps.

    `data` is what the steps that are over have left, by step.
    """

    run_id: int
    lease: str
    user_id: int
    username: str
    locale: str
    registered_at: datetime
    attempts: int
    failures: int
    values: Values
    data: dict[Step, Data] = field(default_factory=dict)
    settled: set[Step] = field(default_factory=set)
    changes: Data = field(default_factory=dict)

    @property
    def customer(self) -> Actor:
        """Who is welcomed."""
        roles = frozenset({Role.CUSTOMER})
        return Actor(user_id=self.user_id, roles=roles, locale=self.locale, origin="automation")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a step does: `keep` writes it, in the step's transaction, and gives the step's data."""

    keep: Callable[[], Data]
    status: StepStatus = StepStatus.DONE
    error: Exception | None = None


Act = Callable[[Work], Effect]


def advance(run_id: int, acts: dict[Step, Act], give_up: Callable[[Work, Step, Exception], None]) -> bool:
    """Do what is still to be done of a run; False when another worker has it, or nothing is left to do."""
    work = in_transaction(partial(claim, run_id))
    if work is None:
        return False
    try:
        return _walk(work, acts, give_up)
    except LeaseLost:
        log.warning("automation_lease_lost %s", fields(run=run_id))
        return False


def _walk(work: Work, acts: dict[Step, Act], give_up: Callable[[Work, Step, Exception], None]) -> bool:
    # The last step closes the run; when that is over, as in a run that a person has started again, nothing else does.
    was_told = STEPS[-1] in work.settled
    for step in STEPS:
        if step in work.settled:
            continue
        started, clock = now(), time.monotonic()
        try:
            if work.attempts > MAX_ATTEMPTS:
                raise StepFailed("TOO_MANY_ATTEMPTS", "the worker died each time")
            effect = acts[step](work)
            in_transaction(partial(_settle, work, step, effect, started, clock))
        except LeaseLost:
            raise
        except Exception as error:
            log.warning(
                "automation_step_failed %s", fields(run=work.run_id, step=step.value, error=repr(error))
            )
            if not in_transaction(partial(_fail, work, step, error, started, clock)):
                give_up(work, step, error)
            return False
    if was_told:
        in_transaction(partial(_close, work))
    log.info("automation_run_done %s", fields(run=work.run_id))
    return True


def list_due(limit: int = 50) -> list[int]:
    """Runs that a worker may take now, the longest waiting first."""
    return list(db.session.scalars(_due, {"at": now(), "most": limit}))


def claim(run_id: int) -> Work | None:
    """Take a run that is due; None when it is not, or somebody else has it."""
    lease = new_id()
    taken = {"of_run": run_id, "at": now(), "status": Status.RUNNING.value}
    if not changed_one(_claim, {**taken, "lease": lease, "due_at": _lease_end()}):
        return None
    row = db.session.execute(_claimed, {"of_run": run_id}).one()
    work = Work(run_id, lease, **row._mapping, values=read_values())
    for step in db.session.execute(_steps, {"of_run": run_id}):
        work.data[Step(step.name)] = step.data
        if step.status in SETTLED or (step.name == Step.AGENT and step.status == StepStatus.FAILED):
            work.settled.add(Step(step.name))
    return work


def _lease_end(seconds: float = LEASE_SECONDS) -> datetime:
    return now() + timedelta(seconds=seconds)


def hold(work: Work, **values: Any) -> None:
    """Prolong the lease in the open transaction, which from here on is alone with the run. Raises LeaseLost.

    `values`, and what the step's effect has put into `work.changes`, are columns of the run.
    """
    changes, work.changes = {"due_at": _lease_end(), **work.changes, **values}, {}
    if not changed_one(_hold, {"of_run": work.run_id, "my_lease": work.lease, **changes}):
        raise LeaseLost()


def prolong(work: Work, seconds: float) -> None:
    """Keep the run for longer than usual: somebody else takes their time. Raises LeaseLost."""
    in_transaction(partial(hold, work, due_at=_lease_end(LEASE_SECONDS + seconds)))


def _settle(work: Work, step: Step, effect: Effect, started: datetime, clock: float) -> None:
    """The step's effect, its row and the run's, or nothing at all."""
    work.changes = {}
    data = effect.keep()
    write_step(work, step, effect.status, started, clock, data=data, error=effect.error)
    if step is STEPS[-1]:
        _close(work)
    else:
        hold(work)
    work.data[step] = data
    work.settled.add(step)


def _close(work: Work) -> None:
    hold(work, status=Status.DONE.value, finished_at=now(), lease="", error="", error_code="")


def write_step(
    work: Work,
    step: Step,
    status: StepStatus,
    started: datetime,
    clock: float,
    *,
    data: Data | None = None,
    error: Exception | None = None,
) -> None:
    """One attempt at a step, in the open transaction."""
    values: Data = {
        "status": status.value,
        "started_at": started,
        "finished_at": now(),
        "duration_ms": round((time.monotonic() - clock) * 1000),
        "error_code": code_of(error),
        "error": text_of(error),
    }
    if data is not None:
        values["data"] = data
    if not changed_one(_write_step, {"of_run": work.run_id, "of_step": step.value, **values}):
        raise LeaseLost()


def _fail(work: Work, step: Step, error: Exception, started: datetime, clock: float) -> bool:
    """Note the failure and wait for the next attempt; False when there is none left. Raises LeaseLost."""
    work.failures, work.changes = work.failures + 1, {}
    pause = pause_after(work.failures, work.values.retry_seconds)
    if isinstance(error, StepFailed) and error.code == "TOO_MANY_ATTEMPTS":
        pause = None
    told = {"failures": work.failures, "error_code": code_of(error), "error": text_of(error)}
    if pause is None:
        hold(work, **told)
    else:
        due = now() + timedelta(seconds=pause)
        hold(work, **told, status=Status.RETRYING.value, lease="", due_at=due)
    write_step(work, step, StepStatus.FAILED, started, clock, error=error)
    return pause is not None


def code_of(error: Exception | None) -> str:
    """The kind of an error in one word: an API code, or the exception's own name."""
    if error is None:
        return ""
    if isinstance(error, DomainError | ModelError | StepFailed):
        return error.code[:40]
    return type(error).__name__[:40]


def text_of(error: Exception | None) -> str:
    """What an admin reads of an error. Of the database's errors only the cause, not the statement with its values."""
    if error is None:
        return ""
    cause = getattr(error, "orig", None) or error
    return str(cause)[:MAX_ERROR]


def changed_one(statement: Any, values: Data) -> bool:
    """Execute an UPDATE on a table; True when it met exactly one row."""
    return db.session.connection().execute(statement, values).rowcount == 1
