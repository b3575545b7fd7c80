"""Figures for a reader, by their unit: money with two decimals, counts in thousands, ratios as per cent. Pure."""

from __future__ import annotations

NOTHING = "–"
MINUS = "−"
Figure = str | int | float | None


def figure(value: Figure, unit: str, *, sign: bool = False) -> str:
    """A figure as text; `sign` writes a plus too.

    >>> figure(1234.5, "yuan"), figure(0.3141, "ratio"), figure(-12, "count")
    ('1,234.50', '31.4%', '−12')
    """
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    shown = _digits(abs(value), unit)
    if value < 0 and any(digit in "123456789" for digit in shown):
        return f"{MINUS}{shown}"
    return f"+{shown}" if sign and value > 0 else shown


def _digits(value: float, unit: str) -> str:
    if unit == "yuan":
        return f"{value:,.2f}"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "ratio":
        return f"{value:.2%}" if 0 < value < 0.01 else f"{value:.1%}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def money_or_figure(value: Figure, unit: str) -> str:
    """A figure in a sentence: money with its sign."""
    shown = figure(value, unit)
    if unit != "yuan" or value is None:
        return shown
    return f"{MINUS}¥{shown.removeprefix(MINUS)}" if shown.startswith(MINUS) else f"¥{shown}"
