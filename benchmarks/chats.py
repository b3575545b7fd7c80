"""200 chats at once on one web process, against a model that sends 60 pieces at 10 ms.

Each row "through the shop" stands beside the same chats held with the model directly, by the same client, at
the same pace: the difference is what the shop adds. An answer lasts 0.6 s, so 200 are only in flight together
when all begin in the same moment (which measures how long a process takes to begin 200 answers), or when the
model thinks before its first word, as real ones do.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from app.accounts.tokens import issue_token
from app.demo.loader import load_demo
from benchmarks.load import Call
from benchmarks.model_server import answer_to, model_server
from benchmarks.program import build_app, redis_server, web_process
from benchmarks.table import print_table
from benchmarks.talks import Party, Talk, hold
from tests.builders import make_user

CHATS = 200
PIECES = 60
GAP_SECONDS = 0.010
WARM_UP_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Load:
    """How the 200 come: evenly within some seconds, to a model that thinks for some seconds."""

    within: float
    thinks: float = 0.0

    @property
    def name(self) -> str:
        thinks = f", the model thinks {self.thinks:.0f} s" if self.thinks else ""
        return f"within {self.within:g} s{thinks}"


LOADS = (Load(8, thinks=8), Load(4, thinks=4), Load(8), Load(4), Load(0.5))
HEAD = (
    "200 chats",
    "way",
    "at once",
    "first chunk p50 ms",
    "p95 ms",
    "added p50 ms",
    "added p95 ms",
    "all done in s",
    "complete",
    "correct",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of holding the chats. Milliseconds."""

    p50: float
    p95: float
    at_most: int
    seconds: float
    complete: int
    correct: int


def main() -> None:
    """Print one table."""
    rows: list[tuple[object, ...]] = []
    with redis_server() as redis_url, tempfile.TemporaryDirectory() as folder:
        app = build_app(Path(folder), "", redis_url)
        with app.app_context():
            load_demo(app.extensions["mcpshop_settings"], echo=lambda _text: None)
        tokens = _tokens(app)
        with (
            model_server(PIECES, GAP_SECONDS) as model_url,
            web_process(Path(folder), "", redis_url, LLM_BASE_URL=model_url, LLM_MODEL="bench") as url,
        ):
            _measure_shop(url, tokens, "warm", Load(WARM_UP_SECONDS))
            for load in LOADS:
                rows += _rows(
                    load, _measure_direct(model_url, load), _measure_shop(url, tokens, load.name, load)
                )
    print_table("Chats at once on one web process; the model sends 60 pieces at 10 ms", HEAD, rows)


def _rows(load: Load, direct: Measured, shop: Measured) -> list[tuple[object, ...]]:
    return [
        (load.name, "direct", *_cells(direct, None)),
        (load.name, "through the shop", *_cells(shop, direct)),
    ]


def _cells(found: Measured, base: Measured | None) -> tuple[object, ...]:
    added = ("", "") if base is None else (f"{found.p50 - base.p50:.1f}", f"{found.p95 - base.p95:.1f}")
    return (
        found.at_most,
        f"{found.p50:.1f}",
        f"{found.p95:.1f}",
        *added,
        f"{found.seconds:.2f}",
        found.complete,
        found.correct,
    )


def _tokens(app: Flask) -> list[str]:
    """A customer of its own for every chat."""
    with app.app_context():
        return [issue_token(make_user(f"talker{number}").id)[0] for number in range(CHATS)]


# ---- the two ways

SHOP_WORD = b'"type":"chunk"'
DIRECT_WORD = b'"content"'


def _measure_direct(url: str, load: Load) -> Measured:
    calls = []
    for number in range(CHATS):
        said = [{"role": "user", "content": _question(number, load)}]
        body = json.dumps({"model": "bench", "stream": True, "messages": said})
        calls.append(Call("/v1/chat/completions", "POST", (), body))
    party = hold(url, calls, ramp=load.within, word=DIRECT_WORD)
    told = [_direct_text(talk) for talk in party.talks]
    return _measured(party, load, told, [talk.received.endswith(b"data: [DONE]\n\n") for talk in party.talks])


def _measure_shop(url: str, tokens: Sequence[str], name: str, load: Load) -> Measured:
    calls = []
    for number, token in enumerate(tokens):
        body = json.dumps({"content": _question(number, load)})
        calls.append(Call("/api/chat/stream", "POST", (("Authorization", f"Bearer {token}"),), body))
    party = hold(url, calls, ramp=load.within, word=SHOP_WORD)
    told = [_shop_answer(talk) for talk in party.talks]
    return _measured(party, load, [text for text, _ in told], [is_done for _, is_done in told])


def _question(number: int, load: Load) -> str:
    return f"有没有防晒？#{number}# @{load.thinks}@"


def _measured(party: Party, load: Load, told: Sequence[str], is_complete: Sequence[bool]) -> Measured:
    """Times to the first word are without the model's thinking."""
    waits = sorted((talk.to_first_word - load.thinks) * 1000 for talk in party.talks)
    right = [text == answer_to(number, PIECES) for number, text in enumerate(told)]
    return Measured(
        p50=waits[len(waits) // 2],
        p95=waits[math.ceil(0.95 * len(waits)) - 1],
        at_most=party.at_most,
        seconds=party.seconds,
        complete=sum(is_complete),
        correct=sum(right),
    )


def _data_lines(talk: Talk) -> list[str]:
    lines = talk.received.decode("utf-8", "replace").split("\n")
    return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


def _direct_text(talk: Talk) -> str:
    chunks = [json.loads(line) for line in _data_lines(talk) if line != "[DONE]"]
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


def _shop_answer(talk: Talk) -> tuple[str, bool]:
    """The text of the chunks, and whether the stream ended with the whole of it."""
    events = [json.loads(line) for line in _data_lines(talk)]
    text = "".join(event["data"]["content"] for event in events if event["type"] == "chunk")
    last = events[-1] if events else {"type": ""}
    is_done = last["type"] == "complete" and last["data"]["message"]["content"] == text
    return text, is_done


if __name__ == "__main__":
    main()
