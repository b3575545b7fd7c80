"""What aimock answers to whom, as its fixture file: each by the words of the last message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

AGAIN = "and now?"
STILL_HERE = "Still here."
DONE = "Both are done."
EMOJI = "护肤👩🏽‍🔬 和 🧴🌞，还有 café naïve\u3000𠮷野家。"
LONG = "".join(f"第{number}句，the {number}th sentence.\n" for number in range(2_500))
WORDS = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."
# Longer than any patience of the tests.
NEVER = 30_000
Entry = dict[str, Any]


def call(name: str, arguments: Any, call_id: str) -> dict[str, Any]:
    return {"id": call_id, "name": name, "arguments": arguments}


def says(words: str, content: str, **more: Any) -> Entry:
    return {"match": {"userMessage": words}, "response": {"content": content}, **more}


def calls(words: str, *wanted: dict[str, Any], then: str = DONE, text: str = "", **more: Any) -> list[Entry]:
    """A turn of calls, and the words after their results."""
    response: dict[str, Any] = {"toolCalls": list(wanted), **({"content": text} if text else {})}
    return [
        {"match": {"userMessage": words, "hasToolResult": False}, "response": response, **more},
        {"match": {"userMessage": words, "hasToolResult": True}, "response": {"content": then}},
    ]


def fails(words: str, status: int, type_: str = "server_error", **more: Any) -> Entry:
    error = {"message": f"told to answer {status}", "type": type_}
    return {"match": {"userMessage": words}, "response": {"error": error, "status": status, **more}}


def silent_for(milliseconds: int) -> dict[str, Any]:
    """The head, two pieces, then a silence."""
    delays = [10, 10, milliseconds, 10, 10, 10]
    return {"ttftMs": 10, "interChunkDelaysMs": delays, "totalDurationMs": sum(delays)}


USAGE = {"prompt_tokens": 1_234, "completion_tokens": 56, "total_tokens": 1_290}
FIXTURES: list[Entry] = [
    says(AGAIN, STILL_HERE),
    # ---- answers
    says("plain please", "A plain answer."),
    says("in pieces please", WORDS, chunkSize=1),
    says("emoji please", EMOJI, chunkSize=1),
    says("emoji slowly", EMOJI, chunkSize=1, latency=20),
    says("very long please", LONG, chunkSize=400),
    says("nothing please", ""),
    says("only spaces", "  \n "),
    {
        "match": {"userMessage": "counted please"},
        "response": {"content": "Counted.", "usage": USAGE},
    },
    {
        "match": {"userMessage": "cut at length"},
        "response": {"content": "The answer is cut at", "finishReason": "length"},
    },
    {
        "match": {"userMessage": "think first"},
        "response": {"content": "Thought about it.", "reasoning": "Hmm, let me see. " * 20},
        "chunkSize": 10,
    },
    # ---- calls
    *calls("one tool", call("view_cart", {}, "call_one")),
    *calls(
        "two tools",
        call("list_stores", {"city": "上海"}, "call_a"),
        call("view_cart", {}, "call_b"),
        text="Looking.",
    ),
    *calls("four tools", *(call("list_products", {"q": q, "top_k": 3}, f"call_{q}") for q in "防晒面膜")),
    *calls("arguments in pieces", call("list_products", {"q": "防晒 😀", "top_k": 3}, "call_p"), chunkSize=1),
    *calls("unknown tool", call("fly_to_the_moon", {"when": "now"}, "call_u")),
    *calls("no json", call("list_products", '{"q": "防晒", ', "call_n")),
    *calls("wrong arguments", call("list_products", {"q": 7, "top_k": "many", "colour": "red"}, "call_w")),
    *calls("a list for arguments", call("view_cart", "[1, 2]", "call_l")),
    *calls("tool fails", call("get_product", {"sku": "NO-SUCH-SKU"}, "call_f")),
    *calls("same id twice", call("view_cart", {}, "call_s"), call("list_stores", {}, "call_s")),
    {"match": {"userMessage": "for ever"}, "response": {"toolCalls": [call("view_cart", {}, "call_e")]}},
    *calls("sleep in a tool", call("try_slow", {"seconds": 4}, "call_z")),
    # ---- time
    says("slowly please", WORDS * 4, chunkSize=6, latency=150),
    says("late please", "Late, and well.", streamingProfile={"ttft": 1_200, "tps": 50}),
    says("too late", "Never heard.", streamingProfile={"ttft": NEVER, "tps": 50}),
    says("a gap please", WORDS, chunkSize=30, recordedTimings=silent_for(1_200)),
    says("too long a gap", WORDS, chunkSize=30, recordedTimings=silent_for(NEVER)),
    # ---- trouble
    fails("limited please", 429, "rate_limit_error"),
    fails("limited for long", 429, "rate_limit_error", retryAfter=40),
    fails("broken please", 500),
    fails("away please", 503),
    fails("refused please", 400, "invalid_request_error"),
    fails("no key please", 401, "authentication_error"),
    says("drop please", "never", chaos={"dropRate": 1}),
    says("malformed please", "never", chaos={"malformedRate": 1}),
    says("hang up please", "never", chaos={"disconnectRate": 1}),
    says("chaos limit please", "never", chaos={"rateLimitRate": 1}),
    says("cut off please", WORDS, chunkSize=5, latency=100, truncateAfterChunks=5),
    says("hang up later", WORDS, chunkSize=5, latency=100, disconnectAfterMs=550),
    {
        **calls("break after the call", call("view_cart", {}, "call_x"))[0],
        "truncateAfterChunks": 1,
    },
]


def write(folder: Path) -> Path:
    """The fixture file."""
    path = folder / "aimock.json"
    path.write_text(json.dumps({"fixtures": FIXTURES}, ensure_ascii=False))
    return path
