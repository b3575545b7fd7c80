"""The messages a model gets: valid, within the budget, never cut between a call and its result."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.agent import history
from app.conversations.models import Message

CALLS = [{"id": "a", "name": "one", "arguments": {"q": "防晒"}}, {"id": "b", "name": "two", "arguments": {}}]


def row(role: str, content: str = "", **more: Any) -> Message:
    return Message(**{"role": role, "content": content, "tool_calls": [], "run_id": "r", **more})


def build(rows: list[Message], max_chars: int = 10_000) -> list[dict[str, Any]]:
    return history.build(rows, max_chars=max_chars, max_result_chars=2_000)


def test_results_follow_their_calls_in_the_order_of_the_calls() -> None:
    rows = [
        row("user", "hi"),
        row("assistant", tool_calls=CALLS),
        row("tool", '{"n":2}', tool_call_id="b"),
        row("tool", '{"n":1}', tool_call_id="a"),
        row("assistant", "done"),
    ]
    made = build(rows)
    assert [item["role"] for item in made] == ["user", "assistant", "tool", "tool", "assistant"]
    assert [item["tool_call_id"] for item in made[2:4]] == ["a", "b"]
    assert json.loads(made[1]["tool_calls"][0]["function"]["arguments"]) == {"q": "防晒"}


def test_a_call_without_a_result_gets_one() -> None:
    made = build([row("user", "hi"), row("assistant", tool_calls=CALLS), row("tool", "{}", tool_call_id="a")])
    assert json.loads(made[3]["content"])["error"]["code"] == "INTERRUPTED"


def test_long_results_are_cut_again_the_same_way() -> None:
    full = json.dumps({"products": [{"sku": f"S{n}", "name": "x" * 50} for n in range(200)]})
    rows = [row("user", "hi"), row("assistant", tool_calls=CALLS[:1]), row("tool", full, tool_call_id="a")]
    content = build(rows)[2]["content"]
    assert len(content) <= 2_000 and json.loads(content)["cut"]


def test_the_newest_messages_stay_and_a_users_comes_first() -> None:
    rows = [
        row("user", "old" * 100),
        row("assistant", "older" * 50),
        row("user", "new"),
        row("assistant", "newer"),
    ]
    assert [item["content"] for item in build(rows, 450)] == ["new", "newer"]
    assert [item["content"] for item in build([row("user", "x" * 900)], 100)] == ["x" * 900]


UNITS = st.sampled_from(["user", "say", "call"])


@given(st.lists(st.tuples(UNITS, st.integers(0, 3_000)), max_size=30), st.integers(100, 8_000))
def test_any_history_stays_valid_and_bounded(units: list[tuple[str, int]], max_chars: int) -> None:
    rows: list[Message] = []
    for number, (kind, size) in enumerate(units):
        if kind == "call":
            rows.append(row("assistant", tool_calls=CALLS, run_id=str(number)))
            rows += [row("tool", '{"x":1}', tool_call_id=item["id"], run_id=str(number)) for item in CALLS]
        else:
            rows.append(row("user" if kind == "user" else "assistant", "x" * size))
    made = build(rows, max_chars)
    open_calls: list[str] = []
    for item in made:
        if item["role"] == "tool":
            assert item["tool_call_id"] == open_calls.pop(0)
        else:
            assert not open_calls
            open_calls = [made_call["id"] for made_call in item.get("tool_calls", ())]
    assert not open_calls
    total = sum(len(json.dumps(item, ensure_ascii=False)) for item in made)
    assert total <= max_chars + 3_200
