"""Sentences of a diagnosis: every number in them is taken from a figure, and the claim keeps from which cell."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.insights.diagnosis.model import Cell, Claim, Ref, Section, Unit, Value
from app.insights.diagnosis.texts import TEXTS


@dataclass(frozen=True, slots=True)
class Size:
    """A cell that is shown without its sign, because a word beside it says which way it went."""

    cell: Cell


@dataclass(frozen=True, slots=True)
class Words:
    """A word for which way a cell went, by its sign; the number itself is not shown."""

    cell: Cell
    text: str = "moved"


Said = Cell | Size | Words | str


@dataclass(slots=True)
class Writer:
    """Collects claims in one language."""

    locale: str
    claims: list[Claim] = field(default_factory=list)

    def say(self, section: Section, text: str, **said: Said) -> None:
        """A claim about data: a text of `texts.TEXTS` with cells put in."""
        values = {name: self._spoken(value) for name, value in said.items()}
        sentence = self.text(text).format(**values)
        cells = [
            value if isinstance(value, Cell) else value.cell
            for value in said.values()
            if not isinstance(value, str)
        ]
        refs = tuple(dict.fromkeys(Ref(cell.figure.key, cell.row, cell.column) for cell in cells))
        self.claims.append(Claim(section, sentence, "data", refs))

    def quote(self, section: Section, text: str, key: str, title: str, quotation: str) -> None:
        """A claim that a document makes, in its own words."""
        said = self.text(text).format(title=title, quotation=quotation)
        self.claims.append(Claim(section, said, "kb", (Ref(key),)))

    def text(self, key: str) -> str:
        """A text in the writer's language."""
        return TEXTS[key][self.locale == "en"]

    def _spoken(self, value: Said) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, Words):
            number = value.cell.value
            return self.text(f"{value.text}_{direction(number)}")
        if isinstance(value, Size):
            number = value.cell.value
            return shown(
                abs(number) if isinstance(number, int | float) else number, value.cell.unit, self.locale
            )
        return shown(value.value, value.unit, self.locale)


def direction(value: Value) -> str:
    """up, down or flat."""
    number = value if isinstance(value, int | float) else 0
    return "up" if number > 0 else "down" if number < 0 else "flat"


def shown(value: Value, unit: Unit, locale: str, *, signed: bool = False) -> str:
    """A value as a reader sees it: ¥1,234, 12.3%, 2.1 points."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    said = _number(value, unit, locale, signed=signed)
    # What rounds to nothing has no sign.
    return said if any(digit in said for digit in "123456789") else said.lstrip("+-")


def _number(value: float, unit: Unit, locale: str, *, signed: bool) -> str:
    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    size = abs(value)
    if unit == "yuan":
        return f"{sign}¥{size:,.0f}" if size >= 1_000 else f"{sign}¥{size:,.2f}"
    if unit == "ratio":
        return f"{sign}{size:.1%}" if size >= 0.01 or not size else f"{sign}{size:.2%}"
    if unit == "points":
        digits = 1 if size >= 0.01 or not size else 2
        return f"{sign}{size * 100:.{digits}f} {'points' if locale == 'en' else '个百分点'}"
    if unit == "count":
        return f"{sign}{size:,.0f}"
    return sign + f"{size:,.1f}".removesuffix(".0") if size >= 10 else f"{sign}{size:.2f}"
