"""A conversation of the desk as its page shows it: the newest exchange first, and that one in full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext

from app.agent.recovery import error_data
from app.campaigns.plans import Plan
from app.campaigns.presentation import metric_label
from app.campaigns.purposes import offer_label
from app.conversations.models import OPERATIONS, Message
from app.conversations.queries import (
    find_active_run,
    get_conversation,
    get_run,
    list_messages,
    list_run_messages,
)
from app.core.actor import Actor
from app.insights.diagnosis.page import DiagnosisShown, show_diagnosis
from app.operations.page_model import (
    EVERY_ROW,
    MOST_ROWS,
    ExchangeShown,
    StepShown,
    debug_json,
    show_report,
    show_step,
)
from app.operations.queries import find_record, read
from app.operations.schemas import DeskAnswer

# Of a long conversation only the newest messages are read.
MOST_MESSAGES = 300
FAILED = frozenset({"error", "interrupted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkShown:
    """A conversation; without a `session_id` one that has not begun."""

    session_id: str = ""
    title: str = ""
    exchanges: Sequence[ExchangeShown] = ()

    @property
    def is_running(self) -> bool:
        return any(each.is_running for each in self.exchanges)


def get_talk(actor: Actor, session_id: str) -> TalkShown:
    """The actor's own conversation. Raises NotFound."""
    conversation = get_conversation(actor, session_id, OPERATIONS)
    rows = list_messages(conversation.id, MOST_MESSAGES)
    active = find_active_run(conversation.id)
    by_run: dict[str, list[Message]] = {}
    for row in rows:
        by_run.setdefault(row.run_id or "", []).append(row)
    newest = next(reversed(by_run), "")
    exchanges = [
        _exchange(
            run_id, said, is_active=active is not None and active.id == run_id, in_full=run_id == newest
        )
        for run_id, said in by_run.items()
        if said[0].role == "user"
    ]
    return TalkShown(
        session_id=conversation.id, title=conversation.title, exchanges=list(reversed(exchanges))
    )


def get_exchange(actor: Actor, run_id: str, *, every_row: bool = False) -> ExchangeShown:
    """One exchange in full, as it stands now. Raises NotFound."""
    run = get_run(actor, run_id)
    rows = list_run_messages(run_id)
    is_active = run.active_in is not None
    return _exchange(run_id, rows, is_active=is_active, in_full=True, every_row=every_row)


def _exchange(
    run_id: str, rows: Sequence[Message], *, is_active: bool, in_full: bool, every_row: bool = False
) -> ExchangeShown:
    query = next((row.content for row in rows if row.role == "user"), "")
    final = next((row for row in reversed(rows) if row.role == "assistant" and not row.tool_calls), None)
    if is_active:
        return ExchangeShown(run_id=run_id, query=query, status="running")
    status = final.status if final is not None else "interrupted"
    if status in FAILED:
        told = final.content if final is not None and status == "error" else ""
        failure = told or str(error_data(status)["error"])
        return ExchangeShown(run_id=run_id, query=query, status=status, failure=failure)
    text = final.content if final is not None else ""
    record = find_record(run_id) if in_full and status == "done" else None
    if record is None:
        return ExchangeShown(run_id=run_id, query=query, status=status, text=text)
    answer = read(record)
    plan = Plan.model_validate(answer.plan) if answer.plan else None
    url, most = f"/ops/answers/{run_id}", EVERY_ROW if every_row else MOST_ROWS
    return ExchangeShown(
        run_id=run_id,
        query=query,
        status=status,
        text=text,
        intent=answer.intent,
        answer=answer,
        report=show_report(answer.report, url, most) if answer.report else None,
        steps=_steps(run_id, rows),
        debug=debug_json(answer),
        diagnosis=_diagnosis(run_id, answer),
        plan=plan,
        offer=offer_label(plan, answer.locale) if plan else "",
        success=metric_label(plan.kpi.primary) if plan else "",
    )


def _diagnosis(run_id: str, answer: DeskAnswer) -> DiagnosisShown | None:
    if answer.diagnosis is None:
        return None
    return show_diagnosis(answer.diagnosis, answer.locale, f"run-{run_id}")


def _steps(run_id: str, rows: Sequence[Message]) -> list[StepShown]:
    tools = [row for row in rows if row.role == "tool"]
    return [
        show_step(
            run_id,
            number,
            row.tool_name or "",
            result=json.loads(row.content or "{}"),
            status=row.status,
            milliseconds=row.duration_ms,
        )
        for number, row in enumerate(tools, start=1)
    ]


def spoken(exchange: ExchangeShown) -> str:
    """What a screen reader is told when the answer is there."""
    if exchange.failure or exchange.text:
        return exchange.failure or exchange.text
    return str(gettext("Stopped"))
