"""How many tokens a text is, estimated without any model's own vocabulary, rather too many than too few.

Each vendor has a tokenizer of its own and downloads its vocabulary. DeepSeek gives 0.3 tokens for an English
character and 0.6 for a Chinese one (https://api-docs.deepseek.com/quick_start/token_usage), OpenAI about four English
characters a token. Here a letter or space counts 0.3, a digit or mark (what JSON is full of) 0.67, any other character
1 and one beyond the basic plane (emoji) 3: some tenths more than current models need for prose and JSON, up to two
thirds more for Chinese. Only a budget is kept by it; what is paid is what the provider says.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

_PLAIN = (string.ascii_letters + " ").encode()
_PER_PLAIN, _PER_MARK, _PER_WIDE, _PER_ASTRAL = 0.3, 0.67, 1, 3
# What surrounds a message: OpenAI's own count is 3, and more for calls, whose form is not published.
_PER_MESSAGE = 4
_PER_CALL = 10


def count_tokens(text: str) -> int:
    """The estimate for a text; never less for a longer text that begins with it."""
    ascii_part = text.encode("ascii", "ignore")
    marks = len(ascii_part.translate(None, _PLAIN))
    astral = len(text.encode("utf-16-le", "surrogatepass")) // 2 - len(text)
    wide = len(text) - len(ascii_part) - astral
    plain = len(ascii_part) - marks
    return ceil(plain * _PER_PLAIN + marks * _PER_MARK + wide * _PER_WIDE + astral * _PER_ASTRAL)


def count_message(message: Mapping[str, Any]) -> int:
    """The estimate for one message in OpenAI's form, its calls and frame included."""
    calls = message.get("tool_calls") or ()
    texts = [str(message.get("content") or ""), str(message.get("tool_call_id") or "")]
    for call in calls:
        texts += [str(call["id"]), call["function"]["name"], call["function"]["arguments"]]
    return _PER_MESSAGE + _PER_CALL * len(calls) + sum(map(count_tokens, texts))


def count_messages(messages: Iterable[Mapping[str, Any]]) -> int:
    """The estimate for several messages."""
    return sum(map(count_message, messages))


def fitting(text: str, most: int) -> str:
    """The beginning of a text that is at most so many tokens; "…" says that there was more."""
    if count_tokens(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count_tokens(text[:middle]) < most else (low, middle - 1)
    return text[:low] + "…" if low else ""
