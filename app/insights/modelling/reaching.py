"""Where a model helps with reports: behind the catalogue, for what our own grammar did not understand."""

from __future__ import annotations

from dataclasses import dataclass

from app.insights import runner
from app.insights.answers import Answer, Clarify, Refused, Understood
from app.insights.connection import QueryFailed, QueryTimedOut
from app.insights.modelling.asking import Asker
from app.insights.modelling.filling import fill_task
from app.insights.modelling.free_sql import Failed, FreeReport, Reply, WhyNot, Written, run_written, sql_task
from app.insights.modelling.tasks import ROUNDS, Failure, Outcome, Task
from app.insights.names import Context
from app.insights.parsing import intents
from app.insights.parsing.text import Text
from app.insights.question import Question
from app.insights.questions import refusal
from app.insights.steps import Steps

# What another reading of the words may mend. Never what may not be answered: personal, secret, write, sql, future.
HELPED_REFUSALS = frozenset({"not_in_data", "off_topic"})
HELPED_QUESTIONS = frozenset({"metric", "name", "split"})


@dataclass(frozen=True, slots=True)
class Reached:
    """What stands after a model was asked: `found` is the answer, ours or understood anew; `free` a report of its own SQL.

    `model` is who understood it, "" when that was nobody but us; `failure` says why not.
    """

    found: Answer
    free: FreeReport | None = None
    model: str = ""
    failure: Failure | None = None


def may_help(sentence: str, found: Answer) -> bool:
    """True for what a model could understand better; what is plainly about something else is not worth asking."""
    if isinstance(found, Clarify):
        return found.reason in HELPED_QUESTIONS
    if not isinstance(found, Refused) or found.reason not in HELPED_REFUSALS:
        return False
    said = Text(sentence).said
    return not intents.is_off_topic(said) and intents.refusal_of(said) is None


def reach_further(
    sentence: str, found: Answer, previous: Question | None, context: Context, asker: Asker, steps: Steps
) -> Reached:
    """The answer with a model's help, where it may help and gave something that holds; else `found` stands.

    Raises Cancelled, and what `runner.run` raises besides a failure of the query.
    """
    if not asker.is_there or not may_help(sentence, found):
        return Reached(found)
    with steps.step("route", model=True) as step:
        filled = asker.ask(fill_task(sentence, previous, context))
        step.result = {"model": asker.model_name, "rounds": filled.rounds}
        if filled.failure is not None:
            step.result["failure"] = filled.failure.code
            return Reached(found, failure=filled.failure)
        if isinstance(filled.value, Understood):
            step.result |= {"intent": "report", "understood_as": filled.value.understood_as}
            return Reached(filled.value, model=asker.model_name)
        step.result["answer"] = filled.value or "sql"
    if filled.value is not None:
        return Reached(_no(found, filled.value), failure=Failure("REJECTED", str(filled.value)))
    return _by_sql(sentence, found, context, asker, steps)


def _by_sql(sentence: str, found: Answer, context: Context, asker: Asker, steps: Steps) -> Reached:
    """A query of the model's own; one that fails in the database is written once more, unless it was already."""
    failed: Failed | None = None
    for _attempt in range(ROUNDS):
        outcome = _write(sql_task(sentence, context, failed), asker, steps)
        if not isinstance(outcome.value, Written):
            why = str(outcome.value or "not_in_data")
            return Reached(_no(found, why), failure=outcome.failure or Failure("REJECTED", why))
        free = _run(outcome.value, steps)
        if isinstance(free, FreeReport):
            return Reached(found, free, asker.model_name)
        failed = free
        if outcome.rounds == ROUNDS:
            break
    return Reached(found, failure=Failure("REJECTED", failed.problem if failed else ""))


def _write(task: Task[Reply, Written | WhyNot], asker: Asker, steps: Steps) -> Outcome[Written | WhyNot]:
    with steps.step("gen_sql", model=True) as step:
        outcome = asker.ask(task)
        step.result = {
            "model": asker.model_name,
            "rounds": outcome.rounds,
            "passed": isinstance(outcome.value, Written),
        }
        if outcome.failure is not None:
            step.result["failure"] = outcome.failure.code
        elif isinstance(outcome.value, Written):
            step.result["sql"] = outcome.value.checked.for_dialect(runner.dialect())
    return outcome


def _run(written: Written, steps: Steps) -> FreeReport | Failed:
    with steps.step("run_sql", statements=1) as step:
        try:
            free = run_written(written)
        except (QueryFailed, QueryTimedOut) as error:
            step.is_failed = True
            step.result = {"error": error.code}
            return Failed(written.text, error.text())
        step.result = {"rows": len(free.rows), "run_ms": free.run_ms}
    return free


def _no(found: Answer, why: str) -> Answer:
    """Our own answer stands, whose choices may help; a model that saw something personal in it makes a refusal of it."""
    return refusal("personal") if why == "personal" else found
