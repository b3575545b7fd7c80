"""What an admin does about a run."""

from __future__ import annotations

from sqlalchemy import update

from app.accounts.queries import names_of_users
from app.audit.service import record
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, NotFound
from app.db import after_commit, db
from app.onboarding.models import AutomationRun
from app.onboarding.running import RUNS, STEP_ROWS, changed_one
from app.onboarding.workflow import Status, Step, StepStatus


def retry_run(actor: Actor, run_id: int) -> None:
    """Run a failed one again, with all its attempts before it; what was done stays done.

    Raises Unauthorized, Forbidden, NotFound, Conflict NOT_FAILED.
    """
    # The job's module imports the steps.
    from app.onboarding.jobs import hand_over

    actor.require_role(Role.ADMIN)
    run = db.session.get(AutomationRun, run_id)
    if run is None:
        raise NotFound(N_("There is no such run."))
    again = {"status": Status.PENDING.value, "failures": 0, "due_at": now(), "finished_at": None, "lease": ""}
    failed = update(RUNS).where(RUNS.c.id == run_id, RUNS.c.status == Status.FAILED.value)
    if not changed_one(failed, again):
        raise Conflict(N_("Only a run that failed can be run again."), code="NOT_FAILED")
    stuck = update(STEP_ROWS).where(
        STEP_ROWS.c.run_id == run_id, STEP_ROWS.c.status == StepStatus.FAILED.value
    )
    if run.welcomed_at is not None:
        # A welcome that was sent is not written again.
        stuck = stuck.where(STEP_ROWS.c.name != Step.AGENT.value)
    db.session.execute(stuck.values(status=StepStatus.WAITING.value))
    name = names_of_users([run.user_id]).get(run.user_id, "")
    record(actor, "automation.retried", run_id, name=name)
    after_commit(hand_over)
