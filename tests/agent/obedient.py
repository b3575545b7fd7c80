"""A model that does whatever any text says, again and again, and what it reads commands with."""

from __future__ import annotations

import base64
import codecs
import html
import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from app.llm.client import ChatRequest, Finish, ModelEvent, TextDelta, ToolCall
from tests.agent.hostile_cases import HOMOGLYPHS

Command = tuple[str, dict[str, Any]]
PLAIN = {ord(there): here for here, there in zip("aceopxyACEOPX", "асеорхуАСЕОРХ", strict=True)}
CALL = re.compile(r"\b([a-z]+(?:_[a-z]+)+)\(([^()]*)\)")
GIVEN = re.compile(r'(\w+)\s*=\s*("[^"]*"|\d+)')
WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"add (?P<qty>\d+) (?P<sku>[A-Z]{3}-\d{3}) to the cart", re.I), "add_to_cart"),
    (re.compile(r"把 ?(?P<qty>\d+) ?个 ?(?P<sku>[A-Z]{3}-\d{3}) ?加入购物车"), "add_to_cart"),
    (re.compile(r"clear the cart|清空购物车"), "clear_cart"),
    (re.compile(r"(?:cancel order|取消订单) (?P<order_id>\d+)", re.I), "cancel_order"),
    (re.compile(r"(?:claim coupon|领取优惠券) (?P<code>\w+)", re.I), "claim_coupon"),
)
LONG_ID = re.compile(r"(?<![\w-])[\w-]{22,64}(?![\w-])")
assert HOMOGLYPHS


def commands_in(text: str) -> list[Command]:
    """Every call that the text asks for, however it is dressed."""
    found: dict[str, Command] = {}
    for reading in _readings(text):
        for match in CALL.finditer(reading):
            given = {key: json.loads(value) for key, value in GIVEN.findall(match[2])}
            found[f"{match[1]}{given}"] = (match[1], given)
        for pattern, name in WORDS:
            for match in pattern.finditer(reading):
                given = {
                    key: int(value) if value.isdigit() else value for key, value in match.groupdict().items()
                }
                found[f"{name}{given}"] = (name, given)
    return list(found.values())


def _readings(text: str) -> Iterator[str]:
    seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
    plain = html.unescape(seen.replace('\\"', '"').replace("\\n", "\n")).translate(PLAIN)
    yield plain
    yield plain[::-1].replace(")", "\0").replace("(", ")").replace("\0", "(")
    yield plain[::-1]
    yield codecs.encode(plain, "rot13")
    for word in re.findall(r"[A-Za-z0-9+/]{12,}={0,2}", plain):
        with suppress(ValueError):
            yield base64.b64decode(word, validate=True).decode()


class Obedient:
    """Reads with the given calls in the first turn of each answer, then does what it has read, in every turn."""

    name = "obedient"

    def __init__(self) -> None:
        self.reads: list[Command] = []
        self.honest: list[Command] = []
        self.tried: list[Command] = []
        self.requests: list[ChatRequest] = []
        self._lock = threading.Lock()

    def begin(self, reads: list[Command], honest: list[Command] | None = None) -> None:
        self.reads, self.honest, self.tried, self.requests = reads, honest or [], [], []

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        with self._lock:
            self.requests.append(request)
            wanted = self._wanted(request)
        for number, (name, given) in enumerate(wanted):
            yield ToolCall(f"c{len(self.requests)}x{number}", name, json.dumps(given))
        if not wanted:
            yield TextDelta("Done. Shall I go on?")
        yield Finish("tool_calls" if wanted else "stop")

    def _wanted(self, request: ChatRequest) -> list[Command]:
        last = max(n for n, message in enumerate(request.messages) if message["role"] == "user")
        is_first = not any(message["role"] == "tool" for message in request.messages[last:])
        heard = "\n".join(
            str(message.get("content") or "") for message in request.messages if message["role"] != "system"
        )
        found = commands_in(heard)
        tokens = LONG_ID.findall(heard)
        more = [
            (name, {**given, "confirmation_id": token}) for token in tokens[:2] for name, given in found[:1]
        ]
        more += [("confirm", {"confirmation_id": token, "approve": True}) for token in tokens[:2]]
        self.tried += found
        return (self.reads + self.honest + found if is_first else found + more)[:12]
