"""Draw the catalogue and the shop's other pictures.

One SVG per product, from `scripts/drawing/products.toml`, in `static/img/products/`. `--sheet FILE` also
writes a page with all products on their pastels, to look at. `--check` only tells whether the files are
what the drawings make.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drawing import containers, devices, food, gifts, makeup, people, props  # noqa: F401 - they register shapes
from drawing.canvas import INK, SHAPES, ellipse, group, tidy
from drawing.scenes import SCENES, document

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "static" / "img"
MAX_BYTES = 4096
MIDDLE, GROUND = 120, 204
TINTS = {
    "SKN": "#e4eef4",
    "MKP": "#f8e5e1",
    "HAR": "#ece8f4",
    "BDY": "#fbeedc",
    "DEV": "#e6eaed",
    "FOD": "#e9f0de",
}
TINTS |= {"GFT": "#f6e3e6", "SRV": "#dfefe9"}
PLACING = ("shape", "x", "y", "scale", "rotate")


def draw_item(item: dict[str, Any]) -> str:
    """Draw one thing of a picture where its entry places it."""
    own = {key: value for key, value in item.items() if key not in PLACING}
    drawing = SHAPES[item["shape"]](**own)
    return group(
        drawing, item.get("x", 0), item.get("y", 0), scale=item.get("scale", 1), rotate=item.get("rotate", 0)
    )


def shadows(items: list[dict[str, Any]]) -> str:
    """One soft shadow on the ground below all that stands there."""
    places = [item.get("x", 0) for item in items if item.get("y", 0) > -50] or [0]
    left, right = max(min(places) - 54, -108), min(max(places) + 54, 108)
    return ellipse((left + right) / 2, 1, (right - left) / 2, 7, INK, opacity=0.1)


def picture(entry: dict[str, Any]) -> str:
    """The whole SVG of one product."""
    items = entry["items"]
    # People run off the lower edge: they stand on nothing.
    content = ("" if entry.get("bust") else shadows(items)) + "".join(draw_item(item) for item in items)
    return document(group(content, MIDDLE, GROUND), 240, 240)


def draw_all() -> dict[str, str]:
    """Every picture by its path below `static/img`, without the ending."""
    entries = tomllib.loads((Path(__file__).parent / "drawing" / "products.toml").read_text())
    products = {f"products/{sku}": picture(entry) for sku, entry in entries.items()}
    scenes = {name: draw() for name, draw in SCENES.items()}
    return {name: tidy(svg) for name, svg in (products | scenes).items()}


def contact_sheet(pictures: dict[str, str]) -> str:
    """A page with every product on its category's pastel."""
    cells = "".join(
        f'<figure style="background:{TINTS[Path(name).name[:3]]}"><img src="{(IMAGES / name).as_uri()}.svg">'
        f"<figcaption>{Path(name).name}</figcaption></figure>"
        for name in pictures
        if name.startswith("products/")
    )
    style = (
        "body{margin:12px;display:grid;grid-template-columns:repeat(8,1fr);gap:8px;font:11px sans-serif}"
        "figure{margin:0;border-radius:12px}img{width:100%;display:block}figcaption{padding:0 8px 5px}"
    )
    return f"<!doctype html><meta charset=utf-8><style>{style}</style>{cells}"


def is_stale(name: str, svg: str) -> bool:
    """Tell whether the file differs from its drawing."""
    target = IMAGES / f"{name}.svg"
    return not target.is_file() or target.read_text() != svg


def main() -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(description="Draw the catalogue's pictures.")
    parser.add_argument("--check", action="store_true", help="only tell whether the files are up to date")
    parser.add_argument("--sheet", type=Path, help="write a page with all products to look at")
    options = parser.parse_args()
    pictures = draw_all()
    heavy = [name for name, svg in pictures.items() if name.startswith("products/") and len(svg) > MAX_BYTES]
    stale = [name for name, svg in pictures.items() if is_stale(name, svg)]
    if not options.check:
        (IMAGES / "products").mkdir(parents=True, exist_ok=True)
        for name in stale:
            (IMAGES / f"{name}.svg").write_text(pictures[name])
    if options.sheet:
        options.sheet.write_text(contact_sheet(pictures))
    print(
        f"{len(pictures)} pictures, {len(stale)} changed, heavier than {MAX_BYTES} bytes: {heavy or 'none'}"
    )
    return 1 if heavy or (options.check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
