"""What stands beside a product and says what is in it."""

from __future__ import annotations

from drawing.canvas import (
    WHITE,
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
def drops(colour: str = "#6fb0d8") -> str:
    """Three drops in the air."""
    one = "M0-11c5 6 8 9 8 14a8 8 0 0 1-16 0c0-5 3-8 8-14z"
    return "".join(
        group(path(one, colour) + line("M-3 3a3.5 3.5 0 0 0 3 4", "#fff", 1.8, opacity=0.8), x, y, scale=s)
        for x, y, s in ((0, 0, 1.2), (20, -26, 0.8), (-14, -34, 0.55))
    )


@shape
def leaf_sprig(colour: str = "#7fae86", h: float = 84) -> str:
    """A stem with leaves in pairs."""
    leaf = "M0 0C8-14 26-16 36-8 28 4 12 8 0 0z"
    pairs = "".join(
        group(
            path(leaf, lighter(colour, i * 0.09)), 0, -h * (0.28 + i * 0.24), rotate=-14, scale=1 - i * 0.14
        )
        + group(
            path(leaf, darker(colour, 0.12 - i * 0.03)),
            0,
            -h * (0.2 + i * 0.24),
            scale=1 - i * 0.14,
            rotate=-152,
        )
        for i in range(3)
    )
    return (
        line(f"M0 0Q4 {-h / 2} 0 {-h}", darker(colour), 3)
        + pairs
        + group(path(leaf, lighter(colour, 0.3)), 0, -h, rotate=-76, scale=0.62)
    )


@shape
def bubbles(colour: str = "#9fd0d6") -> str:
    """Soap bubbles."""
    return "".join(
        circle(x, y, r, colour, opacity=0.55)
        + line(f"M{x - r * 0.55} {y - r * 0.1}a{r * 0.55} {r * 0.55} 0 0 1 {r * 0.5} {-r * 0.45}", "#fff", 2)
        for x, y, r in ((0, -14, 14), (22, -32, 9), (-12, -42, 7), (10, -58, 5))
    )


@shape
def orange(colour: str = "#f2a33c") -> str:
    """Half an orange."""
    return (
        circle(0, -30, 30, colour)
        + circle(0, -30, 25, lighter(colour, 0.75))
        + group(ring(8, lambda: path("M0-3-7-20Q0-25 7-20z", lighter(colour, 0.15))), 0, -30)
        + circle(0, -30, 30, "url(#l)")
    )


@shape
def ginger(colour: str = "#d8ab6d") -> str:
    """A root of ginger."""
    return (
        lit(
            "M-42-4C-54-14-46-30-34-28-36-44-20-50-12-38-8-54 10-56 12-40 22-50 40-42 34-28 50-28 52-6 36-3 20 2-22 4-42-4z",
            colour,
        )
        + "".join(
            line(d, darker(colour, 0.22), 2)
            for d in ("M-30-26q6 4 4 12", "M-8-36q6 6 2 14", "M16-38q6 6 2 14")
        )
        + ellipse(36, -16, 8, 9, lighter(colour, 0.45))
    )


@shape
def rose(colour: str = "#d9667b") -> str:
    """A rose head with two leaves."""
    return (
        path("M-26-10C-44-8-50-18-52-26-36-30-26-22-20-14z", "#7fa27a")
        + path("M24-8C40-4 48-12 52-20 38-26 26-20 20-12z", "#6b9168")
        + circle(0, -24, 24, colour)
        + path(
            "M-22-30C-14-46 12-48 20-34 26-20 10-4-6-8-18-12-16-28-4-32 6-34 14-26 8-18", darker(colour, 0.16)
        )
        + path("M-12-28C-8-38 10-40 14-30 17-22 8-14 0-16-8-18-7-26 0-27", lighter(colour, 0.22))
    )


@shape
def blossom(colour: str = "#f0a9bd", twig: bool = True) -> str:
    """Cherry blossoms on a twig."""
    flower = ring(5, lambda: path("M0 0C-9-6-9-16-3-19L0-16 3-19C9-16 9-6 0 0z", colour)) + circle(
        0, 0, 4, "#f8dd8b"
    )
    wood = line("M-44 4C-20-18 14-30 40-64", "#8a6a58", 4) if twig else ""
    return (
        wood
        + group(flower, -20, -14)
        + group(flower, 12, -36, scale=0.85)
        + group(flower, 36, -62, scale=0.7)
    )


@shape
def petals(colour: str = "#f0a9bd") -> str:
    """Loose petals in the air."""
    return "".join(
        group(path("M0 0C-9-6-8-16 0-20 8-16 9-6 0 0z", colour), x, y, rotate=a, scale=0.8)
        for x, y, a in ((0, 0, 30), (26, -30, -50), (-10, -56, 100))
    )


@shape
def granules(colour: str = "#c79a6a", w: float = 64) -> str:
    """A small heap of grains."""
    spots = ((-0.3, 4), (-0.12, 9), (0.06, 5), (0.2, 8), (0.34, 3), (-0.02, 14))
    return lit(f"M{-w / 2} 0Q{-w * 0.2} -22 0-22T{w / 2} 0z", colour) + "".join(
        circle(x * w, -y, 2.6, lighter(colour, 0.5)) for x, y in spots
    )


@shape
def nuts(colour: str = "#9b6b48") -> str:
    """Shea nuts, one of them open."""
    return (
        ellipse(-18, -16, 20, 16, colour)
        + ellipse(-18, -16, 20, 16, "url(#l)")
        + path("M-24-27q8-5 14 0-6 5-14 0z", lighter(colour, 0.4))
        + ellipse(18, -14, 18, 14, darker(colour))
        + ellipse(18, -15, 13, 10, "#f5e8d2")
    )


@shape
def aloe(colour: str = "#6fa877") -> str:
    """An aloe plant."""
    blades = ((-52, 8), (-26, 4), (0, 0), (26, 4), (52, 8))
    return "".join(
        group(
            path("M-9 0C-9-44-4-74 0-92 4-74 9-44 9 0z", darker(colour, 0.02 * d))
            + path("M0 0C0-44 0-70 0-92 4-74 9-44 9 0z", darker(colour, 0.16)),
            rotate=a,
        )
        for a, d in blades
    )


@shape
def scoop(colour: str = "#c79a6a") -> str:
    """A wooden scoop."""
    return (
        lit("M-60-10q0-8 8-8h46v12h-46q-8 4-8-4z", colour)
        + lit("M-8-24h30q26 0 26 14T22 0H6Q-8-2-8-24z", darker(colour, 0.06))
        + path("M-2-21h26q18 0 18 7H2q-4 0-4-7z", lighter(colour, 0.55))
    )


@shape
def salt(colour: str = "#f7dfe0") -> str:
    """Crystals of salt."""
    return "".join(
        path(f"M{x} 0l{-s} {-s * 0.8} {s * 0.5} {-s} {s} {s * 0.1} {s * 0.6} {s}z", c)
        for x, s, c in ((-18, 13, darker(colour, 0.08)), (6, 17, colour), (28, 11, lighter(colour, 0.4)))
    )


@shape
def moon_stars(colour: str = "#f2d58a") -> str:
    """A moon and two stars in the air."""
    star = "M0-10C1-3 3-1 10 0 3 1 1 3 0 10-1 3-3 1-10 0-3-1-1-3 0-10z"
    return (
        path("M16 8A20 20 0 1 1-6-20 16 16 0 0 0 16 8z", colour)
        + group(path(star, colour), 24, -22, scale=0.8)
        + group(path(star, colour), 36, 4, scale=0.5)
    )


@shape
def sun_disc(colour: str = "#f3b84b") -> str:
    """A sun in the air."""
    return circle(0, 0, 17, colour) + ring(10, lambda: line("M0-24v-7", colour, 4))


@shape
def mist(colour: str = "#ffffff") -> str:
    """A cone of spray to the left of its origin."""
    spots = (
        (-16, 0, 3),
        (-30, -7, 4),
        (-30, 7, 3.5),
        (-46, -13, 4.5),
        (-46, 0, 5),
        (-46, 13, 4),
        (-64, -19, 4),
        (-64, -5, 5.5),
        (-64, 10, 5),
        (-62, 23, 3),
    )
    return "".join(circle(x, y, r, colour, opacity=0.8) for x, y, r in spots)


@shape
def paste(colour: str = "#b9a58e") -> str:
    """A smear of cream on the ground."""
    return lit("M-34-6C-36-20-18-22-8-18-2-30 18-26 18-16 32-18 38-4 24-1 8 2-30 4-34-6z", colour)


@shape
def card(colour: str = WHITE, ink: str = "#b5382c") -> str:
    """A greeting card that stands."""
    return (
        path("M-22 0-26-46 14-50 18-2z", darker(colour, 0.12))
        + path("M-14 0-18-46 22-48 26 0z", colour)
        + group(
            path("M0 9C-8 4-10 0-10-4A5.3 5.3 0 0 1 0-6 5.3 5.3 0 0 1 10-4C10 0 8 4 0 9z", ink),
            4,
            -24,
            scale=0.9,
        )
    )


@shape
def duck(colour: str = "#f6c64e") -> str:
    """A bath duck."""
    return (
        lit("M-30-20C-34-2-18 0 0 0 20 0 34-6 32-24 24-18 14-22 10-26-6-30-26-30-30-20z", colour)
        + circle(-14, -38, 17, colour)
        + circle(-14, -38, 17, "url(#l)")
        + path("M-30-38q-14 0-13 6 8 3 14-1z", "#ec8b3a")
        + circle(-19, -42, 2.6, "#2b2422")
        + path("M0-16q12 6 20-4-2 14-14 12-6-2-6-8z", darker(colour, 0.12))
    )


@shape
def towel(colour: str = "#fdfefd", accent: str = "#9ccabb") -> str:
    """Two folded towels."""
    return solid(-52, -18, 104, 18, colour, top=9) + solid(-46, -36, 92, 18, accent, top=9)


@shape
def candle(colour: str = "#f4e3cf") -> str:
    """A lit candle."""
    return (
        solid(-15, -38, 30, 38, colour, top=3, bottom=6)
        + line("M0-38v-6", "#5a4a40", 2)
        + path("M0-62c6 8 7 11 7 14a7 7 0 0 1-14 0c0-3 1-6 7-14z", "#f0b24a")
        + rect(-15, -16, 30, 4, 0, darker(colour, 0.12))
    )
