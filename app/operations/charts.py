"""Which chart shows a report: a line for time, bars for groups, shares for shares of a whole; none for a single figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask_babel import gettext

from app.insights.metrics.catalogue import catalogue
from app.insights.question import TIME
from app.operations.formats import label
from app.operations.schemas import Cell, ChartOut, ReportOut, SeriesOut

MOST_LINES = 6
MOST_BARS = 20
MOST_SLICES = 8
MOST_CHARTS = 3


def charts_of(report: ReportOut) -> list[ChartOut]:
    """The charts of a report, the most telling first; metrics of one unit share one unless they are split twice."""
    dimensions = _places(report, "dimension")
    if not dimensions or len(report.rows) < 2:
        return []
    time = next((place for place in dimensions if report.columns[place].key in TIME), None)
    groups = [place for place in dimensions if place != time]
    metrics = _places(report, "metric")
    if time is not None and groups:
        return [_lines_by_group(report, time, groups, place) for place in metrics[:MOST_CHARTS]]
    if time is None and (slices := _shares(report, groups)):
        return [slices]
    return [
        _by_category(report, [time] if time is not None else groups, places, is_time=time is not None)
        for places in _by_unit(report, metrics)[:MOST_CHARTS]
    ]


def _cut_title(name: str, count: int) -> str:
    """A chart that leaves groups out says so; the table has them all."""
    return str(gettext("%(name)s, the first %(count)s", name=name, count=count))


def _places(report: ReportOut, role: str) -> list[int]:
    return [place for place, column in enumerate(report.columns) if column.role == role]


def _by_unit(report: ReportOut, metrics: Sequence[int]) -> list[list[int]]:
    """Metrics that may stand on one axis: of one unit and much the same size."""
    found: list[list[int]] = []
    for place in metrics:
        together = next((group for group in found if _are_alike(report, group[0], place)), None)
        if together is None:
            found.append([place])
        else:
            together.append(place)
    return found


def _are_alike(report: ReportOut, one: int, other: int) -> bool:
    if report.columns[one].unit != report.columns[other].unit:
        return False
    small, large = sorted(_largest(report, place) for place in (one, other))
    return small * 10 >= large


def _largest(report: ReportOut, place: int) -> float:
    return max((abs(_number(row[place]) or 0.0) for row in report.rows), default=0.0)


def _number(cell: Cell) -> float | None:
    return None if cell is None or isinstance(cell, str) else cell


def _name(report: ReportOut, row: Sequence[Cell], places: Iterable[int]) -> str:
    """The words for a row: a product by its name, not its SKU."""
    said = []
    for place in places:
        named = place + 1 < len(report.columns) and report.columns[place + 1].role == "label"
        said.append(label(report, place + 1 if named else place, row[place + 1 if named else place]))
    return " · ".join(said)


def _by_category(
    report: ReportOut, categories: Sequence[int], metrics: Sequence[int], *, is_time: bool
) -> ChartOut:
    """A line over time, or a bar for each group; what it is compared with stands beside it."""
    rows = report.rows if is_time else report.rows[:MOST_BARS]
    series = []
    for place in metrics:
        series.append(
            SeriesOut(name=report.columns[place].name, values=[_number(row[place]) for row in rows])
        )
        base = place + 1
        if base < len(report.columns) and report.columns[base].role == "base" and len(metrics) == 1:
            values = [_number(row[base]) for row in rows]
            series.append(SeriesOut(name=report.columns[base].name, values=values, is_base=True))
    name = gettext(" and ").join(report.columns[place].name for place in metrics)
    return ChartOut(
        kind="line" if is_time else "bar",
        title=_cut_title(name, MOST_BARS) if len(rows) < len(report.rows) else name,
        categories=[_name(report, row, categories) for row in rows],
        series=series,
        unit=report.columns[metrics[0]].unit,
    )


def _lines_by_group(report: ReportOut, time: int, groups: Sequence[int], metric: int) -> ChartOut:
    """A line for each of the largest groups."""
    times = sorted({str(row[time]) for row in report.rows})
    found: dict[str, dict[str, float | None]] = {}
    for row in report.rows:
        found.setdefault(_name(report, row, groups), {})[str(row[time])] = _number(row[metric])
    largest = sorted(found, key=lambda name: -sum(value or 0.0 for value in found[name].values()))
    # A group without a row on a day sold nothing there; a ratio has no value then.
    nothing = 0.0 if _adds_up(report, metric) else None
    series = [
        SeriesOut(name=name, values=[found[name].get(each, nothing) for each in times])
        for name in largest[:MOST_LINES]
    ]
    column = report.columns[metric]
    title = _cut_title(column.name, MOST_LINES) if len(largest) > MOST_LINES else column.name
    return ChartOut(kind="line", title=title, categories=times, series=series, unit=column.unit)


def _adds_up(report: ReportOut, metric: int) -> bool:
    return catalogue().metrics[report.columns[metric].of].kind == "sum"


def _shares(report: ReportOut, groups: Sequence[int]) -> ChartOut | None:
    """Slices of the whole, where the groups make one up."""
    place = next(iter(_places(report, "share")), None)
    if place is None or not 2 <= len(report.rows) <= MOST_SLICES:
        return None
    values = [_number(row[place]) for row in report.rows]
    # Groups that overlap, or that are only some of all, are no whole.
    if any(value is None or value < 0 for value in values) or abs(sum(v or 0.0 for v in values) - 1) > 0.005:
        return None
    column = report.columns[place]
    names = [_name(report, row, groups) for row in report.rows]
    series = [SeriesOut(name=column.name, values=values)]
    return ChartOut(kind="share", title=column.name, categories=names, series=series, unit="ratio")
