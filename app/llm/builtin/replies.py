"""The built-in model's words, from ``data/replies.toml``, and how it writes money."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def _templates() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("app.llm.builtin").joinpath("data/replies.toml").read_text("utf-8"))


def reply(language: str, key: str, **slots: object) -> str:
    """The sentence ``key`` in ``language`` (zh, en), its slots filled in."""
    return _templates()[language][key].format(**slots)


def has_reply(language: str, key: str) -> bool:
    """Whether there is such a sentence."""
    return key in _templates()[language]


def yuan(cents: int) -> str:
    """¥1499 or ¥139.50: no thousands separator, decimals only where there are any."""
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    return f"{sign}¥{whole}.{rest:02d}" if rest else f"{sign}¥{whole}"
