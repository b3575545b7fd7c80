"""What the desk's pages show: a report as text ready for a table, an exchange of question and answer, a conversation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from app.campaigns.plans import Plan
from app.insights.diagnosis.page import DiagnosisShown
from app.operations.formats import MINUS, NOTHING, figure, show
from app.operations.page_charts import ChartShown, show_charts
from app.operations.schemas import Cell, ColumnOut, DefinitionOut, DeskAnswer, ReportOut

# A page shows this many rows; the downloads and the answer's own page have all of them.
MOST_ROWS = 50
EVERY_ROW = 1_000


@dataclass(frozen=True, slots=True)
class CellShown:
    """A cell: its text, what it is sorted by, and whether it is good (up) or bad (down) news."""

    text: str
    sort: Cell
    tone: str = ""


@dataclass(frozen=True, slots=True)
class HeadShown:
    """A column's head. `mark` is the unit that its figures do not carry themselves."""

    name: str
    mark: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure of a report that is not split."""

    name: str
    value: str
    change: str
    tone: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportShown:
    """A report for `operations/_report.html`. `url` is where its downloads are (`url`.csv, `url`.xlsx), "" without.

    `is_by_model`: a language model wrote its SQL, which is shown at once.
    """

    heads: Sequence[HeadShown]
    rows: Sequence[Sequence[CellShown]]
    total: int
    tiles: Sequence[Tile]
    charts: Sequence[ChartShown]
    definitions: Sequence[DefinitionOut]
    sql: str
    is_truncated: bool
    url: str = ""
    is_by_model: bool = False

    @property
    def hidden(self) -> int:
        """How many rows are not shown."""
        return self.total - len(self.rows)


def show_report(report: ReportOut, url: str = "", most: int = MOST_ROWS) -> ReportShown:
    """Prepare a report; at most `most` rows of it."""
    is_split = any(column.role == "dimension" for column in report.columns)
    return ReportShown(
        heads=[_head(column) for column in report.columns],
        rows=[_row(report, row) for row in report.rows[:most]],
        total=len(report.rows),
        tiles=[] if is_split else _tiles(report),
        charts=show_charts(report.charts),
        definitions=report.definitions,
        sql=report.sql,
        is_truncated=report.truncated,
        url=url,
        is_by_model=report.source == "model",
    )


def _head(column: ColumnOut) -> HeadShown:
    is_number = column.role not in ("dimension", "label")
    return HeadShown(column.name, "¥" if column.unit == "yuan" else "", is_number)


def _row(report: ReportOut, row: Sequence[Cell]) -> list[CellShown]:
    return [
        CellShown(show(report, place, value), value, _tone(report.columns[place], value))
        for place, value in enumerate(row)
    ]


def _tone(column: ColumnOut, change: Cell) -> str:
    """Whether a change is for the better."""
    if column.role != "change" or not isinstance(change, int | float) or abs(change) < 0.0005:
        return ""
    return "up" if (change > 0) == column.higher_is_better else "down"


def _tiles(report: ReportOut) -> list[Tile]:
    """A tile for each metric, with its change."""
    row = report.rows[0] if report.rows else []
    places = [place for place, column in enumerate(report.columns) if column.role == "metric" and row]
    return [_tile(report, row, place) for place in places]


def _tile(report: ReportOut, row: Sequence[Cell], place: int) -> Tile:
    column = report.columns[place]
    shown = figure(row[place], column.unit)
    value = f"¥{shown}" if column.unit == "yuan" and shown != NOTHING else shown
    definition = next((each.text for each in report.definitions if each.metric == column.of), "")
    following = report.columns[place + 1 : place + 3]
    if [each.role for each in following] != ["base", "change"]:
        return Tile(column.name, value, "", "", definition)
    base, change = row[place + 1], row[place + 2]
    said = _tile_change(row[place], base, change, column.unit)
    return Tile(column.name, value, said, _tone(report.columns[place + 2], change), definition)


def _tile_change(value: Cell, base: Cell, change: Cell, unit: str) -> str:
    """By per cent; of a ratio by percentage points."""
    before = figure(base, unit)
    if unit == "ratio" and isinstance(value, int | float) and isinstance(base, int | float):
        points = f"{(value - base) * 100:+.1f}".replace("-", MINUS)
        return str(gettext("%(points)s points, %(before)s before", points=points, before=before))
    if change is None:
        return str(gettext("%(before)s before", before=before))
    return str(
        gettext("%(change)s, %(before)s before", change=figure(change, "ratio", sign=True), before=before)
    )


# ---- steps ----


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step as a line."""

    element_id: str
    title: str
    told: str
    status: str
    milliseconds: int | None


def show_step(
    run_id: str, number: int, name: str, *, result: Mapping[str, Any] | None = None, status: str = "running",
    milliseconds: int | None = None,
) -> StepShown:  # fmt: skip
    """A step of a run in its place."""
    titles = {
        "route": gettext("Read the question"),
        "gen_sql": gettext("Write and check the SQL"),
        "run_sql": gettext("Query the data"),
        "retrieve_kb": gettext("Look in the knowledge base"),
        "compose": gettext("Put the answer together"),
        "execute": gettext("Publish"),
    }
    title = str(titles.get(name, name))
    return StepShown(f"run-{run_id}-step-{number}", title, _told(result or {}), status, milliseconds)


def _told(result: Mapping[str, Any]) -> str:
    """What came of a step, in a few words."""
    if isinstance(words := result.get("understood_as") or result.get("goal"), str):
        return words
    if "failure" in result:
        return str(gettext("%(model)s gave nothing that holds", model=result.get("model")))
    for key, text in (
        ("rows", gettext("%(count)s rows", count=result.get("rows"))),
        ("queries", gettext("%(count)s queries", count=result.get("queries"))),
        ("statements", gettext("%(count)s queries, checked", count=result.get("statements"))),
        ("members", gettext("%(count)s members", count=result.get("members"))),
        ("claims", gettext("%(count)s statements", count=result.get("claims"))),
    ):
        if key in result:
            return str(text)
    if isinstance(model := result.get("model"), str):
        return model
    if isinstance(found := result.get("documents"), list):
        return str(gettext("%(count)s documents", count=len(found)))
    return ""


# ---- exchanges ----


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeShown:
    """A question and what became of it. `text` is there for every answer, `answer` and `report` where it is shown in full."""

    run_id: str
    query: str
    status: str
    text: str = ""
    failure: str = ""
    intent: str = ""
    answer: DeskAnswer | None = None
    report: ReportShown | None = None
    steps: Sequence[StepShown] = ()
    debug: str = ""
    diagnosis: DiagnosisShown | None = None
    plan: Plan | None = None
    offer: str = ""
    success: str = ""

    @property
    def element_id(self) -> str:
        return f"run-{self.run_id}"

    @property
    def is_running(self) -> bool:
        return self.status == "running"


def debug_json(answer: DeskAnswer) -> str:
    """How the answer came about, as text."""
    return json.dumps(answer.debug.model_dump(mode="json", exclude={"sql"}), ensure_ascii=False, indent=2)
