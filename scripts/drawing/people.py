"""People in treatment: one calm face, differently wrapped, and the hands that care for it.

Busts run off the lower edge of the picture: their ground (y = 0) lies well inside it.
"""

from __future__ import annotations

from drawing.canvas import (
    CHEEK,
    SKIN,
    SKIN_SHADE,
    WHITE,
    circle,
    darker,
    ellipse,
    group,
    lighter,
    line,
    path,
    rect,
    ring,
    shape,
)

FACE = "M0-152C28-152 41-132 40-106 39-78 22-58 0-58S-39-78-40-106C-41-132-28-152 0-152z"


def features(lips: str = "#c9776b", *, awake: bool = False) -> str:
    """Eyes, brows, nose, mouth, cheeks."""
    eyes = (
        circle(-16, -104, 3.4, "#43312b") + circle(16, -104, 3.4, "#43312b")
        if awake
        else line("M-24-105q8 7 15 0M9-105q7 7 15 0", "#6b4a3f", 2.6)
    )
    return (
        ellipse(-25, -88, 8, 5.5, CHEEK, opacity=0.5)
        + ellipse(25, -88, 8, 5.5, CHEEK, opacity=0.5)
        + line("M-25-119q8-5 15-1M10-120q7-4 15 1", "#6b4a3f", 2.4)
        + eyes
        + line("M1-103q-4 11-1 13 3 1 5 0", SKIN_SHADE, 2.4)
        + line("M-8-75q8 6 16 0", lips, 3.4)
    )


def body(robe: str, *, bare: bool = False) -> str:
    """Neck and shoulders; bare shoulders stand in a towel."""
    neck = path("M-15-80H15V-46C15-30 0-24 0-24S-15-30-15-46z", SKIN_SHADE)
    if bare:
        skin = path(
            "M-98 44C-98-14-70-24-40-30-24-33-16-38-15-48 -6-32 6-32 15-48 16-38 24-33 40-30 70-24 98-14 98 44z",
            SKIN,
        )
        bones = line("M-34-16q16 2 26 9M34-16q-16 2-26 9", SKIN_SHADE, 2.6)
        return neck + skin + bones + path("M-84 44C-80 18-76 12-72 10Q0 26 72 10C76 12 80 18 84 44z", robe)
    cloth = path(
        "M-92 44C-92-10-66-24-38-30-26-33-18-38-17-46L0-14 17-46C18-38 26-33 38-30 66-24 92-10 92 44z", robe
    )
    chest = path("M-17-48 0-12 17-48Q10-34 0-34T-17-48z", SKIN)
    return neck + cloth + chest + line("M-18-46 2-8V44M18-46 2-8", darker(robe, 0.12), 3)


def face() -> str:
    """Ears and the face itself, lit."""
    return circle(-40, -104, 8, SKIN_SHADE) + circle(40, -104, 8, SKIN_SHADE) + path(FACE, SKIN)


def turban(colour: str) -> str:
    """A towel around the hair."""
    return (
        path("M-44-112C-52-156-34-186 2-186 40-186 54-154 44-112 30-134-28-136-44-112z", colour)
        + path("M30-180C52-164 52-138 44-112 36-126 32-131 22-135 34-148 36-166 30-180z", darker(colour, 0.1))
        + line("M-40-126C-20-150 20-152 30-178M-30-138C-30-160-6-178 12-182", darker(colour, 0.14), 2.6)
    )


def hairline(colour: str) -> str:
    """Hair combed back from the forehead."""
    return path(
        "M-42-106C-48-150-24-166 0-166S48-150 42-106C38-130 22-142-4-142-26-140-38-126-42-106z", colour
    )


def long_hair(colour: str) -> str:
    """Hair behind face and shoulders."""
    return path(
        "M0-168C44-168 56-134 54-96 53-66 62-40 70-18 40-26 20-30 0-30S-40-26-70-18C-62-40-53-66-54-96-56-134-44-168 0-168z",
        colour,
    )


def hand(sleeve: str = WHITE) -> str:
    """A hand that comes from the lower right, its fingers to the left."""
    fingers = "".join(line(d, SKIN, 10) for d in ("M-6-10-30-15", "M-8-2-34-4", "M-8 6-32 8"))
    return (
        line("M10 8 62 54", SKIN, 25)
        + line("M52 46 92 82", sleeve, 36)
        + fingers
        + circle(2, 0, 17, SKIN)
        + line("M-10-6-26-8M-10 2-28 2", SKIN_SHADE, 1.8)
        + line("M-2 12-20 20", SKIN, 10)
    )


@shape
def hydration(robe: str = WHITE, towel: str = "#bfe0dc", mask: str = "#e9f5fb") -> str:
    """A face under a hydrating sheet."""
    sheet = path(
        "M0-148C26-148 37-130 36-106 35-82 20-62 0-62S-35-82-36-106C-37-130-26-148 0-148zM-26-106q10-11 20 0-10 9-20 0zM6-106q10-11 20 0-10 9-20 0zM-9-76q9-6 18 0-9 8-18 0z",
        mask,
        fill_rule="evenodd",
        opacity=0.92,
    )
    shine = line("M-26-122q4-14 16-18M26-84q-4 8-10 12", WHITE, 3.4)
    return body(robe) + face() + features() + sheet + shine + turban(towel)


@shape
def massage(hair: str = "#4a372f", towel: str = "#cfe6dd") -> str:
    """Bare shoulders with a masseur's hands on them."""

    def fingers(side: int) -> str:
        x = 58 * side
        strokes = "".join(
            line(f"M{x + dx * side} -34l{-5 * side} 26", lighter(SKIN, 0.22), 10.5) for dx in (-15, -4, 7, 18)
        )
        edges = "".join(
            line(f"M{x + dx * side} -26l{-4 * side} 17", SKIN_SHADE, 1.6) for dx in (-9.5, 1.5, 12.5)
        )
        arm = line(f"M{x + 4 * side} -40L{x + 44 * side} -104", lighter(SKIN, 0.12), 25) + line(
            f"M{x + 36 * side} -92L{x + 58 * side} -128", "#7fb5a6", 34
        )
        return arm + ellipse(x + 2 * side, -38, 25, 13, lighter(SKIN, 0.22)) + strokes + edges

    bun = circle(0, -176, 19, hair)
    return body(towel, bare=True) + bun + face() + features() + hairline(hair) + fingers(1) + fingers(-1)


@shape
def scalp(robe: str = "#e5e0f1", hair: str = "#57402f") -> str:
    """Loose hair under a magnifying glass."""
    glass = (
        circle(0, 0, 36, "#0b7264")
        + circle(0, 0, 28, "#f6ddc9")
        + "".join(
            line(f"M{x} {y}q-4-14 3-22", "#57402f", 3.2) + circle(x, y, 2.6, SKIN_SHADE)
            for x, y in ((-12, 2), (2, -1), (15, 4), (-5, 18), (10, 20))
        )
    )
    handle = line("M26 26 52 56", "#085d52", 12)
    return (
        long_hair(hair)
        + body(robe)
        + face()
        + features()
        + hairline(hair)
        + path("M-4-166q6 10 2 24", hair, stroke=lighter(hair, 0.25), stroke_width=2.4)
        + group(handle + glass + line("M-17-8a19 19 0 0 1 11-11", WHITE, 3.6), 42, -140)
    )


@shape
def skin_test(robe: str = "#dbe9e4", hair: str = "#3d302b") -> str:
    """A face in a measuring frame."""
    corner = line("M-62-150v-22h22M62-150v-22h-22M-62-68v22h22M62-68v22h-22", "#0b7264", 5)
    points = "".join(
        circle(x, y, 3.6, "#0b7264")
        for x, y in ((0, -132), (20, -122), (30, -96), (16, -84), (24, -74), (4, -64))
    )
    mesh = line(
        "M0-132 20-122 30-96 16-84 24-74 4-64M0-132 0-90 16-84M20-122 16-84M0-90 4-64",
        "#0b7264",
        1.5,
        opacity=0.7,
    )
    scan = rect(-62, -112, 124, 3, 1.5, "#4fb8a6")
    return (
        long_hair(hair)
        + body(robe)
        + face()
        + features(awake=True)
        + hairline(hair)
        + mesh
        + points
        + scan
        + corner
    )


@shape
def firming(robe: str = WHITE, towel: str = "#f1d9c4", device: str = "#c9a37f") -> str:
    """A treatment head at the cheek."""
    tool = (
        line("M4 4 66 52", device, 17)
        + circle(-4, -2, 20, "#f4f1ee")
        + circle(-6, -3, 15, device)
        + ring(6, lambda: circle(0, -8, 2.6, lighter(device, 0.5)))
    )
    holder = group(hand("#9ccabb"), 82, -56, scale=0.92)
    return body(robe) + face() + features() + turban(towel) + group(tool, 38, -92) + holder


@shape
def bride(dress: str = WHITE, hair: str = "#4a3328", flower: str = "#f1b6b8") -> str:
    """A bride with veil and flowers."""
    veil = path(
        "M0-186C58-186 70-140 78-92 84-48 96-8 108 44H-108C-96-8-84-48-78-92-70-140-58-186 0-186z",
        WHITE,
        opacity=0.72,
    )
    # Five dots of a dashed circle are five petals.
    petals = circle(
        0, 0, 6, "none", stroke=flower, stroke_width=8.5, stroke_dasharray="0 7.54", stroke_linecap="round"
    )
    bloom = petals + circle(0, 0, 3, "#f6dd90")
    crown = "".join(
        group(bloom, x, y, scale=s)
        for x, y, s in (
            (-34, -146, 0.9),
            (-18, -158, 1.05),
            (0, -162, 1.2),
            (18, -158, 1.05),
            (34, -146, 0.9),
        )
    )
    return (
        veil
        + body(dress, bare=True)
        + face()
        + features("#b5382c")
        + hairline(hair)
        + crown
        + circle(-42, -90, 3.4, "#f3efe6")
        + circle(42, -90, 3.4, "#f3efe6")
        + line("M-13-40q13 12 26 0", "#d3ab55", 2.4)
    )


@shape
def cleansing(robe: str = "#e3eef5", band: str = "#8fbcd6", hair: str = "#3d302b") -> str:
    """A cleansing pen at the cheek, bubbles around it."""
    pen = path("M-8-70H8V-8L4 6H-4L-8-8z", "#f7f7f5") + path("M-8-14H8V-8L4 6H-4L-8-8z", "#5ea1cb")
    foam = "".join(
        circle(x, y, r, "#bfe1f0", opacity=0.9)
        + line(f"M{x - r * 0.5} {y - r * 0.1}a{r * 0.5} {r * 0.5} 0 0 1 {r * 0.45} {-r * 0.4}", WHITE, 1.8)
        for x, y, r in (
            (-70, -120, 12),
            (-60, -92, 7),
            (-78, -84, 5),
            (62, -150, 8),
            (76, -132, 5),
            (-58, -146, 5),
        )
    )
    headband = path("M-42-112C-47-150-24-160 0-160S47-150 42-112C38-130 22-140 0-140S-38-130-42-112z", band)
    knot = circle(0, -178, 20, hair) + path("M-40-126C-46-160-22-172 0-172S46-160 40-126z", hair)
    return (
        knot
        + body(robe)
        + face()
        + features()
        + headband
        + foam
        + group(pen, 32, -84, rotate=58)
        + group(hand("#9ccabb"), 82, -92, scale=0.86)
    )
