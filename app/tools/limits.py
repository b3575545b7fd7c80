"""Keeping results and logs within bounds."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from app.tools.masking import mask_text, masked

SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。！？；\n]")
LONG_TEXTS = (400, 120)
# A text that is longer is better summarised than clipped.
LONG_TEXT = 1_000
# How much of the room a summary may take.
TOLD_PART = 0.5
MIN_ROOM = 150
# The longest secret that the end of a text in the log could tear apart.
MARGIN = 300


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
        if len(to_json(marked := {**short, "cut": {"texts": length}})) <= limit:
            return marked, True
    _drop_ends(short, limit - 100)
    return (short if len(to_json(short)) <= limit else _beginning(to_json(result), limit)), True


def _beginning(text: str, limit: int) -> dict[str, Any]:
    """For what has no texts or lists to cut; JSON inside of JSON is longer than it was."""
    size = limit
    while size:
        size = size * 3 // 4
        short = {"text": text[:size] + "…", "cut": {"characters": len(text)}}
        if len(to_json(short)) <= limit:
            return short
    return {}


def short_form(result: dict[str, Any], told: str, limit: int) -> dict[str, Any]:
    """What stands for a result that is too long: its short form beside `told`, what was said of it ("" for nothing)."""
    if not told:
        return shorten(result, limit)[0]
    summary = clip(told, int(limit * TOLD_PART))
    while len(to_json(summary)) > limit * TOLD_PART + 2:
        summary = clip(summary, len(summary) * 3 // 4)
    room = limit - len(to_json({"summary": summary}))
    short = shorten(result, room)[0] if room > MIN_ROOM else {}
    return {"summary": summary, **{key: item for key, item in short.items() if key != "summary"}}


def long_texts(result: dict[str, Any]) -> str:
    """The texts of a result that are too long for a list of facts, "" when they are not what makes it long."""
    found = [item for _, _, item in _walk(result) if isinstance(item, str) and len(item) > LONG_TEXT]
    text = "\n\n".join(found)
    return text if len(text) * 2 > len(to_json(result)) else ""


def clip(text: str, length: int) -> str:
    """A text of at most `length` characters: its beginning and its end, in whole sentences where that is possible."""
    if len(text) <= length:
        return text
    end = text[len(text) - length // 4 :]
    beginning = text[: max(0, length - len(end) - 3)]
    # To the last end of a sentence that is in the second half, and from the first one that is in the first half.
    stops = [match.end() for match in SENTENCE_END.finditer(beginning) if match.end() > len(beginning) // 2]
    starts = [match.end() for match in SENTENCE_END.finditer(end) if match.end() <= len(end) // 2]
    beginning, end = beginning[: stops[-1] if stops else None], end[starts[0] if starts else 0 :]
    return f"{beginning.rstrip()} … {end.strip()}"


def _clip_texts(value: Any, length: int) -> None:
    for holder, key, item in _walk(value):
        if isinstance(item, str) and len(item) > length:
            holder[key] = clip(item, length)


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


def for_log(value: Any, limit: int = 2_000) -> str:
    """A masked value as text of at most `limit` characters."""
    text = to_json(masked(value))
    if len(text) <= limit:
        return mask_text(text)
    # What the cut leaves of a secret may not look like one any more, so the end goes once more after masking.
    text = mask_text(text[: limit + MARGIN])[:-MARGIN]
    return text[: limit - 1] + "…"
