"""`answer`: one sentence of an operator to a report, a diagnosis, a plan, a question back or a refusal.

Knows nothing of HTTP, conversations or pages: what was asked before comes in as `previous`, what is done is told to
`steps`. The answer is in the context's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flask_babel import force_locale, gettext
from pydantic import JsonValue

from app.campaigns.drafting import RULES
from app.core.actor import Actor, Role
from app.core.errors import N_
from app.insights import questions
from app.insights.answers import Answer, Clarify, Note, Refused, Understood
from app.insights.compiling.compiler import Compiled
from app.insights.diagnosis.model import Diagnosis
from app.insights.diagnosis.service import diagnose
from app.insights.modelling.asking import Asker, no_asker
from app.insights.modelling.explaining import Explainer
from app.insights.modelling.reaching import reach_further
from app.insights.names import Context
from app.insights.question import Question
from app.insights.reporting import check_report, run_report
from app.insights.steps import Steps
from app.insights.wording import understood_as
from app.language.periods import rolling
from app.operations.free_reports import free_answer
from app.operations.planning import estimate_for, plan_for, plan_notes, say_plan
from app.operations.reports import report_out
from app.operations.schemas import (
    ChoiceOut,
    DebugOut,
    DeskAnswer,
    GuardOut,
    Intent,
    RefusedOut,
    TimingsOut,
)
from app.operations.summary import summarise

BUILTIN = "builtin"
WEEK_DAYS = 7


def answer(
    query: str,
    previous: Question | None,
    actor: Actor,
    context: Context,
    steps: Steps,
    asker: Asker | None = None,
) -> DeskAnswer:
    """What becomes of the sentence; `asker` may ask a language model where the rules do not reach.

    Raises Forbidden for others than operators and admins, Cancelled, and what the runner raises.
    """
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    with force_locale(context.locale):
        with steps.step("route", query=query) as step:
            found = questions.answer(query, previous, context)
            step.result = _told(found)
        asker = asker or no_asker()
        reached = reach_further(query, found, previous, context, asker, steps)
        if reached.free is None:
            return settle(reached.found, query, context, steps, asker, reached.model or BUILTIN)
        return _finished(free_answer(reached.free), query, context, steps, asker, reached.model)


def diagnose_question(question: Question, why: str, context: Context, steps: Steps) -> DeskAnswer:
    """The reason for a figure that was chosen after `why`, the sentence that did not name it."""
    with force_locale(context.locale):
        with steps.step("route", query=why) as step:
            found = Understood("diagnose", question, understood_as=understood_as(question, context))
            step.result = _told(found)
        return settle(found, why, context, steps)


def answer_question(question: Question, query: str, context: Context, steps: Steps) -> DeskAnswer:
    """The report of a question that needs no reading: a choice, or a saved report. No model is asked."""
    with force_locale(context.locale):
        with steps.step("route", query=query) as step:
            found = questions.understand(question, context)
            step.result = _told(found)
        return settle(found, query, context, steps)


def settle(
    found: Answer,
    query: str,
    context: Context,
    steps: Steps,
    asker: Asker | None = None,
    model: str = BUILTIN,
) -> DeskAnswer:
    """Do what was understood. `model` is whoever understood it; `asker` may write what is told of it."""
    asker = asker or no_asker()
    if isinstance(found, Clarify):
        done = _ask_back(found)
    elif isinstance(found, Refused):
        done = _refuse(found.reason, _said(found.message, found.params))
    elif found.intent == "plan":
        done = _plan(query, context, steps, asker)
    elif found.intent == "diagnose":
        done = _diagnose(found, query, context, steps, asker)
    else:
        done = _report(found, context, steps)
    return _finished(done, query, context, steps, asker, model)


def _finished(
    done: DeskAnswer, query: str, context: Context, steps: Steps, asker: Asker, model: str
) -> DeskAnswer:
    done.query, done.locale = query, context.locale
    if done.debug.model == BUILTIN:
        done.debug.model = model
    done.debug.model_failures = asker.troubles
    done.debug.timings_ms = TimingsOut(**steps.timings_ms)
    return done


def _told(found: Answer) -> dict[str, JsonValue]:
    """What the first step says it has understood."""
    if isinstance(found, Understood):
        return {"intent": found.intent, "understood_as": found.understood_as}
    return {"intent": "clarify", "reason": found.reason}


def _said(message: str, params: Mapping[str, str]) -> str:
    """A msgid in the language that is set, with its values."""
    return str(gettext(message)) % dict(params)


def _ask_back(found: Clarify) -> DeskAnswer:
    return DeskAnswer(
        intent="clarify",
        answer=_said(found.message, found.params),
        choices=[ChoiceOut(text=each.text, question=each.question) for each in found.choices],
        debug=DebugOut(route_intent="clarify"),
    )


def _refuse(reason: str, message: str, intent: Intent = "clarify") -> DeskAnswer:
    """Say why nothing was run."""
    return DeskAnswer(
        intent=intent,
        answer=message,
        refused=RefusedOut(reason=reason, message=message),
        debug=DebugOut(route_intent="refuse" if intent == "clarify" else intent),
    )


def _report(found: Understood, context: Context, steps: Steps) -> DeskAnswer:
    compiled, question = cast(Compiled, found.compiled), cast(Question, found.question)
    with steps.step("gen_sql", understood_as=found.understood_as) as step:
        checked = check_report(compiled, context)
        step.result = {"statements": len(checked), "passed": True}
    with steps.step("run_sql", statements=len(checked)) as step:
        ran = run_report(compiled, checked, context)
        step.result = {"rows": len(ran.report.rows), "run_ms": ran.run_ms}
    with steps.step("compose", rows=len(ran.report.rows)) as step:
        report = report_out(ran, found.definitions)
        text = summarise(report, question)
        step.result = {"charts": len(report.charts), "text": text}
    return DeskAnswer(
        intent="report",
        answer=text,
        report=report,
        understood_as=found.understood_as,
        notes=[_note(each) for each in (*found.notes, *ran.notes)],
        question=question,
        debug=DebugOut(
            route_intent="report",
            sql=report.sql,
            guard=GuardOut(passed=True, limit_applied=any(each.limit_applied for each in checked)),
        ),
    )


def _note(note: Note) -> str:
    return _said(note.message, note.params)


def _diagnose(found: Understood, query: str, context: Context, steps: Steps, asker: Asker) -> DeskAnswer:
    """Why, with the figures and documents that each claim rests on."""
    explainer = Explainer(asker)
    diagnosis = diagnose(found.question, context, steps, sentence=query, rewrite=explainer.rewrite)
    return DeskAnswer(
        intent="diagnose",
        answer=diagnosis.answer,
        diagnosis=diagnosis.as_json(),
        understood_as=diagnosis.understood_as,
        notes=list(diagnosis.notes),
        choices=_longer(diagnosis),
        question=diagnosis.question,
        debug=DebugOut(
            route_intent="diagnose",
            sql=";\n\n".join(diagnosis.sql),
            guard=GuardOut(passed=True),
            model=explainer.model or BUILTIN,
        ),
    )


def _longer(diagnosis: Diagnosis) -> list[ChoiceOut]:
    """A few days are mostly chance: when nothing could be made out in them, offer the same question for a week."""
    asked = diagnosis.question
    if diagnosis.premise != "noise" or diagnosis.span.days >= WEEK_DAYS or asked.filters or asked.dimensions:
        return []
    pattern = (
        N_("Why did the %(metric)s rise in the last 7 days?")
        if diagnosis.moved == "up"
        else N_("Why did the %(metric)s fall in the last 7 days?")
    )
    week = asked.model_copy(update={"period": rolling(WEEK_DAYS), "comparison": None})
    return [ChoiceOut(text=_said(pattern, {"metric": diagnosis.name}), question=week)]


def _plan(query: str, context: Context, steps: Steps, asker: Asker) -> DeskAnswer:
    drafted = plan_for(query, context.locale, steps, asker)
    estimate = estimate_for(drafted, steps)
    return DeskAnswer(
        intent="plan",
        answer=say_plan(drafted, estimate, context.locale),
        plan=cast("dict[str, JsonValue]", drafted.plan.as_json()),
        notes=plan_notes(drafted, estimate),
        debug=DebugOut(
            route_intent="plan",
            plan_fixed=drafted.plan_fixed,
            model=BUILTIN if drafted.source == RULES else drafted.source,
        ),
    )
