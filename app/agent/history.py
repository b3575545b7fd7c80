"""A conversation's rows as a model's messages: valid for any provider, within a budget, never cut inside a tool call.

What providers ask for, beyond OpenAI's own rules (every call answered right behind it, no answer without a call): the
first message after the system's is a user's; ids of calls are unique in the whole request (Anthropic) and nine letters
or digits (Mistral); names of functions are letters, digits, _ and -.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.conversations.models import Message as Row
from app.llm.client import Message
from app.llm.tokens import count_messages, fitting
from app.tools.limits import short_form, to_json

LOST = to_json({"error": {"code": "INTERRUPTED", "message": "The result was lost."}})
CONSULTANT = "consultant"
SPOKEN = frozenset({"user", "assistant", CONSULTANT})
ID_CHARS = 9
NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")
# Results are halved down to this before a whole turn is left out, an answer's text down to this many tokens.
MIN_RESULT_CHARS = 300
MIN_TEXT_TOKENS = 60


@dataclass(frozen=True, slots=True)
class History:
    """What fits: the messages, and the id of the first row that they tell (0 when they tell none)."""

    messages: list[Message]
    since: int = 0


def build(rows: Sequence[Row], *, max_tokens: int, max_result_chars: int) -> History:
    """The newest messages of at most `max_tokens` (estimated), beginning with a user's.

    The newest user's message is always there, whole. Calls and their results stay together; long results and
    answers are shortened where they would not fit.
    """
    units = list(_units(rows))
    newest = max((number for number, unit in enumerate(units) if unit.is_users), default=None)
    if newest is None:
        return History([])
    kept = {newest: units[newest].messages(max_result_chars)}
    room = max_tokens - count_messages(kept[newest])
    for number in reversed(range(len(units))):
        if number == newest:
            continue
        made = units[number].within(room, max_result_chars)
        if made is None:
            break
        kept[number] = made
        room -= count_messages(made)
    first = next(number for number in sorted(kept) if units[number].is_users)
    told = [message for number in sorted(kept) if number >= first for message in kept[number]]
    return History(told, units[first].row.id or 0)


@dataclass(frozen=True, slots=True)
class _Unit:
    """What stays together: something said, or calls with their results. `ids` are the calls' ids on the wire."""

    row: Row
    results: list[Row | None] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def is_users(self) -> bool:
        return self.row.role == "user"

    def messages(self, max_result_chars: int) -> list[Message]:
        if not self.ids:
            return [self._said(self.row.content)]
        calls = [{**call, "id": id_} for call, id_ in zip(self.row.tool_calls, self.ids, strict=True)]
        answers = zip(self.ids, self.results, strict=True)
        return [
            call_message("", calls),
            *(tool_message(id_, _content(row, max_result_chars)) for id_, row in answers),
        ]

    def within(self, room: int, max_result_chars: int) -> list[Message] | None:
        """The messages in at most `room` tokens, shortened if need be; None when they cannot be."""
        for limit in _halves(max_result_chars if self.ids else MIN_RESULT_CHARS):
            made = self.messages(limit)
            if count_messages(made) <= room:
                return made
        if self.ids or self.is_users:
            return None
        rest = room - count_messages([{"role": "assistant"}])
        text = fitting(self.row.content, rest) if rest >= MIN_TEXT_TOKENS else ""
        return [self._said(text)] if text else None

    def _said(self, text: str) -> Message:
        """A consultant's words are neither the customer's nor the model's: `source` has them fenced for models elsewhere."""
        if self.row.role == CONSULTANT:
            return {"role": "assistant", "content": text, "source": CONSULTANT}
        return {"role": "user" if self.is_users else "assistant", "content": text}


def _halves(size: int) -> Iterator[int]:
    while size > MIN_RESULT_CHARS:
        yield size
        size //= 2
    yield MIN_RESULT_CHARS


def _units(rows: Sequence[Row]) -> Iterator[_Unit]:
    results = {(row.run_id, row.tool_call_id): row for row in rows if row.role == "tool"}
    taken: set[str] = set()
    for row in rows:
        if row.role == "assistant" and row.tool_calls:
            found = [results.get((row.run_id, call["id"])) for call in row.tool_calls]
            yield _Unit(
                row, found, [_wire_id(f"{row.run_id} {call['id']}", taken) for call in row.tool_calls]
            )
        elif row.role in SPOKEN and row.content:
            yield _Unit(row)


def _wire_id(seed: str, taken: set[str]) -> str:
    """The same id for the same call in every request, other than those that are taken."""
    made = hashlib.sha256(seed.encode()).hexdigest()[:ID_CHARS]
    if made in taken:
        return _wire_id(f"{seed}+", taken)
    taken.add(made)
    return made


def _content(row: Row | None, max_chars: int) -> str:
    if row is None:
        return LOST
    if len(row.content) <= max_chars:
        return row.content
    return to_json(short_form(_read(row.content), row.streamed or "", max_chars))


def _read(content: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {"text": content}
    return found if isinstance(found, dict) else {"value": found}


def tool_message(call_id: str, content: str) -> Message:
    """The answer to a call in OpenAI's form."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def call_message(text: str, calls: Iterable[Mapping[str, Any]]) -> Message:
    """An assistant message with tool calls in OpenAI's form; `calls` have id, name and arguments."""
    return {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [
            {
                "id": call["id"],
                "type": "function",
                "function": {
                    "name": NO_NAME.sub("_", call["name"]) or "_",
                    "arguments": to_json(call["arguments"]),
                },
            }
            for call in calls
        ],
    }
