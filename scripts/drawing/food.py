"""Wellness food."""

from __future__ import annotations

from drawing.canvas import (
    WHITE,
    darker,
    ellipse,
    group,
    lighter,
    line,
    lit,
    path,
    rect,
    shape,
    solid,
)
from drawing.marks import draw_mark


@shape
def pill_bottle(body: str = "#e08a3c", cap: str = WHITE, ink: str = "#b8621c") -> str:
    """A bottle of tablets."""
    return (
        solid(-37, -100, 74, 100, body, top=14, bottom=10)
        + rect(-37, -76, 74, 54, 0, "#fdf8ef")
        + draw_mark("sun", ink, 0, -56, 1.05)
        + rect(-16, -37, 32, 3, 1.5, ink, opacity=0.6)
        + rect(-10, -31, 20, 3, 1.5, ink, opacity=0.4)
        + solid(-32, -128, 64, 30, cap, top=6, bottom=3)
        + "".join(rect(x, -122, 2.4, 20, 1, darker(cap, 0.2)) for x in range(-26, 28, 7))
    )


@shape
def tablets(a: str = "#f0c064", b: str = "#e58a5b") -> str:
    """Three tablets."""
    return (
        ellipse(-20, -8, 15, 8, darker(a, 0.12))
        + ellipse(-20, -11, 15, 8, a)
        + line("M-28-11h16", darker(a, 0.2), 1.6)
        + ellipse(16, -7, 13, 7, darker(b, 0.12))
        + ellipse(16, -10, 13, 7, b)
        + group(ellipse(0, 0, 13, 7, lighter(a, 0.3)), -2, -26, rotate=-18)
    )


@shape
def gummies(colours: str = "#8d74c9,#e58fa2,#f0b24a") -> str:
    """Moon-shaped gummies in a heap."""
    moon = "M12 6A15 15 0 1 1-5-14 12 12 0 0 0 12 6z"
    spots = ((-30, -12, -10), (2, -13, 30), (32, -12, -30), (-14, -34, 20), (18, -34, 0))
    tints = colours.split(",")
    return "".join(
        group(
            path(moon, tints[i % len(tints)]) + line("M-9-4a10 10 0 0 0 3 10", "#fff", 2.4, opacity=0.6),
            x,
            y,
            rotate=a,
            scale=1.05,
        )
        for i, (x, y, a) in enumerate(spots)
    )


@shape
def doypack(
    w: float = 92, h: float = 118, body: str = "#5b4a94", mark: str = "moon", ink: str = "#f2d58a"
) -> str:
    """A standing pouch with a zip."""
    a = w / 2
    return (
        lit(f"M{-a + 2} {-h}H{a - 2}L{a} -14Q{a} 0 {a - 14} 0H{-a + 14}Q{-a} 0 {-a} -14z", body)
        + rect(-a + 2, -h, w - 4, 9, 0, darker(body, 0.2))
        + rect(-a + 6, -h + 17, w - 12, 3, 1.5, lighter(body, 0.3))
        + draw_mark(mark, ink, 0, -h * 0.5, 1.9)
        + rect(-16, -h * 0.2, 32, 3.4, 1.7, ink)
        + rect(-10, -h * 0.14, 20, 3.4, 1.7, ink, opacity=0.6)
    )


@shape
def teacup(cup: str = WHITE, tea: str = "#c98a4b", tag: str = "#c85f6d") -> str:
    """A cup of tea with its bag's tag."""
    return (
        ellipse(0, -3, 52, 7, darker(cup, 0.14))
        + ellipse(0, -6, 52, 7, cup)
        + path("M34-46q24-2 22 16-2 14-26 14v-7q18 0 19-8 0-8-15-8z", darker(cup, 0.06))
        + lit("M-40-54H40C40-22 26-8 0-8S-40-22-40-54z", cup)
        + ellipse(0, -54, 40, 9, darker(cup, 0.08))
        + ellipse(0, -53, 34, 6.5, tea)
        + line("M-14-50q-6 12-10 22", "#8a8f8a", 1.6)
        + rect(-32, -30, 14, 15, 2, tag)
        + "".join(line(f"M{x}-68q-6-7 0-14t0-14", "#ffffff", 3.4, opacity=0.8) for x in (-12, 6, 24))
    )


@shape
def shaker(body: str = "#dfe8e4", shake: str = "#c9a17c", lid_colour: str = "#26544c") -> str:
    """A shaker with a flip lid."""
    return (
        lit("M-36-112H36L29-8Q28 0 20 0H-20Q-28 0-29-8z", body)
        + path("M-31-82H31L25-10Q24-5 19-5H-19Q-24-5-25-10z", shake)
        + "".join(
            rect(-30 + i * 0.8, -76 + i * 15, 9 if i % 2 else 14, 2.6, 1.3, WHITE, opacity=0.85)
            for i in range(5)
        )
        + solid(-40, -126, 80, 17, lid_colour, top=4, bottom=3)
        + solid(-24, -142, 32, 18, darker(lid_colour, 0.15), top=5, bottom=1)
        + line("M8-134h14q7 0 7 8", lid_colour, 5)
    )


@shape
def tub(body: str = "#f4efe6", lid_colour: str = "#26544c", ink: str = "#26544c", mark: str = "bolt") -> str:
    """A big tub of powder."""
    return (
        solid(-48, -104, 96, 104, body, top=6, bottom=12)
        + rect(-48, -78, 96, 50, 0, ink)
        + draw_mark(mark, body, 0, -57, 1.2)
        + rect(-18, -39, 36, 3.4, 1.7, body, opacity=0.8)
        + solid(-51, -128, 102, 27, lid_colour, top=8, bottom=3)
    )


@shape
def bowl(body: str = WHITE, content: str = "#f6e6c4") -> str:
    """A small bowl of stewed bird's nest with a spoon."""
    threads = "".join(line(f"M{x} -33q6-6 12 0t12 0", WHITE, 2.2) for x in (-26, -10, 4))
    return (
        line("M10-36 44-66", "#d3ab55", 5)
        + lit("M-42-34H42C40-10 24-2 0-2S-40-10-42-34z", body)
        + ellipse(0, -34, 42, 8, darker(body, 0.1))
        + ellipse(0, -33, 36, 6, content)
        + threads
    )


@shape
def flowers_dry(a: str = "#d9667b", b: str = "#e0a24e") -> str:
    """Dried rose buds and a curl of peel."""
    bud = path("M-8 0C-12-10-6-18 0-18S12-10 8 0Q0 5-8 0z", a) + line("M-3-14q3 6 0 12", darker(a), 1.8)
    return (
        group(bud, -22, -3, rotate=-30)
        + group(bud, 4, -4, rotate=40, scale=0.9)
        + line("M16-6q8-12 16-2t12-4", b, 7)
    )
