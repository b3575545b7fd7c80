"""An answer of the desk: what the API sends, what is stored, and what the pages show (api.md, "Store operations")."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue

from app.insights.question import Question
from app.web.api import Schema

Intent = Literal["report", "diagnose", "plan", "clarify"]
Cell = str | int | float | None
MAX_QUERY = 500
SESSION_ID = Field(default=None, min_length=1, max_length=32)


class ColumnOut(BaseModel):
    """A column by its role: dimension, label (of the dimension before), metric, base (before), change, share.

    `of` is the dimension or metric it belongs to; `unit` yuan, count, ratio (0 to 1), number, text or date.
    """

    key: str
    name: str
    role: Literal["dimension", "label", "metric", "base", "change", "share"]
    of: str
    unit: str
    higher_is_better: bool = True


class SeriesOut(BaseModel):
    """A line, the bars of one colour, or the slices. `is_base`: what it is compared with."""

    name: str
    values: list[float | None]
    is_base: bool = False


class ChartOut(BaseModel):
    """A chart of one unit; the table says the same in words."""

    kind: Literal["line", "bar", "share", "waterfall"]
    title: str
    categories: list[str]
    series: list[SeriesOut]
    unit: str


class DefinitionOut(BaseModel):
    """A metric and what it counts."""

    metric: str
    name: str
    text: str
    unit: str


class PeriodOut(BaseModel):
    """The days that the report shows, and those it compares with."""

    start: date
    end: date
    base_start: date | None = None
    base_end: date | None = None


class ReportOut(BaseModel):
    """The figures. Cells are raw values; `labels` has the words for a dimension's values, by column and value.

    `chart` is the first of `charts`. `sql` is what ran, in the dialect of the engine that ran it. `source` is model for SQL that a
    language model wrote: it has no definitions and no period.
    """

    columns: list[ColumnOut]
    rows: list[list[Cell]]
    chart: ChartOut | None
    definitions: list[DefinitionOut]
    period: PeriodOut | None
    sql: str
    source: Literal["catalogue", "model"] = "catalogue"
    labels: dict[str, dict[str, str]] = {}
    charts: list[ChartOut] = []
    truncated: bool = False


class GuardOut(BaseModel):
    """What the guard said of the SQL; without SQL it was not asked."""

    passed: bool | None = None
    reason: str = ""
    limit_applied: bool = False


class TimingsOut(BaseModel):
    """Milliseconds of each step; 0 for one that was not needed."""

    route: float = 0.0
    gen_sql: float = 0.0
    run_sql: float = 0.0
    retrieve_kb: float = 0.0
    compose: float = 0.0
    execute: float = 0.0


class DebugOut(BaseModel):
    """How the answer came about. `plan_fixed` names the parts of a plan that defaults filled.

    `model` is the language model whose work is in the answer, or builtin; `model_failures` say what a model was asked for in
    vain, and why ("report_sql: REJECTED COLUMN").
    """

    route_intent: str
    sql: str | None = None
    guard: GuardOut = GuardOut()
    timings_ms: TimingsOut = TimingsOut()
    model: str = "builtin"
    plan_fixed: list[str] = []
    model_failures: list[str] = []


class ChoiceOut(BaseModel):
    """Words that may be said next, and the question they stand for."""

    text: str
    question: Question


class RefusedOut(BaseModel):
    """Why nothing was run. `reason` is stable."""

    reason: str
    message: str


class DeskAnswer(BaseModel):
    """What the desk answers. `question` is what was understood, which the next sentence may change."""

    intent: Intent
    answer: str
    report: ReportOut | None = None
    plan: dict[str, JsonValue] | None = None
    diagnosis: dict[str, JsonValue] | None = None
    refused: RefusedOut | None = None
    understood_as: str = ""
    choices: list[ChoiceOut] = []
    notes: list[str] = []
    question: Question | None = None
    query: str = ""
    locale: str = "zh"
    debug: DebugOut


class DeskReply(DeskAnswer):
    """An answer and where it is kept."""

    session_id: str
    run_id: str


class QueryBody(Schema):
    """A sentence to the desk; with `session_id` it may go on with the question before."""

    query: str = Field(min_length=1, max_length=MAX_QUERY)
    session_id: str | None = SESSION_ID
    client_message_id: str | None = Field(default=None, min_length=1, max_length=64)


Json = dict[str, Any]
