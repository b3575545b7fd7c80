"""Pen and paper: numbers, paths, light, and the frame that every picture shares."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Shape = Callable[..., str]
SHAPES: dict[str, Shape] = {}

INK = "#1b2b2a"
WHITE = "#fdfefd"
GOLD = "#d3ab55"
SKIN = "#f2cdb4"
SKIN_SHADE = "#e3b093"
CHEEK = "#eba893"

# Hard-edged bands across each shape's own box: a highlight near the left edge, shade along the right.
LIGHT = (
    '<linearGradient id="l"><stop offset=".1" stop-color="#fff" stop-opacity="0"/>'
    '<stop offset=".1" stop-color="#fff" stop-opacity=".36"/><stop offset=".17" stop-color="#fff" stop-opacity=".36"/>'
    '<stop offset=".17" stop-color="#fff" stop-opacity="0"/><stop offset=".74" stop-color="#1b2b2a" stop-opacity="0"/>'
    '<stop offset=".74" stop-color="#1b2b2a" stop-opacity=".1"/><stop offset="1" stop-color="#1b2b2a" '
    'stop-opacity=".1"/></linearGradient>'
)


def shape(function: Shape) -> Shape:
    """Register a drawing function under its name, for use in products.toml."""
    SHAPES[function.__name__] = function
    return function


def tidy(svg: str) -> str:
    """Shorten numbers to one decimal and drop what SVG does not need."""
    svg = re.sub(r"-?\d+\.\d+", lambda found: f"{float(found.group()):.1f}".removesuffix(".0"), svg)
    return re.sub(r"(?<![\d.])(-?)0\.(\d)", r"\1.\2", svg)


def mix(colour: str, other: str, amount: float) -> str:
    """Blend two "#rrggbb" colours; amount 0 is the first, 1 the second."""
    pairs = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * amount):02x}" for a, b in pairs)


def darker(colour: str, amount: float = 0.18) -> str:
    """The colour in shade."""
    return mix(colour, INK, amount)


def lighter(colour: str, amount: float = 0.4) -> str:
    """The colour in light."""
    return mix(colour, "#ffffff", amount)


def attributes(**values: Any) -> str:
    """Keyword arguments as SVG attributes: stroke_width=2 -> ' stroke-width="2"'."""
    return "".join(
        f' {name.replace("_", "-")}="{value}"' for name, value in values.items() if value is not None
    )


def path(d: str, fill: str = "none", **more: Any) -> str:
    """A filled path."""
    return f'<path d="{d}" fill="{fill}"{attributes(**more)}/>'


def line(d: str, colour: str, width: float = 3, **more: Any) -> str:
    """A round-ended stroke."""
    ends = attributes(
        stroke=colour, stroke_width=width, stroke_linecap="round", stroke_linejoin="round", **more
    )
    return f'<path d="{d}" fill="none"{ends}/>'


def circle(x: float, y: float, r: float, fill: str, **more: Any) -> str:
    """A filled circle."""
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"{attributes(**more)}/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: str, **more: Any) -> str:
    """A filled ellipse."""
    return f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}"{attributes(**more)}/>'


def rect(
    x: float, y: float, width: float, height: float, r: float = 0, fill: str = WHITE, **more: Any
) -> str:
    """A filled rectangle with round corners."""
    corner = f' rx="{r}"' if r else ""
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}"{corner} fill="{fill}"{attributes(**more)}/>'
    )


def lit(d: str, fill: str, **more: Any) -> str:
    """A solid of one colour under the common light."""
    return path(d, fill, **more) + path(d, "url(#l)")


def box_path(x: float, y: float, width: float, height: float, top: float, bottom: float | None = None) -> str:
    """The outline of a box with other radii above than below; (x, y) is its upper left corner."""
    foot = top if bottom is None else bottom
    return (
        f"M{x + top} {y}h{width - 2 * top}q{top} 0 {top} {top}v{height - top - foot}q0 {foot} {-foot} {foot}"
        f"h{-(width - 2 * foot)}q{-foot} 0 {-foot} {-foot}v{-(height - top - foot)}q0 {-top} {top} {-top}z"
    )


def solid(
    x: float, y: float, width: float, height: float, fill: str, *, top: float = 4, bottom: float | None = None
) -> str:
    """A lit box."""
    return lit(box_path(x, y, width, height, top, bottom), fill)


def group(
    content: str, x: float = 0, y: float = 0, *, scale: float = 1, rotate: float = 0, **more: Any
) -> str:
    """Move, turn and size a drawing."""
    steps = [f"translate({x} {y})" if x or y else "", f"rotate({rotate})" if rotate else ""]
    steps.append(f"scale({scale})" if scale != 1 else "")
    transform = " ".join(filter(None, steps))
    return (
        f"<g{attributes(transform=transform or None, **more)}>{content}</g>" if transform or more else content
    )


def ring(count: int, draw: Callable[[], str]) -> str:
    """The same thing `count` times around the origin."""
    return "".join(group(draw(), rotate=360 / count * index) for index in range(count))
