"""Pictures that are no product: the home page's illustration, the placeholder, the favicon."""

from __future__ import annotations

from drawing.canvas import (
    GOLD,
    INK,
    LIGHT,
    WHITE,
    box_path,
    circle,
    ellipse,
    group,
    lighter,
    line,
    lit,
    path,
    rect,
)
from drawing.containers import dropper, jar, pump
from drawing.makeup import lipstick
from drawing.props import leaf_sprig

JADE, WARM = "#0b7264", "#b9472f"


def document(content: str, width: int, height: int) -> str:
    """A whole SVG file."""
    defs = f"<defs>{LIGHT}</defs>" if "url(#l)" in content else ""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{defs}{content}</svg>\n'


def podium(width: float, height: float, colour: str) -> str:
    """A round plinth; its upper face is at y = -height."""
    a = width / 2
    side = f"M{-a} {-height}V-10A{a} 13 0 0 0 {a} -10V{-height}z"
    return lit(side, colour) + ellipse(0, -height, a, 13, lighter(colour, 0.45))


def question() -> str:
    """What a customer says: a jade bubble with two lines."""
    bubble = path("M18 0H150q18 0 18 18v22q0 18-18 18H42l-16 15q-3 2-3-2V57Q0 55 0 40V18Q0 0 18 0z", JADE)
    return (
        bubble + rect(22, 18, 112, 7, 3.5, WHITE, opacity=0.92) + rect(22, 33, 76, 7, 3.5, WHITE, opacity=0.6)
    )


def answer() -> str:
    """What comes back: a product in a row, a price, a tick."""
    card = path(box_path(0, 0, 196, 84, 18), WHITE)
    picture = path(box_path(12, 12, 60, 60, 13), "#e4eef4") + group(
        dropper(body="#9cc6e2", cap="#2f6e96", w=50, h=72, mark=""), 42, 68, scale=0.4
    )
    text = (
        rect(86, 20, 84, 8, 4, INK, opacity=0.75)
        + rect(86, 36, 62, 6, 3, INK, opacity=0.28)
        + rect(86, 54, 40, 10, 5, WARM)
    )
    return card + picture + text + circle(172, 58, 14, JADE) + line("m166 58 4.5 4.5 8-9", WHITE, 3)


def hero() -> str:
    """Care on plinths and a short talk about it."""
    floor = ellipse(280, 424, 262, 26, INK, opacity=0.07)
    plants = group(leaf_sprig("#8db79a", h=168), 132, 412, rotate=-8, scale=1.15) + group(
        leaf_sprig("#a7c8a4", h=120), 452, 412, rotate=10, scale=1.05
    )
    goods = (
        group(
            podium(150, 76, "#f0ddcd")
            + group(pump(body=WHITE, cap="#5f8a6c", ink="#5f8a6c", w=74, h=118), 0, -74),
            190,
            420,
        )
        + group(
            podium(140, 122, "#dfe9e2")
            + group(dropper(body="#b9d8ec", cap="#2f6e96", liquid=66, fill="#79b4d8", w=70, h=98), 0, -120),
            308,
            424,
        )
        + group(
            podium(142, 46, "#f3d3ca")
            + group(jar(w=104, h=56, body="#2f5c52", lid=GOLD, lid_h=26, ink="#e9d6a4"), -2, -44),
            418,
            430,
        )
        + group(lipstick("#c3342b", h=50), 254, 428, scale=0.86)
        + group(circle(0, 0, 13, "#f6e7c6") + circle(0, 0, 13, "url(#l)") + circle(30, 4, 8, WHITE), 330, 424)
    )
    return document(floor + plants + goods + group(question(), 24, 66) + group(answer(), 344, 96), 560, 460)


def placeholder() -> str:
    """For a product without a picture: a closed box with the shop's drop."""
    box = rect(-56, -92, 112, 92, 6, WHITE, opacity=0.75) + path(
        "M-56-66H56V-86q0-6-6-6H-50q-6 0-6 6z", INK, opacity=0.07
    )
    drop = group(path("M0-16c8 9 12 14 12 21a12 12 0 0 1-24 0c0-7 4-12 12-21z", INK, opacity=0.16), 0, -34)
    return document(ellipse(120, 205, 74, 7, INK, opacity=0.08) + group(box + drop, 120, 204), 240, 240)


def favicon() -> str:
    """The drop of the shop's sign."""
    drop = path("M16 2.5c5.4 6.2 9.5 11 9.5 16.4a9.5 9.5 0 0 1-19 0c0-5.4 4.1-10.2 9.5-16.4z", JADE)
    return document(drop + line("M11 19.2a5.2 5.2 0 0 0 5.2 5.3", WHITE, 2.2, opacity=0.9), 32, 32)


SCENES = {"hero": hero, "placeholder": placeholder, "favicon": favicon}
