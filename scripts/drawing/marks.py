"""Small signs on labels, about 20 x 20 around their own middle, one colour each."""

from __future__ import annotations

from drawing.canvas import Shape, circle, ellipse, group, line, path, rect, ring

MARKS: dict[str, Shape] = {}


def mark_of(function: Shape) -> Shape:
    """Register a sign under its name."""
    MARKS[function.__name__] = function
    return function


def draw_mark(name: str, colour: str, x: float, y: float, scale: float = 1) -> str:
    """Draw the sign called `name` around (x, y)."""
    return group(MARKS[name](colour), x, y, scale=scale) if name else ""


@mark_of
def drop(colour: str) -> str:
    return path("M0-11c5 6 8 9 8 14a8 8 0 0 1-16 0c0-5 3-8 8-14z", colour)


@mark_of
def sun(colour: str) -> str:
    return circle(0, 0, 5.5, colour) + ring(8, lambda: line("M0-9v-3", colour, 2))


@mark_of
def moon(colour: str) -> str:
    return path("M9 4A10 10 0 1 1-4-9 8 8 0 0 0 9 4z", colour)


@mark_of
def leaf(colour: str) -> str:
    return path("M-9 9C-11-4-2-10 10-10 10 3 4 10-6 8z", colour) + line("M-10 11-1 0", colour, 1.6)


@mark_of
def heart(colour: str) -> str:
    return path("M0 9C-8 4-10 0-10-4A5.3 5.3 0 0 1 0-6 5.3 5.3 0 0 1 10-4C10 0 8 4 0 9z", colour)


@mark_of
def flower(colour: str) -> str:
    return ring(5, lambda: ellipse(0, -6, 3.8, 5, colour)) + circle(0, 0, 2.6, "#fff")


@mark_of
def wave(colour: str) -> str:
    return "".join(line(f"M-11 {y}q5.5-6 11 0t11 0", colour, 2.4) for y in (-5, 1, 7))


@mark_of
def eye(colour: str) -> str:
    return path("M-12 0Q0-11 12 0 0 11-12 0z", colour) + circle(0, 0, 4, "#fff") + circle(0, 0, 2, colour)


@mark_of
def bubbles(colour: str) -> str:
    return circle(-4, 3, 6, colour) + circle(6, -4, 4, colour) + circle(6, 7, 2.4, colour)


@mark_of
def star(colour: str) -> str:
    return path("M0-11C1-3 3-1 11 0 3 1 1 3 0 11-1 3-3 1-11 0-3-1-1-3 0-11z", colour)


@mark_of
def shield(colour: str) -> str:
    return path("M0-11 9-7v6C9 5 5 9 0 12-5 9-9 5-9-1v-6z", colour) + line("m-4 0 3 3 5-6", "#fff", 2)


@mark_of
def bolt(colour: str) -> str:
    return path("M3-12-7 3h6l-2 9L7-3H1z", colour)


@mark_of
def bars(colour: str) -> str:
    return "".join(rect(x, -h, 4, h + 8, 1.5, colour) for x, h in ((-9, 0), (-2, 5), (5, 9)))


@mark_of
def strands(colour: str) -> str:
    return "".join(line(f"M{x}-10c6 6-6 12 0 20", colour, 2.2) for x in (-7, 0, 7))


@mark_of
def stripe(colour: str) -> str:
    return rect(-12, -2, 24, 4, 2, colour)


@mark_of
def cross(colour: str) -> str:
    return line("M0-8V8M-8 0H8", colour, 5)


@mark_of
def smile(colour: str) -> str:
    return circle(-6, -4, 1.8, colour) + circle(6, -4, 1.8, colour) + line("M-6 4q6 6 12 0", colour, 2.2)


@mark_of
def spf(colour: str) -> str:
    return f'<text y="5" text-anchor="middle" font-family="sans-serif" font-weight="700" font-size="15" fill="{colour}">50+</text>'


@mark_of
def letter_c(colour: str) -> str:
    return line("M6-6a8.5 8.5 0 1 0 0 12", colour, 3)


@mark_of
def letter_a(colour: str) -> str:
    return line("m-7 8 7-16 7 16M-4 3h8", colour, 3)
