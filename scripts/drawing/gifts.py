"""Gift boxes, kits, masks and socks: things that hold or hang."""

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
from drawing.containers import dropper, glass_jar, jar, pump, tube
from drawing.makeup import lipstick


def mirrored(content: str) -> str:
    """The drawing seen in a mirror that stands on x = 0."""
    return f'<g transform="scale(-1 1)">{content}</g>'


def bow(colour: str) -> str:
    """A ribbon bow around its knot."""
    loop = "M0 0C-12-22-40-24-38-8-36 8-14 8 0 0z"
    tail = "M-3 2C-10 14-18 20-26 24L-18 28-12 34C-6 24 0 14 3 4z"
    left = (
        path(tail, darker(colour, 0.14))
        + path(loop, colour)
        + path("M-6-3C-14-14-30-16-30-8-28 0-14 2-6-3z", darker(colour, 0.18))
    )
    return left + mirrored(left) + rect(-7, -7, 14, 14, 5, lighter(colour, 0.12))


@shape
def gift_box(
    box: str = "#e3b9a8", ribbon: str = "#b9472f", w: float = 168, h: float = 62, inside: str = ""
) -> str:
    """An open box, ribbon around it, `inside` showing above its edge: care | mum."""
    a = w / 2
    sets = {"care": care_set, "mum": mum_set}
    content = group(sets[inside](), 0, -h + 26) if inside else ""
    paper = path(
        f"M{-a + 8} {-h + 2}l14-12 16 10 18-14 20 13 18-12 20 14 18-13 18 12 12-9V{-h + 6}H{-a + 8}z",
        lighter(box, 0.75),
    )
    front = path(box_path(-a, -h, w, h, 4, 8), box) + path(
        f"M{a * 0.5} {-h}H{a}V-8Q{a} 0 {a - 8} 0H{a * 0.5}z", INK, opacity=0.06
    )
    return content + paper + front + rect(-9, -h, 18, h, 0, ribbon) + group(bow(ribbon), 0, -h + 6)


def care_set() -> str:
    """Serum, cream and cleanser."""
    return (
        group(dropper(body="#9cc6e2", cap="#2f6e96", w=44, h=72), 0, 0)
        + group(tube(body=WHITE, cap="#5ea1cb", ink="#5ea1cb", mark="bubbles", w=44, h=84, cap_h=14), -50, 0)
        + group(jar(w=50, h=44, lid="#2f6e96", ink="#2f6e96", mark="moon", lid_h=22), 50, -8)
    )


def mum_set() -> str:
    """Body lotion, hand cream and a box of tea."""
    tea = (
        rect(28, -66, 46, 66, 2, "#b9cfa4")
        + circle(51, -46, 10, WHITE)
        + group(path("M-9 9C-11-4-2-10 10-10 10 3 4 10-6 8z", "#6b8f4e"), 51, -46, scale=0.7)
    )
    return (
        group(pump(body="#fbf3e6", cap="#c08a5b", ink="#c08a5b", mark="leaf", w=50, h=76), -8, 0)
        + group(tube(body="#f4cfd4", cap=GOLD, ink="#c85f6d", mark="flower", w=34, h=78, cap_h=12), -56, 0)
        + tea
    )


@shape
def lip_box(box: str = "#3a2523", lining: str = "#f3dcd7", colours: str = "#c3342b,#b76e6a") -> str:
    """A flat box with two lipsticks standing in it, its lid behind."""
    first, second = colours.split(",")
    return (
        path(box_path(-74, -148, 148, 92, 8, 2), box)
        + rect(-64, -138, 128, 78, 4, lighter(box, 0.12))
        + path("M0-86C-8-91-10-95-10-99A5.3 5.3 0 0 1 0-101 5.3 5.3 0 0 1 10-99C10-95 8-91 0-86z", GOLD)
        + group(lipstick(first, h=44), -30, -20, scale=0.9)
        + group(lipstick(second, case="#8c6f68", h=44), 30, -20, scale=0.9)
        + path("M-74-34H74V-26H-74z", lining)
        + path(box_path(-78, -34, 156, 34, 3, 8), lighter(box, 0.06))
        + rect(-78, -19, 156, 4, 0, GOLD)
    )


@shape
def two_layer_box(box: str = "#b5302b", gold: str = "#e0b95f") -> str:
    """A red box of two drawers, the lower one pulled out."""
    jars = "".join(group(glass_jar(w=40, h=34, lid_colour=gold), x, -24, scale=0.9) for x in (-44, 0, 44))
    plum = "".join(group(circle(0, -5, 4.6, gold), rotate=72 * i) for i in range(5)) + circle(0, 0, 2.6, box)
    return (
        path(box_path(-70, -156, 140, 92, 6, 2), darker(box, 0.12))
        + rect(-60, -148, 120, 76, 3, "none", stroke=gold, stroke_width=2.4)
        + group(plum, 0, -110, scale=2)
        + rect(-70, -66, 140, 26, 0, darker(box, 0.45))
        + jars
        + path(box_path(-82, -38, 164, 38, 2, 6), box)
        + rect(-82, -32, 164, 3, 0, gold)
        + circle(0, -16, 7, gold)
        + circle(0, -16, 3.4, box)
    )


@shape
def travel_pouch(body: str = "#a9cfd6", trim: str = "#2f6e7c") -> str:
    """A clear zip bag with minis in it."""

    def mini(colour: str, cap: str, w: float, h: float) -> str:
        return solid(-w / 2, -h, w, h, colour, top=5, bottom=5) + solid(
            -w * 0.3, -h - 12, w * 0.6, 13, cap, top=3, bottom=1
        )

    minis = "".join(
        group(mini(c, k, w, h), x, -10)
        for x, c, k, w, h in (
            (-62, "#f4cfd4", "#c85f6d", 22, 46),
            (-38, WHITE, "#5a8a64", 22, 62),
            (-13, "#f2c98e", "#b8621c", 24, 40),
            (12, "#9cc6e2", "#2f6e96", 22, 58),
            (37, WHITE, "#8d74c9", 24, 44),
            (62, "#cfe3bf", "#5a8a64", 22, 54),
        )
    )
    return (
        line("M84-92q22 4 18 30t-14 20", trim, 6)
        + path(
            "M-84-100H84Q92-50 86-10 85 0 74 0H-74Q-85 0-86-10-92-50-84-100z",
            lighter(body, 0.4),
            opacity=0.75,
        )
        + minis
        + path(
            "M-84-100H84Q92-50 86-10 85 0 74 0H-74Q-85 0-86-10-92-50-84-100z",
            body,
            opacity=0.22,
            stroke=body,
            stroke_width=3,
        )
        + path("M-66-92-76-20h10L-54-92z", WHITE, opacity=0.6)
        + rect(-88, -108, 176, 13, 5, trim)
        + rect(50, -112, 26, 9, 4, GOLD)
    )


@shape
def face_sheet(colour: str = "#f7faf7", edge: str = "#bcd8c8") -> str:
    """A sheet mask, spread out."""
    outline = "M0-128C36-128 54-104 54-74 54-34 30 0 0 0S-54-34-54-74C-54-104-36-128 0-128z"
    holes = path(
        "M-36-80q14-14 26 0-12 10-26 0zM36-80q-14-14-26 0 12 10 26 0zM-16-34q16-11 32 0-16 12-32 0z", edge
    )
    slits = line("M-54-92h14M54-92H40M-42-26l11-8M42-26l-11-8M0-128v12M0 0v-9", edge, 3)
    return (
        lit(outline, colour, stroke=edge, stroke_width=2.4)
        + holes
        + slits
        + line("M0-66q-7 18-2 22 3 2 8 0", edge, 3)
    )


@shape
def socks(colour: str = "#cfe3bf", cuff: str = "#7fa27a") -> str:
    """A pair of foot masks."""

    def sock(tint: str) -> str:
        return (
            lit("M-18-104H16V-46C16-34 24-28 42-22 58-16 58 0 40 0H-2C-14 0-20-8-19-20z", tint)
            + solid(-21, -112, 40, 16, cuff, top=4, bottom=2)
            + path("M34-24c10 4 18 6 17 14-2 8-14 8-20 6z", lighter(tint, 0.5))
        )

    heart = path("M0 9C-8 4-10 0-10-4A5.3 5.3 0 0 1 0-6 5.3 5.3 0 0 1 10-4C10 0 8 4 0 9z", cuff)
    return (
        group(sock(darker(colour, 0.1)), 22, -12)
        + group(sock(colour), -24, 0)
        + group(heart, -25, -62, scale=0.9)
    )


@shape
def bear_bottle(body: str = "#f3c76b", cap: str = "#e58a5b") -> str:
    """A children's bottle with a bear's face."""
    return (
        solid(-13, -140, 26, 20, cap, top=6, bottom=2)
        + circle(-30, -112, 15, darker(body, 0.1))
        + circle(30, -112, 15, darker(body, 0.1))
        + circle(-30, -112, 8, lighter(body, 0.4))
        + circle(30, -112, 8, lighter(body, 0.4))
        + lit(
            "M0-124C30-124 44-104 42-78 50-60 48-30 44-14Q42 0 28 0H-28Q-42 0-44-14C-48-30-50-60-42-78-44-104-30-124 0-124z",
            body,
        )
        + ellipse(0, -74, 19, 14, lighter(body, 0.6))
        + circle(-16, -90, 3.6, INK)
        + circle(16, -90, 3.6, INK)
        + ellipse(0, -79, 6, 4.4, INK)
        + line("M0-76v5M-7-69q7 6 14 0", INK, 2.4)
        + ellipse(0, -28, 24, 19, lighter(body, 0.6))
        + path("M0-40c5 6 8 9 8 14a8 8 0 0 1-16 0c0-5 3-8 8-14z", "#6fb0d8")
    )
