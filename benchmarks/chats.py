"""200 chats at once on one web process, against a model that sends 60 pieces at 10 ms.

Each row "shop" stands beside the same chats held with the model directly, by the same client, at the same pace: the
difference is what the shop adds. 200 people talk, each saying the next thing when the last answer is whole. An answer
lasts 0.6 s, so that all 200 are in flight when the model thinks before its first word, as real ones do; without that
they would begin 300 answers a second. All in one moment shows how long a process takes to begin 200 answers.
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
from benchmarks.program import build_app, cpu_seconds, redis_server, web_server
from benchmarks.table import print_table
from benchmarks.talks import Party, Talk, hold
from tests.builders import make_user

CHATS = 200
PIECES = 60
GAP_SECONDS = 0.010


@dataclass(frozen=True, slots=True)
class Load:
    """How 200 people talk: they begin evenly within some seconds, each says `rounds` things, the model thinks for
    some seconds and answers in `pieces`."""

    name: str
    within: float
    thinks: float = 0.0
    rounds: int = 1
    pieces: int = PIECES

    @property
    def chats(self) -> int:
        return CHATS * self.rounds


WARM_UP = Load("warm-up", within=10)
LOADS = (
    Load("all in flight, the model thinks 8 s", within=8.6, thinks=8, rounds=2),
    Load("the same, answers of 1 piece", within=8, thinks=8, rounds=2, pieces=1),
    Load("all in flight, the model thinks 4 s", within=4.6, thinks=4, rounds=2),
    Load("all in flight, the model thinks 2 s", within=2.6, thinks=2, rounds=2),
    Load("25 a second, the model answers at once", within=8),
    Load("all in one moment", within=0),
)
HEAD = (
    "200 people",
    "way",
    "at once",
    "chats/s",
    "first chunk p50 ms",
    "p95 ms",
    "added p50 ms",
    "added p95 ms",
    "CPU ms/chat",
    "complete",
    "correct",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of holding the chats. Times are milliseconds; `cpu` is the web process's for one chat."""

    p50: float
    p95: float
    at_most: int
    rate: float
    complete: str
    correct: str
    cpu: float = 0.0


def main() -> None:
    """Print one table, and what it means for this machine."""
    pairs: list[tuple[Load, Measured, Measured]] = []
    with redis_server() as redis_url, tempfile.TemporaryDirectory() as folder:
        app = build_app(Path(folder), "", redis_url)
        with app.app_context():
            load_demo(app.extensions["mcpshop_settings"], echo=lambda _text: None)
        tokens = _tokens(app)
        with (
            model_server(PIECES, GAP_SECONDS) as model_url,
            web_server(Path(folder), "", redis_url, LLM_BASE_URL=model_url, LLM_MODEL="bench") as (url, pid),
        ):
            _measure_shop(url, pid, tokens, WARM_UP)
            for load in LOADS:
                direct = _measure_direct(model_url, load)
                pairs.append((load, direct, _measure_shop(url, pid, tokens, load)))
    rows = [row for pair in pairs for row in _rows(*pair)]
    print_table("Chats at once on one web process; the model sends 60 pieces at 10 ms", HEAD, rows)
    print(_note({load.name: shop.cpu for load, _, shop in pairs}))


def _rows(load: Load, direct: Measured, shop: Measured) -> list[tuple[object, ...]]:
    added = (f"{shop.p50 - direct.p50:.1f}", f"{shop.p95 - direct.p95:.1f}", f"{shop.cpu:.1f}")
    return [
        (load.name, "direct", *_times(direct), "", "", "", direct.complete, direct.correct),
        (load.name, "shop", *_times(shop), *added, shop.complete, shop.correct),
    ]


def _times(found: Measured) -> tuple[object, ...]:
    return found.at_most, f"{found.rate:.0f}", f"{found.p50:.1f}", f"{found.p95:.1f}"


def _note(cpu: dict[str, float]) -> str:
    """What the CPU time of a chat allows; nothing where it is not known."""
    whole, short = cpu[LOADS[0].name], cpu[LOADS[1].name]
    if not whole:
        return "The CPU time of a process is not known on this system."
    return (
        f"CPU of the web process: {whole:.1f} ms a chat; {short:.1f} ms one of a single piece, from its request to its last "
        f"event; {(whole - short) / (PIECES - 1):.2f} ms each further piece.\n"
        f"So one process begins and ends {1000 / whole:.0f} such chats a second at most, client and model having "
        f"processors of their own;\n200 that begin in one moment wait for each other, {CHATS * short / 2000:.1f} s "
        "and more at the median. More processes share them."
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
    for number in range(load.chats):
        said = [{"role": "user", "content": _question(number, load)}]
        body = json.dumps({"model": "bench", "stream": True, "messages": said})
        calls.append(Call("/v1/chat/completions", "POST", (), body))
    party = hold(url, calls, people=CHATS, ramp=load.within, word=DIRECT_WORD)
    told = [(_direct_text(talk), talk.received.endswith(b"data: [DONE]\n\n")) for talk in party.talks]
    return _measured(party, load, told)


def _measure_shop(url: str, pid: int, tokens: Sequence[str], load: Load) -> Measured:
    calls = []
    for number in range(load.chats):
        bearer = ("Authorization", f"Bearer {tokens[number % CHATS]}")
        body = json.dumps({"content": _question(number, load)})
        calls.append(Call("/api/chat/stream", "POST", (bearer,), body))
    before = cpu_seconds(pid)
    party = hold(url, calls, people=CHATS, ramp=load.within, word=SHOP_WORD)
    spent = cpu_seconds(pid) - before
    told = [_shop_answer(talk) for talk in party.talks]
    return _measured(party, load, told, cpu=spent * 1000 / load.chats)


def _question(number: int, load: Load) -> str:
    return f"有没有防晒？#{number}# @{load.thinks}@ ~{load.pieces}~"


def _measured(party: Party, load: Load, told: Sequence[tuple[str, bool]], cpu: float = 0.0) -> Measured:
    """Times to the first word are without the model's thinking."""
    waits = sorted((talk.to_first_word - load.thinks) * 1000 for talk in party.talks)
    right = [text == answer_to(number, load.pieces) for number, (text, _) in enumerate(told)]
    return Measured(
        p50=waits[len(waits) // 2],
        p95=waits[math.ceil(0.95 * len(waits)) - 1],
        at_most=party.at_most,
        rate=len(waits) / party.seconds,
        complete=f"{sum(is_done for _, is_done in told)} of {len(told)}",
        correct=f"{sum(right)} of {len(told)}",
        cpu=cpu,
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
