"""Lipsticks, compacts, brushes and what they leave on paper."""

from __future__ import annotations

from drawing.canvas import (
    GOLD,
    INK,
    WHITE,
    box_path,
    circle,
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


@shape
def lipstick(colour: str = "#c3342b", case: str = "#2b2422", ring: str = GOLD, h: float = 64) -> str:
    """An open lipstick."""
    return (
        lit(f"M-13 {-h - 8}V{-h - 44}C-13 {-h - 52} 4 {-h - 66} 13 {-h - 68}V{-h - 8}z", colour)
        + path(
            f"M-13 {-h - 44}C-13 {-h - 52} 4 {-h - 66} 13 {-h - 68}C13 {-h - 56} 2 {-h - 44} -13 {-h - 44}z",
            lighter(colour, 0.28),
        )
        + solid(-16, -h - 14, 32, 18, ring, top=2)
        + solid(-20, -h, 40, h, case, top=3, bottom=4)
        + rect(-20, -h + 5, 40, 2.5, 0, ring)
    )


@shape
def lipstick_cap(case: str = "#2b2422", ring: str = GOLD, h: float = 70) -> str:
    """The cap of a lipstick."""
    return solid(-20, -h, 40, h, case, top=6, bottom=3) + rect(-20, -10, 40, 3, 0, ring)


@shape
def gloss(colour: str = "#c98383", cap: str = "#e9d9cf", h: float = 70) -> str:
    """A tube of lip gloss."""
    return (
        solid(-15, -h, 30, h, lighter(colour, 0.55), top=3, bottom=9)
        + path(box_path(-11, -h + 4, 22, h - 9, 3, 6), colour)
        + rect(-6, -h + 8, 4, h - 22, 2, "#fff", opacity=0.5)
        + solid(-9, -h - 5, 18, 7, GOLD, top=1)
        + solid(-14, -h - 58, 28, 54, cap, top=6, bottom=2)
    )


@shape
def wand(colour: str = "#c98383", cap: str = "#e9d9cf") -> str:
    """The applicator of a gloss: cap below, sponge above."""
    return (
        solid(-13, -50, 26, 50, cap, top=2, bottom=6)
        + rect(-2, -92, 4, 44, 2, "#dcd6d2")
        + lit("M-5-92c0-12 2-20 6-22 5 6 5 16 3 22z", colour)
    )


@shape
def foundation(body: str = "#e5bf9f", cap: str = "#26302f") -> str:
    """A square flask of foundation."""
    return (
        solid(-34, -104, 68, 104, "#f4f1ee", top=8, bottom=10)
        + path(box_path(-27, -94, 54, 84, 4, 6), body)
        + rect(-27, -94, 8, 84, 3, "#fff", opacity=0.35)
        + rect(-14, -58, 28, 3, 1.5, WHITE)
        + rect(-9, -50, 18, 3, 1.5, WHITE, opacity=0.8)
        + solid(-9, -112, 18, 10, GOLD, top=1)
        + solid(-17, -150, 34, 39, cap, top=4, bottom=2)
    )


@shape
def swatch(colour: str = "#e5bf9f", w: float = 60) -> str:
    """A smear of colour on the ground."""
    return lit(
        f"M{-w / 2} -8C{-w * 0.4} -22 {-w * 0.1} -12 0 -18S{w * 0.42} -22 {w / 2} -9 {w * 0.2} 2 0-1 {-w * 0.44} 4 {-w / 2} -8z",
        colour,
    )


@shape
def powder(body: str = "#f6e8df", lid: str = "#d9b9a8", puff: str = "#f0c9c0") -> str:
    """A jar of loose powder with its puff leaning on it."""
    return (
        solid(-56, -40, 112, 40, "#fbf7f4", top=4, bottom=14)
        + path(box_path(-50, -33, 100, 27, 3, 10), body)
        + ellipse(0, -40, 56, 11, lid)
        + ellipse(0, -41, 46, 8, body)
        + "".join(
            circle(x, -41 + y, 1.6, darker(body, 0.2))
            for x, y in ((-28, 0), (-14, -3), (-14, 3), (0, 0), (14, -3), (14, 3), (28, 0))
        )
        + group(
            circle(0, 0, 38, puff)
            + circle(0, 0, 38, "url(#l)")
            + circle(0, 0, 27, lighter(puff, 0.35))
            + rect(-24, -6, 48, 13, 6, WHITE, opacity=0.9),
            16,
            -78,
        )
    )


@shape
def palette(
    frame: str = "#4a3529",
    mirror: str = "#dfe9ec",
    pans: str = "#f0dcc4,#d9b38c,#b98a5e,#e7c1a6,#a9714d,#7d4f37,#c79a83,#8e5a45,#4f3328",
) -> str:
    """An open eyeshadow palette: mirror above, nine pans below."""
    colours = pans.split(",")
    cells = ""
    for index, colour in enumerate(colours):
        x, y = -66 + index % 3 * 45, -78 + index // 3 * 25
        cells += rect(x, y, 41, 21, 4, colour) + path(
            f"M{x + 4} {y + 17}L{x + 17} {y + 3}h8L{x + 11} {y + 17}z", "#fff", opacity=0.2
        )
    return (
        path(box_path(-78, -164, 156, 78, 10, 2), frame)
        + rect(-68, -155, 136, 60, 5, mirror)
        + path("M-40-95-4-155h26L-14-95zM2-95 38-155h8L10-95z", "#fff", opacity=0.55)
        + rect(-30, -88, 60, 5, 2, darker(frame))
        + path(box_path(-78, -85, 156, 85, 2, 10), lighter(frame, 0.1))
        + cells
    )


@shape
def mascara(body: str = "#23464d", ring: str = "#9fc4c4") -> str:
    """A closed mascara with its brush beside it."""
    bristles = "".join(
        line(f"M{-9 + abs(i - 6) * 0.5} {-146 + i * 5}H{9 - abs(i - 6) * 0.5}", "#23302f", 2.6)
        for i in range(13)
    )
    brush = (
        rect(-1.5, -148, 3, 92, 1.5, "#55625f")
        + bristles
        + solid(-12, -60, 24, 60, body, top=2, bottom=7)
        + rect(-12, -60, 24, 4, 0, ring)
    )
    return group(
        solid(-14, -80, 28, 80, body, top=3, bottom=7)
        + rect(-14, -74, 28, 4, 0, ring)
        + rect(-5, -94, 10, 16, 2, ring)
        + line("M0-52v34", ring, 2.4),
        -26,
    ) + group(brush, 26, rotate=9)


@shape
def brow_pencil(body: str = "#8b7a6f", ring: str = GOLD) -> str:
    """A pencil at a slant under the brow it draws."""
    brow = "".join(
        line(f"M{-58 + i * 11} {-118 - 13 * (1 - (i / 10 - 0.55) ** 2 * 2.4)}q5-9 12-11", "#6d5b50", 4)
        for i in range(11)
    )
    pencil = (
        solid(-10, -118, 20, 118, body, top=1, bottom=5)
        + rect(-10, -112, 20, 4, 0, ring)
        + rect(-10, -14, 20, 4, 0, ring)
        + lit("M-10-118 -4-138H4L10-118z", "#e8cfb5")
        + path("M-4-138 0-150 4-138z", "#5c4a40")
    )
    return group(brow, 0, -8) + group(pencil, -50, -22, rotate=58)


@shape
def brush(handle: str = "#b98a5e", hair: str = "#6b4a3c", h: float = 120) -> str:
    """A flat mask or powder brush, hair above."""
    return (
        lit(f"M-4 0Q-9 {-h * 0.3} -6 {-h * 0.58}H6Q9 {-h * 0.3} 4 0z", handle)
        + solid(-8, -h * 0.72, 16, h * 0.16, GOLD, top=2)
        + lit(
            f"M-9 {-h * 0.71}C-17 {-h * 0.9} -12 {-h} 0 {-h * 1.04} 12 {-h} 17 {-h * 0.9} 9 {-h * 0.71}z",
            hair,
        )
    )


@shape
def cotton(count: int = 4) -> str:
    """A pile of cotton pads."""
    return "".join(
        ellipse(0, -7 - i * 8, 27, 8, "#e4e8ea") + ellipse(0, -9 - i * 8, 27, 8, WHITE) for i in range(count)
    )


@shape
def comb(colour: str = "#8d6a4c", teeth: int = 9) -> str:
    """A wide comb lying on its back."""
    return solid(-44, -14, 88, 12, colour, top=5) + "".join(
        rect(-40 + i * 9.2, -34, 4.6, 24, 2.3, colour) for i in range(teeth)
    )


@shape
def hair_curl(colour: str = "#5a4034") -> str:
    """A lock of hair."""
    return "".join(
        line(f"M{x} -96C{x + 26} -70 {x - 18} -46 {x + 6} -4", mixable, 6)
        for x, mixable in ((-10, darker(colour)), (-2, colour), (6, lighter(colour, 0.16)))
    )


@shape
def spark(colour: str = INK, size: float = 1) -> str:
    """A four-pointed sparkle."""
    return group(path("M0-14C1-4 4-1 14 0 4 1 1 4 0 14-1 4-4 1-14 0-4-1-1-4 0-14z", colour), scale=size)
