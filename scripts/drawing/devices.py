"""Beauty devices."""

from __future__ import annotations

from drawing.canvas import (
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
    ring,
    shape,
    solid,
)


@shape
def rf_wand(body: str = "#f4f1ee", accent: str = "#c9a37f", screen: str = "#2b3432") -> str:
    """A radio-frequency wand: a round head with electrodes on a curved handle."""
    electrodes = ring(6, lambda: circle(0, -17, 5, lighter(accent, 0.3))) + circle(
        0, 0, 6, lighter(accent, 0.3)
    )
    return (
        lit("M-19 0Q-22-56-16-100H16Q22-56 19 0 18 8 0 8T-19 0z", body)
        + rect(-9, -78, 18, 34, 6, screen)
        + line("M-4-66H4M-4-59H2", "#8fe0cf", 2.6)
        + circle(0, -26, 7, accent)
        + circle(0, -26, 3, body)
        + circle(0, -124, 38, darker(body, 0.06))
        + circle(0, -124, 38, "url(#l)")
        + circle(0, -124, 29, accent)
        + group(electrodes, 0, -124)
    )


@shape
def sonic_brush(body: str = "#e58fa2", base: str = WHITE) -> str:
    """A silicone cleansing brush, drop-shaped, with bristles."""
    bristles = "".join(
        circle(x, y, 3.2, lighter(body, 0.42))
        for y, xs in (
            (-136, (-8, 4)),
            (-124, (-20, -8, 4, 16)),
            (-112, (-26, -14, -2, 10, 22)),
            (-100, (-28, -16, -4, 8, 20)),
            (-88, (-24, -12, 0, 12, 22)),
            (-76, (-16, -4, 8)),
        )
        for x in xs
    )
    return (
        lit("M0 0C-28 0-32-26-34-54-46-84-44-152 0-156 44-152 46-84 34-54 32-26 28 0 0 0z", body)
        + bristles
        + circle(0, -38, 13, base)
        + path("M-4-44 6-38-4-32z", body)
        + rect(-9, -15, 18, 4, 2, WHITE, opacity=0.8)
    )


@shape
def led_mask(body: str = "#f6f6f4", led: str = "#e5484d", strap: str = "#3a4644") -> str:
    """A light mask with its rows of diodes."""
    dots = "".join(
        circle(x, y, 3.4, led) + circle(x, y, 6.4, led, opacity=0.2)
        for y, xs in (
            (-140, (-34, -17, 0, 17, 34)),
            (-122, (-44, -22, 0, 22, 44)),
            (-72, (-46, -28, 28, 46)),
            (-54, (-40, -24, 24, 40)),
            (-24, (-24, -8, 8, 24)),
        )
        for x in xs
    )
    return (
        path("M-64-116h-16v22h16zM64-116h16v22H64z", strap)
        + lit("M0-160C48-160 68-134 66-98 64-48 36-2 0-2S-64-48-66-98C-68-134-48-160 0-160z", body)
        + path("M-50-96q20-15 38 0-18 13-38 0zM50-96q-20-15-38 0 18 13 38 0z", darker(body, 0.3))
        + path("M0-96q-10 32-12 40 12 8 24 0-2-8-12-40z", darker(body, 0.12))
        + path("M-17-39q17-7 34 0-17 10-34 0z", darker(body, 0.3))
        + dots
    )


@shape
def hair_dryer(body: str = "#6f86a8", accent: str = "#e7c9a4") -> str:
    """A hair dryer that blows to the left."""
    return (
        lit("M8-84H40L30 0Q29 8 20 8H4Q-4 8-2 0z", darker(body, 0.12))
        + rect(9, -58, 16, 8, 4, accent)
        + rect(8, -44, 15, 8, 4, lighter(body, 0.5))
        + solid(-82, -143, 22, 56, INK, top=4)
        + lit("M-64-150H30C56-150 70-136 70-115S56-80 30-80H-64z", body)
        + rect(-50, -150, 5, 70, 0, accent)
        + circle(36, -115, 24, darker(body, 0.22))
        + group(ring(8, lambda: line("M0-8v-9", lighter(body, 0.35), 3.4)), 36, -115)
        + circle(36, -115, 5, accent)
        + "".join(line(f"M-92 {y}q-10-6-20 0t-18 0", "#ffffff", 4, opacity=0.85) for y in (-132, -115, -98))
    )


@shape
def ipl(body: str = "#f5f4f6", accent: str = "#8f86c9", flash: str = "#ffe39a") -> str:
    """A hand-held flash device."""
    return (
        path("M-54-150-104-166V-110L-54-122z", flash, opacity=0.75)
        + solid(-60, -156, 18, 42, INK, top=4)
        + lit("M-46-162H18C52-162 62-136 54-112L40-10Q38 4 26 4H4Q-8 4-8-8L-6-108H-46z", body)
        + path("M-46-116h56q12 0 11 10l-6 98q0 6-8 6", "none", stroke=accent, stroke_width=4)
        + circle(20, -136, 11, accent)
        + path("M22-144l-8 10h6l-2 8 8-11h-6l3-7z", WHITE)
        + "".join(
            circle(24 - i * 1.2, -96 + i * 12, 3, accent if i < 3 else darker(body, 0.2)) for i in range(5)
        )
    )


@shape
def eye_massager(body: str = "#4f6f86", pad: str = "#e9eef1", strap: str = "#2b3a45") -> str:
    """Massage goggles with their strap."""
    return (
        line("M-74-84C-84-150 84-150 74-84", strap, 13)
        + lit(
            "M-84-90Q-84-106-66-106H66Q84-106 84-90V-60C84-34 66-24 46-24 22-24 18-52 0-52S-22-24-46-24C-66-24-84-34-84-60z",
            body,
        )
        + ellipse(-44, -66, 26, 22, pad)
        + ellipse(44, -66, 26, 22, pad)
        + "".join(
            circle(x + dx, -66 + dy, 4, darker(pad, 0.16))
            for x in (-44, 44)
            for dx, dy in ((0, 0), (-12, 0), (12, 0), (0, -11), (0, 11))
        )
        + rect(-12, -98, 24, 9, 4.5, "#8fe0cf")
        + "".join(line(f"M{x}-126q-6-8 0-15t0-15", "#ee9a76", 4) for x in (-30, 0, 30))
    )


@shape
def magnifier(frame: str = "#0b7264", glass: str = "#dff2ee") -> str:
    """A magnifying glass, its handle to the lower right."""
    return (
        line("M20 20 48 50", darker(frame), 13)
        + circle(0, 0, 31, frame)
        + circle(0, 0, 24, glass)
        + line("M-14-4a15 15 0 0 1 10-11", WHITE, 4)
    )


@shape
def handpiece(body: str = "#f4f4f2", accent: str = "#5ea1cb") -> str:
    """A treatment pen, tip to the left below."""
    return (
        lit(box_path(-10, -74, 20, 74, 9, 4), body)
        + rect(-10, -24, 20, 5, 0, accent)
        + solid(-7, -4, 14, 13, accent, top=2, bottom=5)
    )


@shape
def meter(body: str = "#2f4a55", screen: str = "#dff2ee", bars: str = "#0b7264") -> str:
    """A tablet with a chart of measures."""
    columns = "".join(
        rect(-32 + i * 10, -30 - h, 6, h, 2, bars if i % 3 else "#ad3f28")
        for i, h in enumerate((20, 34, 26, 44, 30, 38, 22))
    )
    return (
        solid(-44, -104, 88, 104, body, top=9)
        + rect(-38, -97, 76, 84, 4, screen)
        + columns
        + rect(-30, -89, 30, 4, 2, bars)
        + circle(0, -6.5, 2.6, screen)
    )
