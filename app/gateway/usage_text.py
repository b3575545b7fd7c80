"""Usage figures for people and for programs: words, charts, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import format_date, gettext

from app.gateway.pricing import MICROS_PER_CENT
from app.gateway.usage import DayLine, Source, Usage
from app.gateway.usage_figures import Waits

MICROS = 1_000_000
CSV_COLUMNS = (
    "day", "agent", "version", "purpose", "model", "provider", "runs", "errors", "failovers", "prompt_tokens",
    "completion_tokens", "cost_yuan", "first_word_p50_ms", "first_word_p95_ms", "duration_p50_ms", "duration_p95_ms",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def yuan_of(micros: int) -> str:
    """Millionths of a yuan for reading: cents, or four decimals below one yuan."""
    if 0 < micros < MICROS:
        return f"¥{max(micros, 100) / MICROS:.4f}"
    cents = (micros + MICROS_PER_CENT // 2) // MICROS_PER_CENT
    return f"¥{cents // 100:,}.{cents % 100:02d}"


def seconds_of(milliseconds: int | None) -> str:
    """Milliseconds for reading."""
    return "–" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def source_name(source: Source) -> str:
    """Who answered."""
    if source.agent:
        return f"{source.agent} v{source.version}"
    if source.is_builtin:
        return str(gettext("Built-in model"))
    return str(gettext("Model of the settings") if source.model else gettext("No model"))


def charts_of(usage: Usage) -> list[dict[str, Any]]:
    """The page's charts in the form of static/js/charts.js."""
    days = [format_date(line.key, "MM-dd") for line in usage.days]
    return [
        _chart(
            "stacked", gettext("Answers per day"), days,
            (gettext("Finished"), [line.figures.runs - line.figures.errors for line in usage.days]),
            (gettext("Errors"), [line.figures.errors for line in usage.days]),
        ),
        _chart(
            "line", gettext("Time to the first word"), days,
            ("p50", [_seconds(line.waits.first_word_p50) for line in usage.days]),
            ("p95", [_seconds(line.waits.first_word_p95) for line in usage.days]),
            unit="s",
        ),
        _chart(
            "stacked", gettext("Tokens per day"), days,
            (gettext("Read"), [line.figures.prompt_tokens for line in usage.days]),
            (gettext("Written"), [line.figures.completion_tokens for line in usage.days]),
        ),
        _chart(
            "bar", gettext("Cost per day"), days,
            (gettext("Cost"), [round(line.figures.cost_micros / MICROS, 4) for line in usage.days]),
            unit="¥",
        ),
    ]  # fmt: skip


def csv_of(lines: Iterable[DayLine]) -> str:
    """Figures by day and source, one line each; first a mark by which spreadsheets know UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    writer.writerows(_cells(line) for line in lines)
    return "\ufeff" + out.getvalue()


def _cells(line: DayLine) -> list[Any]:
    source, figures, waits = line.source, line.figures, Waits.of(line.figures)
    texts = (source.agent, source.version or "", source.purpose, source.model, source.provider)
    return [
        line.day.isoformat(),
        *(_harmless(str(text)) for text in texts),
        *(figures.runs, figures.errors, figures.failovers, figures.prompt_tokens, figures.completion_tokens),
        f"{figures.cost_micros // MICROS}.{figures.cost_micros % MICROS:06d}",
        *("" if value is None else value for value in (waits.first_word_p50, waits.first_word_p95)),
        *("" if value is None else value for value in (waits.duration_p50, waits.duration_p95)),
    ]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _chart(
    kind: str, title: str, days: Sequence[str], *series: tuple[str, Sequence[Any]], unit: str = ""
) -> Any:
    return {
        "kind": kind,
        "title": title,
        "categories": days,
        "series": [{"name": name, "values": values} for name, values in series],
        "unit": unit,
    }


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
