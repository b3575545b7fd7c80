"""Uploaded pictures: what they are is decided by content, and nothing of the upload survives but its pixels."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image

from app.catalogue.images import store_picture
from app.core.errors import InvalidParam
from app.runtime import settings

MAX_BYTES = 5_000_000


def picture(
    kind: str = "JPEG", size: tuple[int, int] = (400, 300), mode: str = "RGB", **options: object
) -> io.BytesIO:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, kind, **options)  # type: ignore[arg-type]
    out.seek(0)
    return out


def stored(folder: Path, url: str) -> Image.Image:
    return Image.open(folder / url.removeprefix("/media/"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_writes_every_accepted_kind_anew_as_webp(tmp_path: Path, kind: str) -> None:
    image = stored(tmp_path, store_picture(picture(kind), tmp_path, max_bytes=MAX_BYTES))
    assert (image.format, image.size) == ("WEBP", (400, 300))


def test_metadata_does_not_survive_but_the_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken at home"
    url = store_picture(picture(size=(400, 300), exif=exif), tmp_path, max_bytes=MAX_BYTES)
    image = stored(tmp_path, url)
    assert image.size == (300, 400)
    assert not image.getexif() and "exif" not in image.info and "icc_profile" not in image.info
    assert b"taken at home" not in (tmp_path / url.removeprefix("/media/")).read_bytes()


def test_transparency_stays_and_large_ones_are_made_smaller(tmp_path: Path) -> None:
    url = store_picture(picture("PNG", (3000, 1500), "RGBA"), tmp_path, max_bytes=MAX_BYTES)
    image = stored(tmp_path, url)
    assert (image.mode, image.size) in (("RGBA", (1200, 600)), ("RGB", (1200, 600)))


def test_the_same_picture_is_kept_once(tmp_path: Path) -> None:
    urls = {store_picture(picture(), tmp_path, max_bytes=MAX_BYTES) for _ in range(2)}
    assert len(urls) == len(list(tmp_path.iterdir())) == 1


def bomb() -> io.BytesIO:
    """A PNG of 60,000 x 60,000 pixels in its head, and a few bytes of data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(b""),
        io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        io.BytesIO(b"GIF89a" + b"\0" * 500),
        picture("GIF"),
        picture("BMP"),
        io.BytesIO(picture().getvalue()[:300]),
        picture(size=(199, 400)),
        picture(size=(400, 6001)),
        bomb(),
        io.BytesIO(picture().getvalue() + b"\0" * MAX_BYTES),
    ],
    ids=["empty", "svg", "gif head", "gif", "bmp", "cut off", "too narrow", "too tall", "bomb", "too large"],
)
def test_it_refuses_everything_else_and_keeps_nothing(tmp_path: Path, file: io.BytesIO) -> None:
    with pytest.raises(InvalidParam) as refused:
        store_picture(file, tmp_path, max_bytes=MAX_BYTES)
    assert "picture" in refused.value.fields
    assert list(tmp_path.iterdir()) == []


def test_a_page_hidden_in_a_picture_is_gone_after_drawing_it_again(tmp_path: Path) -> None:
    file = io.BytesIO(picture().getvalue() + b"<script>alert(1)</script>")
    url = store_picture(file, tmp_path, max_bytes=MAX_BYTES)
    assert b"<script>" not in (tmp_path / url.removeprefix("/media/")).read_bytes()


def test_it_is_served_for_ever_and_harmlessly(client: FlaskClient) -> None:
    with client.application.app_context():
        url = store_picture(picture(), settings().media_path, max_bytes=MAX_BYTES)
    answer = client.get(url)
    assert (answer.status_code, answer.mimetype) == (200, "image/webp")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (
        "immutable" in answer.headers["Cache-Control"]
        and "max-age=31536000" in answer.headers["Cache-Control"]
    )
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("name", ["../mcpshop.db", "..%2fmcpshop.db", "x.webp", "a" * 32 + ".svg", ".hidden"])
def test_nothing_but_pictures_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/media/{name}").status_code == 404
