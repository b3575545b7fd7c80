"""Asking the operations' agents for one JSON object, outside of any talk.

What comes back is either a value that was read and checked, or the reason why there is none. A wrong answer gets one more
round with what was wrong with it. Nothing that a model says reaches a reader or the database but through a task's `check`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any

from app.core.actor import Actor
from app.db import db
from app.gateway.account import Spending, account_of
from app.gateway.budgets import BudgetExceeded, check_user
from app.gateway.failover import Answerer
from app.gateway.providers import OPENAI
from app.gateway.routing import Route, routes_for
from app.insights.modelling.rounds import SECONDS, Rounds
from app.insights.modelling.tasks import Code, Failure, Outcome, Reply, Task, Value
from app.llm.gateway import ModelOptions
from app.tools.cancellation import Cancellation

log = getLogger(__name__)
PURPOSE = "operations"


@dataclass(slots=True)
class Asker:
    """The agents as they are for one answer of the desk, and what they were asked so far.

    Use it outside of any transaction. Raises Cancelled when the answer is given up, and nothing else.
    """

    actor: Actor
    routes: Sequence[Route] = ()
    why_not: Code = "NO_MODEL"
    cancellation: Cancellation = field(default_factory=Cancellation)
    deadline: float | None = None
    spent: Spending = field(default_factory=Spending)
    failures: list[tuple[str, Failure]] = field(default_factory=list)
    _answerer: Answerer | None = None

    @property
    def is_there(self) -> bool:
        """False when nobody but the built-in model could be asked: there is nothing to wait for."""
        return bool(self.routes)

    @property
    def model_name(self) -> str:
        """Who answered, or was asked last; "" when nobody was."""
        return self._answerer.used.model_name if self._answerer and self._answerer.attempts else ""

    @property
    def troubles(self) -> list[str]:
        """What was asked in vain, and why, without words of the model; that nobody could be asked, for want of a budget."""
        spent = [self.why_not] if self.why_not == "BUDGET_EXCEEDED" and not self.routes else []
        return [*spent, *(f"{name}: {failure}" for name, failure in self.failures)]

    def account(self, started: float) -> dict[str, Any]:
        """The columns of `runs` for what was asked; `started` is on the monotonic clock."""
        return account_of(self._answerer, self.spent, started)

    def ask(self, task: Task[Reply, Value]) -> Outcome[Value]:
        """Have the agents fill the task's reply: two rounds at most, the next agent when one fails before its first word."""
        if not self.routes:
            return Outcome(None, Failure(self.why_not))
        # No connection is held while the model thinks.
        db.session.rollback()
        until = time.monotonic() + SECONDS
        if self.deadline is not None:
            until = min(until, self.deadline)
        if self._answerer is None:
            # All tasks go through one: later ones begin with the agent that answered.
            self._answerer = Answerer(self.routes)
        outcome = Rounds(
            task, self.actor, self.routes, self._answerer, self.cancellation, self.spent, until
        ).hold()
        if outcome.failure is not None:
            self.failures.append((task.name, outcome.failure))
            log.warning("model_not_used task=%s failure=%s", task.name, outcome.failure)
        return outcome


def asker_for(
    actor: Actor,
    cancellation: Cancellation | None = None,
    deadline: float | None = None,
    purpose: str = PURPOSE,
) -> Asker:
    """An asker for a person, within the budgets; call it before the run is opened, outside of a transaction.

    `deadline` (monotonic) bounds all of its questions. With a budget used up, or the built-in model alone, it asks nobody.
    """
    cancellation = cancellation or Cancellation()
    try:
        found = routes_for(purpose, actor.subject, ModelOptions())
        # The built-in model fills no structures, and a Dify application has a prompt of its own.
        routes = [route for route in found if route.provider == OPENAI]
        if routes:
            check_user(actor)
    except BudgetExceeded:
        return Asker(actor, (), "BUDGET_EXCEEDED", cancellation, deadline)
    finally:
        db.session.rollback()
    return Asker(actor, routes, "NO_MODEL", cancellation, deadline)


def no_asker() -> Asker:
    """One that asks nobody: for whoever wants what the rules alone make."""
    return Asker(Actor())
