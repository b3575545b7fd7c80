"""Nothing is shown that has no source: every number of a data claim is a cell of its figures, every quotation stands in its document.

Made for text from anywhere, a language model's as well as ours: what cannot be supported is dropped, not mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from app.insights.diagnosis.model import Claim, Document, Dropped, Figure, Role, Unit, Value
from app.insights.diagnosis.spoken_numbers import Spoken, numbers_in, readable
from app.insights.diagnosis.subject import direction_words

_QUOTED = re.compile('“([^”]*)”|「([^」]*)」|『([^』]*)』|"([^"]*)"|«([^»]*)»|‘([^’]{6,})’')
_CLAUSE = re.compile(r"[，。；;！!？?\n（）()：:]|, |\. |、")
# A quotation of fewer characters says nothing.
LEAST_QUOTED = 6
_FITS: Mapping[str, tuple[Unit, ...]] = {
    "percent": ("ratio",),
    "points": ("points",),
    "yuan": ("yuan",),
    "count": ("count", "number"),
    "times": ("number",),
    "plain": ("count", "number", "yuan", "ratio"),
}


@dataclass(frozen=True, slots=True)
class _Known:
    value: float
    unit: Unit
    role: Role


def verify(
    claims: Iterable[Claim], figures: Iterable[Figure], documents: Iterable[Document]
) -> tuple[list[Claim], list[Dropped]]:
    """The claims that hold, and those that were dropped with the reason."""
    by_key = {figure.key: figure for figure in figures}
    texts = {document.key: document for document in documents}
    kept: list[Claim] = []
    dropped: list[Dropped] = []
    for claim in claims:
        fault = _fault_of_data(claim, by_key) if claim.tag == "data" else _fault_of_kb(claim, texts)
        if fault is None:
            kept.append(claim)
        else:
            dropped.append(fault)
    return kept, dropped


def _fault_of_data(claim: Claim, figures: Mapping[str, Figure]) -> Dropped | None:
    cited = [figures[key] for key in claim.sources if key in figures]
    if not cited or len(cited) < len(claim.sources) or not _exist(claim, figures):
        return Dropped(claim, "no_source", ", ".join(claim.sources))
    text = _without_names(readable(claim.text), cited)
    cells = list(_cells(claim, figures))
    dates = {str(value) for figure in figures.values() for value in _dates(figure)}
    for number in numbers_in(text):
        if number.kind == "date":
            if not any(day == number.date or day[4:] == number.date for day in dates):
                return Dropped(claim, "number", number.text)
        elif not any(_supports(cell, number, text) for cell in cells):
            return Dropped(claim, "number", number.text)
    return None


def _exist(claim: Claim, figures: Mapping[str, Figure]) -> bool:
    """Rows and columns that the figures do not have are no source."""
    return all(
        (ref.row is None or 0 <= ref.row < len(figures[ref.key].rows))
        and (ref.column is None or any(column.key == ref.column for column in figures[ref.key].columns))
        for ref in claim.refs
    )


def _cells(claim: Claim, figures: Mapping[str, Figure]) -> Iterable[_Known]:
    for ref in claim.refs:
        figure = figures[ref.key]
        rows = figure.rows if ref.row is None else (figure.rows[ref.row],)
        for row in rows:
            for column, value in zip(figure.columns, row, strict=True):
                if isinstance(value, int | float) and ref.column in (None, column.key):
                    yield _Known(float(value), column.unit, column.role)


def _dates(figure: Figure) -> Iterable[Value]:
    places = [place for place, column in enumerate(figure.columns) if column.unit == "date"]
    return chain.from_iterable((row[place] for place in places) for row in figure.rows)


def _without_names(text: str, figures: Sequence[Figure]) -> str:
    """The text without the names of rows, columns and figures, which may have digits of their own: 等级3, SKU-8, 2+ orders."""
    names = {readable(name) for figure in figures for name in _names(figure) if len(name) > 1}
    for name in sorted(names, key=len, reverse=True):
        if numbers_in(name):
            text = re.sub(
                rf"(?<![\w.]){re.escape(name)}(?![\d%.])" if name[0].isascii() else re.escape(name),
                "\x00" * len(name),
                text,
            )
    return text


def _names(figure: Figure) -> Iterable[str]:
    yield figure.title
    for place, column in enumerate(figure.columns):
        yield column.name
        if column.unit == "text":
            yield from (str(row[place]) for row in figure.rows if isinstance(row[place], str))


def _supports(cell: _Known, number: Spoken, text: str) -> bool:
    if cell.unit not in _FITS[number.kind] or (number.is_change and cell.role != "change"):
        return False
    value = cell.value * 100 if number.kind in ("percent", "points") else cell.value
    if cell.unit == "ratio" and number.kind == "plain" and number.tolerance > 0.01:
        return False
    signed = value if number.sign and value else abs(value)
    if number.sign and value and (value > 0) != (number.sign > 0):
        return False
    if abs(abs(signed) - number.value) > number.tolerance * (1 + 1e-9) + 1e-9:
        return False
    return not _contradicts(cell, number, text)


def _contradicts(cell: _Known, number: Spoken, text: str) -> bool:
    """A word beside a change says that it went the other way."""
    if cell.role != "change" or not cell.value or number.sign:
        return False
    starts = [match.end() for match in _CLAUSE.finditer(text, 0, number.start)]
    before = text[starts[-1] if starts else 0 : number.start]
    end = _CLAUSE.search(text, number.end)
    after = text[number.end : end.start() if end else len(text)]
    said = direction_words(before)[-1:] or direction_words(after)[:1]
    return bool(said) and (said[0] == "up") != (cell.value > 0)


def _fault_of_kb(claim: Claim, documents: Mapping[str, Document]) -> Dropped | None:
    cited = [documents[key] for key in claim.sources if key in documents]
    if not cited or len(cited) < len(claim.sources):
        return Dropped(claim, "no_source", ", ".join(claim.sources))
    contents = [_squeezed(f"{document.title}\n{document.content}") for document in cited]
    rest, quotations = claim.text, []
    for title in (document.title for document in cited):
        rest = rest.replace(f"《{title}》", " ")
    for match in _QUOTED.finditer(rest):
        quotations.append(next(part for part in match.groups() if part is not None))
    for said in quotations:
        if not any(_squeezed(said) in content for content in contents):
            return Dropped(claim, "quotation", said)
    if not any(len(said.strip()) >= LEAST_QUOTED for said in quotations):
        return Dropped(claim, "no_quotation", claim.text)
    known = [number for content in contents for number in numbers_in(readable(content))]
    for number in numbers_in(readable(_QUOTED.sub(" ", rest))):
        if not any(_same(number, other) for other in known):
            return Dropped(claim, "number", number.text)
    return None


def _same(number: Spoken, other: Spoken) -> bool:
    if number.kind == "date" or other.kind == "date":
        return number.date == other.date and bool(number.date)
    return number.kind == other.kind and abs(number.value - other.value) <= 1e-9 * max(1.0, other.value)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
