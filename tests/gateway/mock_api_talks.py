"""The conversations of openai-mock-api: whole talks, role by role, so it answers only a history that is in order.

Its habits differ from aimock's: `text/plain`, a call in one piece and without an index, "stop" after calls, no usage.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.gateway.model_servers import KEY

AGAIN = "and now?"
STILL_HERE = "Still here."
PLAIN = "A plain answer, word by word."
EMOJI = "护肤👩🏽‍🔬 和 🧴🌞，还有 café naïve。"
LONG = " ".join(f"第{number}句。" for number in range(40))
DONE = "Both are done."
Said = dict[str, Any]


def _user(words: str) -> Said:
    return {"role": "user", "content": words, "matcher": "contains"}


def _assistant(text: str = "", *calls: Said) -> Said:
    return {
        "role": "assistant",
        **({"content": text} if text else {}),
        **({"tool_calls": list(calls)} if calls else {}),
    }


def _call(name: str, arguments: Any, call_id: str) -> Said:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _result(call_id: str) -> Said:
    return {"role": "tool", "tool_call_id": call_id, "matcher": "any"}


TALKS: dict[str, list[list[Said]]] = {
    "plain please": [[_assistant(PLAIN)]],
    "emoji please": [[_assistant(EMOJI)]],
    "very long please": [[_assistant(LONG)]],
    "one tool": [
        [_assistant("", _call("view_cart", {}, "call_one"))],
        [_result("call_one"), _assistant(DONE)],
    ],
    "two tools": [
        [_assistant("", _call("list_stores", {"city": "上海"}, "call_a"), _call("view_cart", {}, "call_b"))],
        [_result("call_a"), _result("call_b"), _assistant(DONE)],
    ],
    "unknown tool": [
        [_assistant("", _call("fly_to_the_moon", {"when": "now"}, "call_u"))],
        [_result("call_u"), _assistant(DONE)],
    ],
    "wrong arguments": [
        [_assistant("", _call("list_products", {"q": 7, "colour": "red"}, "call_w"))],
        [_result("call_w"), _assistant(DONE)],
    ],
    "tool fails": [
        [_assistant("", _call("get_product", {"sku": "NO-SUCH-SKU"}, "call_f"))],
        [_result("call_f"), _assistant(DONE)],
    ],
    "a step at a time": [
        [_assistant("", _call("list_stores", {}, "call_1"))],
        [_result("call_1"), _assistant("", _call("view_cart", {}, "call_2"))],
        [_result("call_2"), _assistant(DONE)],
    ],
}


def _flows(words: str, turns: list[list[Said]]) -> list[Said]:
    """One flow for each turn, the shorter first: it answers with the first that fits, and with its last line."""
    talk: list[Said] = [{"role": "system", "matcher": "any"}, _user(words)]
    flows = []
    for turn in [*turns, [_user(AGAIN), _assistant(STILL_HERE)]]:
        talk = [*talk, *turn]
        flows.append({"id": f"{words} {len(flows)}", "messages": talk})
    return flows


def write(folder: Path) -> Path:
    """Its configuration (JSON is YAML)."""
    flows = [flow for words, turns in TALKS.items() for flow in _flows(words, turns)]
    path = folder / "openai-mock-api.yaml"
    path.write_text(json.dumps({"apiKey": KEY, "responses": flows}, ensure_ascii=False))
    return path
