"""The dashboard as JSON. Times in milliseconds, shares from 0 to 1, memory in bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from app.admin.dashboard import Dashboard
from app.admin.processes import Machine, Process
from app.consultants.figures import ANSWER_TARGET, CLAIM_TARGET, DeskFigures, Waits
from app.consultants.states import Source
from app.gateway import usage
from app.mcp import statistics
from app.onboarding.queries import RunView
from app.onboarding.schemas import DayOut, ErrorOut, FailureOut, MetricsOut, days_of, metrics_of


class AgentOut(BaseModel):
    """What answered: an agent's version, else the model of the settings or the built-in one (`agent` is "")."""

    agent: str
    version: int | None
    purpose: str
    model: str
    provider: str
    answers: int
    errors: int
    failovers: int
    first_word_p50_ms: int | None
    first_word_p95_ms: int | None
    duration_p50_ms: int | None
    duration_p95_ms: int | None


class WaitOut(BaseModel):
    """How long something took, in seconds; `in_time` is the share that kept the promise, null without any."""

    number: int
    in_time: float | None
    target_seconds: int
    p50_seconds: int | None
    p95_seconds: int | None


class ConsultantOut(BaseModel):
    """A consultant's customers of the period. Times in seconds."""

    name: str
    claimed: int
    answered: int
    claim_p50_seconds: int | None
    answer_p50_seconds: int | None


class DeskOut(BaseModel):
    """Customers who began to wait for a person in the period; `waiting`, `talking` and `online` are now."""

    opened: int
    asked: int
    waiting: int
    late: int
    talking: int
    online: int
    claims: WaitOut
    first_answers: WaitOut
    rating: float | None
    ratings: int
    consultants: list[ConsultantOut]


class ChannelOut(BaseModel):
    """Deliveries of notifications by a channel: in_app, web_push or email. `skipped` were not needed any more."""

    channel: str
    sent: int
    failed: int
    skipped: int
    open: int
    retried: int
    success_rate: float | None


class ToolOut(BaseModel):
    """Calls of a tool; "" stands for tools that there are not."""

    tool: str
    calls: int
    errors: int
    p50_ms: int | None
    p95_ms: int | None


class CallsOut(BaseModel):
    """Calls of all tools."""

    calls: int
    errors: int
    p50_ms: int | None
    p95_ms: int | None
    tools: list[ToolOut]


class TroubleOut(BaseModel):
    """A kind of error: `area` is welcome, answers, tools, delivery or outbox."""

    area: str
    what: str
    code: str
    count: int


class ProcessOut(BaseModel):
    """A process that has reported in the last 20 seconds; `cpu` is its share of one core."""

    kind: str
    host: str
    pid: int
    cpu: float
    memory: int
    started_at: datetime


class MachineOut(BaseModel):
    """A machine that they run on; `cpu` is the share of all its cores."""

    host: str
    cpu: float
    memory: int
    memory_total: int
    processes: int


class RatingsOut(BaseModel):
    """Ratings of conversations."""

    count: int
    average: float | None
    up: int
    down: int


class DashboardOut(MetricsOut):
    """How the service goes. `processes` is null when nobody can tell."""

    days: list[DayOut]
    errors: list[ErrorOut]
    failures: list[FailureOut]
    desk: DeskOut
    channels: list[ChannelOut]
    agents: list[AgentOut]
    conversation_ratings: RatingsOut
    calls: CallsOut
    troubles: list[TroubleOut]
    processes: list[ProcessOut] | None
    machines: list[MachineOut]


def dashboard_of(shown: Dashboard, failed: list[RunView]) -> DashboardOut:
    """The dashboard, with the latest runs that failed for good."""
    return DashboardOut(
        **metrics_of(shown.welcomes),
        days=days_of(shown.welcomes),
        errors=[ErrorOut(step=each.step, code=each.code, steps=each.steps) for each in shown.welcomes.errors],
        failures=[
            FailureOut(**{name: getattr(run, name) for name in FailureOut.model_fields}) for run in failed
        ],
        desk=_desk(shown.desk),
        channels=[
            ChannelOut(**{name: getattr(each, name) for name in ChannelOut.model_fields})
            for each in shown.channels
        ],
        agents=[_agent(line) for line in shown.agents],
        conversation_ratings=RatingsOut(
            count=shown.opinion.count,
            average=shown.opinion.average,
            up=shown.opinion.up,
            down=shown.opinion.down,
        ),
        calls=_calls(shown.calls),
        troubles=[
            TroubleOut(area=each.area, what=each.what, code=each.code, count=each.count)
            for each in shown.troubles
        ],
        processes=None if shown.processes is None else [_process(each) for each in shown.processes],
        machines=[_machine(each) for each in shown.machines],
    )


def _desk(desk: DeskFigures) -> DeskOut:
    return DeskOut(
        opened=desk.opened,
        asked=desk.by_source[Source.ASKED.value],
        waiting=desk.waiting,
        late=desk.late,
        talking=desk.talking,
        online=desk.online,
        claims=_wait(desk.claims, desk.claimed_in_time, CLAIM_TARGET),
        first_answers=_wait(desk.answers, desk.answered_in_time, ANSWER_TARGET),
        rating=desk.rating,
        ratings=desk.ratings,
        consultants=[
            ConsultantOut(
                name=each.name,
                claimed=each.claimed,
                answered=each.answers.total,
                claim_p50_seconds=each.claims.percentiles()[0],
                answer_p50_seconds=each.answers.percentiles()[0],
            )
            for each in desk.people
        ],
    )


def _wait(waits: Waits, in_time: float | None, target: timedelta) -> WaitOut:
    p50, p95 = waits.percentiles()
    return WaitOut(
        number=waits.total,
        in_time=in_time,
        target_seconds=int(target.total_seconds()),
        p50_seconds=p50,
        p95_seconds=p95,
    )


def _agent(line: usage.Line) -> AgentOut:
    return AgentOut(
        agent=line.key.agent,
        version=line.key.version,
        purpose=line.key.purpose,
        model=line.key.model,
        provider=line.key.provider,
        answers=line.figures.runs,
        errors=line.figures.errors,
        failovers=line.figures.failovers,
        first_word_p50_ms=line.waits.first_word_p50,
        first_word_p95_ms=line.waits.first_word_p95,
        duration_p50_ms=line.waits.duration_p50,
        duration_p95_ms=line.waits.duration_p95,
    )


def _calls(totals: statistics.Totals) -> CallsOut:
    figures = totals.total.figures
    return CallsOut(
        calls=figures.calls,
        errors=figures.errors,
        p50_ms=totals.total.p50,
        p95_ms=totals.total.p95,
        tools=[
            ToolOut(
                tool=line.key,
                calls=line.figures.calls,
                errors=line.figures.errors,
                p50_ms=line.p50,
                p95_ms=line.p95,
            )
            for line in totals.tools
        ],
    )


def _process(each: Process) -> ProcessOut:
    return ProcessOut(
        kind=each.kind,
        host=each.host,
        pid=each.pid,
        cpu=each.cpu,
        memory=each.memory,
        started_at=datetime.fromtimestamp(each.started_at, UTC),
    )


def _machine(each: Machine) -> MachineOut:
    return MachineOut(
        host=each.host,
        cpu=each.cpu,
        memory=each.memory,
        memory_total=each.memory_total,
        processes=each.processes,
    )
