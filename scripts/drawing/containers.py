"""Bottles, tubes, jars, pouches and boxes."""

from __future__ import annotations

from drawing.canvas import (
    GOLD,
    INK,
    WHITE,
    box_path,
    circle,
    darker,
    ellipse,
    lighter,
    line,
    lit,
    path,
    rect,
    shape,
    solid,
)
from drawing.marks import draw_mark


def label(
    width: float, height: float, y: float, *, fill: str, mark: str = "", ink: str = INK, scale: float = 1
) -> str:
    """A label with a sign and two lines of small print; `y` is its lower edge."""
    bare = fill == "none"
    paper = "" if bare else rect(-width / 2, y - height, width, height, 4, fill)
    print_width = min(width * 0.5, 26)
    small = "".join(
        rect(-w / 2, y - height * 0.24 + row, w, 2.2, 1.1, ink, opacity=0.45)
        for row, w in ((0, print_width), (5, print_width * 0.62))
    )
    return paper + draw_mark(mark, ink, 0, y - height * 0.6, scale) + small


def shouldered(w: float, h: float, neck: float, shoulder: float, foot: float) -> str:
    """The outline of a bottle body with round shoulders."""
    a, n = w / 2, neck / 2
    return (
        f"M{-a + foot} 0H{a - foot}Q{a} 0 {a} {-foot}V{-(h - shoulder)}C{a} {-h + shoulder * 0.35} {n} {-h + shoulder * 0.4} {n} {-h}"
        f"H{-n}C{-n} {-h + shoulder * 0.4} {-a} {-h + shoulder * 0.35} {-a} {-(h - shoulder)}V{-foot}Q{-a} 0 {-a + foot} 0z"
    )


@shape
def bottle(
    w: float = 64,
    h: float = 112,
    body: str = WHITE,
    cap: str = "#5b8fb0",
    cap_h: float = 26,
    cap_w: float = 0,
    neck: float = 26,
    shoulder: float = 22,
    foot: float = 10,
    liquid: float = 0,
    fill: str = "#cfe0ec",
    paper: str = "none",
    mark: str = "drop",
    ink: str = "#5b8fb0",
    label_h: float = 52,
) -> str:
    """A bottle with a cap; `liquid` is how high it is filled when the body is glass."""
    parts = [lit(shouldered(w, h, neck, shoulder, foot), body)]
    if liquid:
        parts.append(
            path(box_path(-w / 2 + 4, -liquid, w - 8, liquid - 4, 0, max(foot - 3, 1)), fill, opacity=0.85)
        )
    parts.append(label(w * 0.66, label_h, -h * 0.14, fill=paper, mark=mark, ink=ink))
    width = cap_w or neck + 6
    parts.append(solid(-width / 2, -h - cap_h + 2, width, cap_h, cap, top=5, bottom=2))
    return "".join(parts)


@shape
def pump(
    w: float = 66,
    h: float = 108,
    body: str = WHITE,
    cap: str = "#5a8a64",
    foot: float = 12,
    shoulder: float = 18,
    paper: str = "none",
    mark: str = "leaf",
    ink: str = "#5a8a64",
    label_h: float = 56,
) -> str:
    """A bottle with a pump."""
    neck = 22
    return (
        rect(-3, -h - 32, 6, 24, 0, darker(cap))
        + path(f"M-14 {-h - 38}q0-7 7-7H20q9 0 9 9v6h-7v-4q0-2-3-2h-12v6h-21z", cap)
        + solid(-neck / 2 - 3, -h - 14, neck + 6, 16, cap, top=4, bottom=2)
        + lit(shouldered(w, h, neck, shoulder, foot), body)
        + label(w * 0.68, label_h, -h * 0.13, fill=paper, mark=mark, ink=ink)
    )


@shape
def dropper(
    w: float = 58,
    h: float = 84,
    body: str = "#9cc6e2",
    cap: str = "#2f6e96",
    bulb: str = "#38474d",
    liquid: float = 0,
    fill: str = "#5ea1cb",
    paper: str = WHITE,
    mark: str = "drop",
    ink: str = "#2f6e96",
    shoulder: float = 18,
    label_h: float = 46,
) -> str:
    """A glass vial with a dropper."""
    inside = path(box_path(-w / 2 + 4, -liquid, w - 8, liquid - 4, 0, 6), fill, opacity=0.8) if liquid else ""
    return (
        solid(-8, -h - 52, 16, 34, bulb, top=8, bottom=2)
        + solid(-14, -h - 24, 28, 24, cap, top=4, bottom=2)
        + lit(shouldered(w, h, 24, shoulder, 9), body)
        + inside
        + label(w * 0.74, label_h, -h * 0.14, fill=paper, mark=mark, ink=ink)
    )


@shape
def tube(
    w: float = 62,
    h: float = 118,
    body: str = WHITE,
    cap: str = "#6aa7a0",
    cap_h: float = 22,
    mark: str = "bubbles",
    ink: str = "#6aa7a0",
    band: str = "",
) -> str:
    """A squeeze tube that stands on its cap, its crimp above."""
    a, c = w / 2, w * 0.36
    d = f"M{-a} {-h - cap_h}H{a}L{c} {-cap_h}H{-c}z"
    stripe = (
        path(f"M{-a * 0.93} {-h * 0.86 - cap_h}H{a * 0.93}L{a * 0.9} {-h * 0.76 - cap_h}H{-a * 0.9}z", band)
        if band
        else ""
    )
    return (
        solid(-c - 1, -cap_h, 2 * c + 2, cap_h, cap, top=2, bottom=6)
        + lit(d, body)
        + stripe
        + rect(-a - 1, -h - cap_h - 8, w + 2, 11, 2, darker(body, 0.1))
        + label(w * 0.6, h * 0.5, -cap_h - h * 0.16, fill="none", mark=mark, ink=ink)
    )


@shape
def jar(
    w: float = 100,
    h: float = 58,
    body: str = WHITE,
    lid: str = "#5a8a64",
    lid_h: float = 26,
    mark: str = "moon",
    ink: str = "#5a8a64",
    paper: str = "none",
    foot: float = 16,
) -> str:
    """A closed cream jar."""
    return (
        solid(-w / 2, -h, w, h, body, top=6, bottom=foot)
        + label(w * 0.52, h * 0.74, -h * 0.1, fill=paper, mark=mark, ink=ink, scale=0.9)
        + solid(-w / 2 - 2, -h - lid_h + 2, w + 4, lid_h, lid, top=8, bottom=3)
    )


@shape
def open_jar(
    w: float = 104,
    h: float = 58,
    body: str = WHITE,
    content: str = "#b9a58e",
    mark: str = "",
    ink: str = INK,
    heap: float = 10,
) -> str:
    """A jar without its lid, the content heaped above the rim."""
    swirl = path(
        f"M{-w * 0.4} {-h}C{-w * 0.3} {-h - heap * 2} {-w * 0.06} {-h - heap} 0 {-h - heap * 1.7}S{w * 0.34} {-h - heap * 1.5} {w * 0.4} {-h}z",
        content,
    )
    return (
        ellipse(0, -h, w / 2, 9, darker(body, 0.16))
        + ellipse(0, -h, w / 2 - 5, 6.5, darker(content, 0.12))
        + swirl
        + lit(
            f"M{-w / 2} {-h}Q0 {-h + 17} {w / 2} {-h}V-16Q{w / 2} 0 {w / 2 - 16} 0H{-w / 2 + 16}Q{-w / 2} 0 {-w / 2} -16z",
            body,
        )
        + label(w * 0.5, h * 0.66, -h * 0.08, fill="none", mark=mark, ink=ink, scale=0.85)
    )


@shape
def lid(w: float = 84, h: float = 20, colour: str = "#5a8a64") -> str:
    """A lid lying flat beside its jar."""
    return solid(-w / 2, -h, w, h, colour, top=7, bottom=3)


@shape
def spray_can(
    w: float = 50,
    h: float = 128,
    body: str = "#7d74b8",
    cap: str = "#efeaf8",
    mark: str = "strands",
    ink: str = WHITE,
) -> str:
    """An aerosol can."""
    return (
        solid(-w / 2, -h, w, h, body, top=14, bottom=6)
        + rect(-w / 2, -h * 0.2, w, 5, 0, lighter(body, 0.45))
        + label(w * 0.72, h * 0.44, -h * 0.28, fill="none", mark=mark, ink=ink)
        + solid(-13, -h - 8, 26, 10, darker(body, 0.1), top=3)
        + solid(-10, -h - 24, 20, 17, cap, top=6, bottom=2)
        + circle(-5, -h - 17, 2, darker(cap, 0.4))
    )


@shape
def rollon(
    w: float = 56,
    h: float = 82,
    body: str = "#bfe0e6",
    cap: str = WHITE,
    mark: str = "drop",
    ink: str = "#2b8296",
) -> str:
    """A roll-on, its ball above the collar."""
    return (
        circle(0, -h - 14, 18, cap)
        + circle(0, -h - 14, 18, "url(#l)")
        + solid(-21, -h - 12, 42, 16, darker(body, 0.14), top=4, bottom=2)
        + lit(
            f"M{-w / 2 + 10} 0H{w / 2 - 10}Q{w / 2} 0 {w / 2 - 1} -12C{w / 2 - 6} {-h * 0.5} {w / 2 - 6} {-h * 0.6} 21 {-h}H-21C{-w / 2 + 6} {-h * 0.6} {-w / 2 + 6} {-h * 0.5} {-w / 2 + 1} -12Q{-w / 2} 0 {-w / 2 + 10} 0z",
            body,
        )
        + label(w * 0.66, h * 0.66, -h * 0.12, fill="none", mark=mark, ink=ink)
    )


@shape
def pouch(
    w: float = 96,
    h: float = 124,
    body: str = "#d5e9dd",
    mark: str = "leaf",
    ink: str = "#3c7a5c",
    paper: str = WHITE,
) -> str:
    """A flat sachet, sealed above and below."""
    a = w / 2
    seal = darker(body, 0.12)
    middle = circle(0, -h * 0.55, w * 0.3, paper) + draw_mark(mark, ink, 0, -h * 0.55, 1.35)
    return (
        lit(f"M{-a} {-h}H{a}L{a - 3} {-h / 2} {a} 0H{-a}L{-a + 3} {-h / 2}z", body)
        + rect(-a, -h, w, 9, 0, seal)
        + rect(-a, -7, w, 7, 0, seal)
        + middle
        + rect(-w * 0.2, -h * 0.22, w * 0.4, 3, 1.5, ink, opacity=0.5)
        + rect(-w * 0.12, -h * 0.16, w * 0.24, 3, 1.5, ink, opacity=0.5)
    )


@shape
def carton(
    w: float = 90,
    h: float = 100,
    depth: float = 18,
    body: str = "#e7b9a6",
    mark: str = "",
    ink: str = WHITE,
    band: str = "",
    paper: str = "none",
) -> str:
    """A box seen slightly from the right."""
    side = path(f"M{w / 2} 0 {w / 2 + depth} -8V{-h - 8}L{w / 2} {-h}z", darker(body, 0.16))
    top = path(f"M{-w / 2} {-h} {-w / 2 + depth} {-h - 8}H{w / 2 + depth}L{w / 2} {-h}z", lighter(body, 0.25))
    front = rect(-w / 2, -h, w, h, 1, body)
    strip = rect(-w / 2, -h * 0.3, w, h * 0.12, 0, band) if band else ""
    return (
        side
        + top
        + front
        + strip
        + label(w * 0.66, h * 0.56, -h * 0.18, fill=paper, mark=mark, ink=ink, scale=1.15)
    )


@shape
def glass_jar(
    w: float = 54,
    h: float = 56,
    lid_colour: str = GOLD,
    content: str = "#f2d9a6",
    paper: str = "#b5382c",
    mark: str = "",
    ink: str = "#f6e2b5",
) -> str:
    """A small glass with a screw lid."""
    return (
        solid(-w / 2, -h, w, h, "#eef3f1", top=12, bottom=10)
        + path(box_path(-w / 2 + 4, -h + 12, w - 8, h - 16, 4, 8), content)
        + rect(-w * 0.3, -h * 0.66, w * 0.6, h * 0.42, 3, paper)
        + draw_mark(mark, ink, 0, -h * 0.45, 0.6)
        + solid(-w * 0.4, -h - 10, w * 0.8, 13, lid_colour, top=4, bottom=2)
    )


@shape
def vial(
    w: float = 24, h: float = 84, body: str = "#f3c3a9", cap: str = "#c97a55", paper: str = WHITE
) -> str:
    """A drink vial with a twist-off neck."""
    return (
        solid(-w / 2, -h, w, h, body, top=8, bottom=6)
        + rect(-w / 2, -h * 0.62, w, h * 0.36, 0, paper)
        + rect(-w * 0.25, -h * 0.48, w * 0.5, 3, 1.5, cap)
        + rect(-w * 0.25, -h * 0.4, w * 0.34, 3, 1.5, cap, opacity=0.6)
        + solid(-7, -h - 15, 14, 17, cap, top=3, bottom=1)
    )


@shape
def stick(
    w: float = 17, h: float = 92, body: str = "#f7f4ea", tip: str = "#6fa36b", ink: str = "#6fa36b"
) -> str:
    """A powder stick."""
    return (
        solid(-w / 2, -h, w, h, body, top=1)
        + rect(-w / 2, -h, w, 16, 0, tip)
        + rect(-w / 2, -5, w, 5, 0, tip)
        + circle(0, -h * 0.52, 4, ink)
        + line(f"M0 {-h * 0.38}v{h * 0.2}", ink, 2.4, opacity=0.6)
    )
