"""A question from parts that a program names: metrics and dimensions by key, filters by name, a period in words or dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import N_, InvalidParam
from app.insights.metrics.catalogue import catalogue
from app.insights.names import Context, Names
from app.insights.parsing.building import finish
from app.insights.question import TIME, Comparison, Filter, Name, Operator, Question
from app.language.normalise import normalise
from app.language.period_words import find_periods
from app.language.periods import Period

MAX_LISTED = 12
# What may stand around a period: "for the last 7 days", 在上周的.
_AROUND = re.compile(r"\b(?:for|in|of|during|over|the|from)\b|[在于的从 ,.]")


def _with_metrics(schema: dict[str, Any]) -> None:
    schema["items"]["enum"] = list(catalogue().metrics)


def _with_dimensions(schema: dict[str, Any]) -> None:
    schema["items"]["enum"] = list(catalogue().dimensions)


def _with_filters(schema: dict[str, Any]) -> None:
    schema["enum"] = [key for key in catalogue().dimensions if key not in TIME]


class FilterPart(BaseModel):
    """A filter as a program says it."""

    model_config = ConfigDict(extra="forbid")

    dimension: str = Field(max_length=40, json_schema_extra=_with_filters)
    operator: Operator = Field(default="in", description="ge and le (at least, at most) are for level only")
    values: list[Name | int] = Field(
        min_length=1,
        max_length=50,
        description="Names in Chinese or English, store numbers, SKUs, levels; for closed lists the key (online)",
    )


METRICS: Any = Field(min_length=1, max_length=8, description="Which figures", json_schema_extra=_with_metrics)
DIMENSIONS: Any = Field(
    default_factory=list,
    max_length=4,
    description="Split by these; day, week and month make a series",
    json_schema_extra=_with_dimensions,
)


def question_of(
    *,
    metrics: Sequence[str],
    dimensions: Sequence[str],
    filters: Iterable[FilterPart],
    period: str,
    compare: Literal["previous", "year"] | None,
    context: Context,
) -> Question:
    """The question. Raises InvalidParam that names the part which nobody can resolve, and what there is."""
    known = catalogue()
    _check("metrics", metrics, known.metrics, N_("There is no metric “%(name)s”. There are: %(known)s."))
    _check(
        "dimensions",
        dimensions,
        known.dimensions,
        N_("There is no dimension “%(name)s”. There are: %(known)s."),
    )
    return finish(
        {
            "metrics": tuple(dict.fromkeys(metrics)),
            "dimensions": tuple(dict.fromkeys(dimensions)),
            "filters": tuple(_filter(part, context.names) for part in filters),
            "period": read_period(period, context),
            "comparison": Comparison(kind=compare) if compare else None,
            "share": False,
            "top": None,
            "thresholds": (),
        }
    )


def _check(place: str, keys: Sequence[str], known: Mapping[str, object], message: str) -> None:
    for key in keys:
        if key not in known:
            raise InvalidParam(
                message, fields={place: N_("There is no such name.")}, name=key[:40], known=", ".join(known)
            )


def read_period(said: str, context: Context) -> Period:
    """One period and nothing else ("last 7 days", 上周, 2026-11-01 to 2026-11-20). Raises InvalidParam."""
    text = normalise(said)
    found = find_periods(text, context.today)
    if len(found) == 1:
        rest = text[: found[0].start] + " " + text[found[0].end :]
        if not _AROUND.sub("", rest).strip():
            return found[0].period
    raise InvalidParam(
        N_(
            "“%(said)s” is not a period. Say for example “last 7 days”, “last month” or “2026-11-01 to 2026-11-20”."
        ),
        fields={"period": N_("This is not a period.")},
        said=said[:60],
    )


def _filter(part: FilterPart, names: Names) -> Filter:
    usable = {key: entry for key, entry in catalogue().dimensions.items() if not entry.time}
    message = N_("There is no dimension “%(name)s” to filter by. There are: %(known)s.")
    _check("filters", [part.dimension], usable, message)
    if part.operator in ("ge", "le") and part.dimension != "level":
        raise InvalidParam(
            N_("Only levels can be compared with ge and le."),
            fields={"filters": N_("Only levels can be compared with ge and le.")},
        )
    values = tuple(resolve_value(part.dimension, value, names) for value in part.values)
    return Filter(dimension=part.dimension, operator=part.operator, values=tuple(dict.fromkeys(values)))


def resolve_value(dimension: str, said: str | int, names: Names) -> str | int:
    """What the data calls a value: by name in either language, number or key. Raises InvalidParam with what there is."""
    if dimension == "level":
        return _level(said)
    spoken = _spoken(dimension, names)
    value = spoken.get(normalise(str(said)))
    if value is None:
        known = list(dict.fromkeys(spoken.values()))
        raise InvalidParam(
            N_("There is no “%(name)s” in this shop. There are: %(known)s."),
            fields={"filters": N_("There is no such name.")},
            name=str(said)[:60],
            known=", ".join(known[:MAX_LISTED]) + ("…" if len(known) > MAX_LISTED else ""),
        )
    return value


def _level(said: str | int) -> int:
    number = re.fullmatch(r"(?:level|lv\.?|等级)? ?(\d{1,2})", normalise(str(said)))
    if number is None:
        raise InvalidParam(N_("A level is a number."), fields={"filters": N_("A level is a number.")})
    return int(number[1])


def _spoken(dimension: str, names: Names) -> dict[str, str]:
    """Every way to say a value of the dimension, normalised, and what the data calls it."""
    found: list[tuple[str, Iterable[str]]] = [
        (key, (key, value.zh, value.en, *value.words_zh, *value.words_en))
        for key, value in catalogue().dimensions[dimension].values.items()
    ]
    if dimension == "store":
        found += [(s.name, (s.name, s.name_en, str(s.id))) for s in names.stores]
    elif dimension == "city":
        found += [(s.city, (s.city, s.city_en)) for s in names.stores]
    elif dimension == "category":
        found += [(c.name, (c.name, c.name_en)) for c in names.categories]
    elif dimension == "product":
        found += [(p.sku, (p.sku, p.name, p.name_en)) for p in names.products]
    return {normalise(form): value for value, forms in found for form in forms if form}
