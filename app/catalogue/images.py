"""Uploaded product pictures: checked by content, made smaller, written anew as WebP without metadata.

What a browser is given later was written by us: a file that is a picture and something else at once does not
survive being drawn again.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import warnings
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageOps

from app.core.errors import N_, InvalidParam
from app.core.ids import new_id

FORMATS = ("JPEG", "PNG", "WEBP")
MIN_SIDE, MAX_SIDE = 200, 6000
SHOWN_SIDE = 1200
MEDIA_NAME = re.compile(r"[0-9a-f]{32}\.webp")
WRONG_TYPE = N_("Choose a JPEG, PNG or WebP picture.")
WRONG_SIZE = N_("The picture must measure 200 to 6,000 pixels on each side.")
# What Pillow raises for a file that is no picture, is broken, or would unpack to a giant.
BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)
TOO_BIG = N_("The picture file is larger than %(megabytes)s MB.")


def store_picture(file: IO[bytes], folder: Path, *, max_bytes: int) -> str:
    """Check a picture, keep it in `folder`, return its URL path. Raises InvalidParam (field `picture`)."""
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise _refused(TOO_BIG, megabytes=max_bytes // 1_000_000)
    encoded = _encode(_open(data))
    name = hashlib.sha256(encoded).hexdigest()[:32] + ".webp"
    _write(folder / name, encoded)
    return f"/media/{name}"


def _open(data: bytes) -> Image.Image:
    """The picture, not yet decoded. Size comes from its head, so a bomb is refused before it unpacks."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except BROKEN as error:
            raise _refused(WRONG_TYPE) from error
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in image.size):
        raise _refused(WRONG_SIZE)
    return image


def _encode(image: Image.Image) -> bytes:
    try:
        # Decodes a large JPEG at a fraction of its size.
        image.draft("RGB", (SHOWN_SIDE, SHOWN_SIDE))
        upright = ImageOps.exif_transpose(image)
        drawn = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except BROKEN as error:
        raise _refused(WRONG_TYPE) from error
    drawn.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    # A fresh canvas carries no EXIF, no colour profile, no comment.
    clean = Image.new(drawn.mode, drawn.size)
    clean.paste(drawn)
    clean.save(out, "WEBP", quality=86, method=4)
    return out.getvalue()


def _write(path: Path, data: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Readers see the whole file or none.
    part = path.with_name(f".{new_id()}.part")
    part.write_bytes(data)
    os.replace(part, path)


def _refused(message: str, **params: Any) -> InvalidParam:
    error = InvalidParam(message, **params)
    return InvalidParam(message, fields={"picture": error.text()}, **params)
