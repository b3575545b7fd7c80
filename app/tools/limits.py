"""Keeping results and logs within bounds."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

SECRET_KEY = re.compile(
    r"pass(word|wd)|secret|token|api_?key|authorization|cookie|phone|email|address|recipient|id_?card",
    re.IGNORECASE,
)
MASK = "***"
LONG_TEXTS = (400, 120)


def to_json(value: Any) -> str:
    """Compact JSON, one line, Chinese as it is. Raises TypeError or ValueError (NaN) for what is not JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def shorten(result: dict[str, Any], limit: int) -> tuple[dict[str, Any], bool]:
    """A result of at most `limit` characters of JSON, and whether it had to be cut.

    Long texts are clipped first, then the longest lists lose their ends; `cut` says how many of how many are
    left. The same input gives the same output, so the short form need not be stored.
    """
    if len(to_json(result)) <= limit:
        return result, False
    short = copy.deepcopy(result)
    for length in LONG_TEXTS:
        _clip_texts(short, length)
        if len(to_json(short)) <= limit:
            return {**short, "cut": {"texts": length}}, True
    _drop_ends(short, limit - 100)
    if len(to_json(short)) > limit:
        short = {"text": to_json(result)[: limit - 100] + "…", "cut": {"characters": len(to_json(result))}}
    return short, True


def _clip_texts(value: Any, length: int) -> None:
    for holder, key, item in _walk(value):
        if isinstance(item, str) and len(item) > length:
            holder[key] = item[:length] + "…"


def _drop_ends(short: dict[str, Any], limit: int) -> None:
    sizes: dict[str, str] = {}
    lists = [(str(key), item, len(item)) for _, key, item in _walk(short) if isinstance(item, list)]
    while len(to_json(short)) > limit:
        key, longest, total = max(lists, key=lambda entry: len(to_json(entry[1])), default=("", [], 0))
        if not longest:
            break
        del longest[-max(1, len(longest) // 8) :]
        sizes[key] = f"{len(longest)} of {total}"
    short["cut"] = sizes


def _walk(value: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Each (container, key, item) in a JSON value, outside in."""
    entries = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, item in entries:
        yield value, key, item
        if isinstance(item, dict | list):
            yield from _walk(item)


def masked(value: Any) -> Any:
    """The same JSON value without secrets and contact data."""
    if isinstance(value, dict):
        return {key: MASK if SECRET_KEY.search(str(key)) else masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value


def for_log(value: Any, limit: int = 2_000) -> str:
    """A masked value as text of at most `limit` characters."""
    text = to_json(masked(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"
