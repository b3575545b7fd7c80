"""The conversation as the messages tell it: turns, the tool rounds of each, and what they left in memory.

The model keeps no state. A turn is played from its start every time: the acts are generators, and the results that
are already in the messages are sent into them until they ask for one that is not there yet.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.llm.builtin.acts import ACTS
from app.llm.builtin.acts.orders import comment_on_order
from app.llm.builtin.desk import Act, Call, Desk, Memory, Result, cart_lines, error_of, products_in
from app.llm.builtin.intents import Plan
from app.llm.builtin.understand import understand
from app.llm.client import Message

_ORDER_TOOLS = frozenset({"place_order", "cancel_order"})
# Older turns than this no longer matter to "the second one" or "make it four".
_REMEMBERED_TURNS = 12
_NOT_FOLLOWED = frozenset(
    {"follow", "yes", "no", "thanks", "greet", "unknown", "nothing", "count", "hostile"}
)


@dataclass
class Round:
    """Tool calls that ran side by side, and their results in the same order."""

    names: list[str]
    arguments: list[dict[str, Any]]
    ids: list[str]
    results: dict[str, Result] = field(default_factory=dict)

    def in_order(self) -> list[Result]:
        missing: Result = {"error": {"code": "CANCELLED", "message": ""}}
        return [self.results.get(call_id, missing) for call_id in self.ids]


@dataclass
class Turn:
    """A customer's message and the tool rounds that followed it."""

    text: str
    rounds: list[Round] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next: calls to make, or the answer."""

    calls: tuple[Call, ...] = ()
    text: str = ""


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """The turns of a conversation; what precedes the first customer message is left out."""
    turns: list[Turn] = []
    for message in messages:
        role = message.get("role")
        if role == "user":
            turns.append(Turn(_text(message.get("content"))))
        elif role == "assistant" and turns and message.get("tool_calls"):
            turns[-1].rounds.append(_round(message["tool_calls"]))
        elif role == "tool" and turns:
            _file_result(turns[-1], message)
    return turns


def _text(content: object) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def _round(tool_calls: Sequence[dict[str, Any]]) -> Round:
    functions = [call.get("function") or {} for call in tool_calls]
    return Round(
        names=[str(function.get("name")) for function in functions],
        arguments=[_json(function.get("arguments")) for function in functions],
        ids=[str(call.get("id")) for call in tool_calls],
    )


def _file_result(turn: Turn, message: Message) -> None:
    call_id = str(message.get("tool_call_id"))
    for tool_round in reversed(turn.rounds):
        if call_id in tool_round.ids:
            tool_round.results[call_id] = _json(message.get("content"))
            return


def _json(content: object) -> dict[str, Any]:
    if isinstance(content, dict):
        return content
    try:
        value = json.loads(_text(content) or "{}")
    except ValueError:
        return {"summary": _text(content)}
    return value if isinstance(value, dict) else {"value": value}


def next_step(messages: Sequence[Message], tools: frozenset[str], locale: str) -> Step:
    """Play the conversation and say what comes next."""
    turns = turns_of(messages)
    if not turns:
        return Step(text=Desk(locale, tools, Memory()).phrase("greet"))
    memory, language = _recalled(turns[:-1], tools, locale)
    return _play(turns[-1], understand(turns[-1].text, language), tools, memory)


def recall(messages: Sequence[Message], tools: frozenset[str], locale: str) -> tuple[Memory, str]:
    """What the conversation has come to so far, and the language it is held in."""
    return _recalled(turns_of(messages), tools, locale)


def _recalled(past: Sequence[Turn], tools: frozenset[str], locale: str) -> tuple[Memory, str]:
    memory, language = Memory(), locale
    for turn in past[1 - _REMEMBERED_TURNS :]:
        plan = understand(turn.text, language)
        language = plan.language
        _play(turn, plan, tools, memory)
    return memory, language


def _play(turn: Turn, plan: Plan, tools: frozenset[str], memory: Memory) -> Step:
    desk = Desk(plan.language, tools, memory, message=turn.text.casefold(), pending=memory.pending)
    memory.pending = None
    step, used = _perform(desk, plan, turn.rounds)
    _remember_intent(memory, plan)
    if used < len(turn.rounds):
        return _after_the_fact(desk, turn.rounds[used:])
    return step


def _perform(desk: Desk, plan: Plan, rounds: Sequence[Round]) -> tuple[Step, int]:
    """Send the known results into the acts; the step that is left, and how many rounds were used."""
    act, used = _acts(desk, plan), 0
    try:
        calls = next(act)
        while used < len(rounds) and rounds[used].names == [call.name for call in calls]:
            used += 1
            calls = act.send(rounds[used - 1].in_order())
    except StopIteration:
        return Step(text=desk.text), used
    return Step(calls=tuple(calls)), used


def _acts(desk: Desk, plan: Plan) -> Act:
    for intent in plan.intents:
        yield from ACTS[intent.name](desk, intent)
    if not desk.paragraphs:
        desk.say("nothing")


def _remember_intent(memory: Memory, plan: Plan) -> None:
    if plan.intents and plan.intents[-1].name not in _NOT_FOLLOWED:
        memory.last = plan.intents[-1]


def _after_the_fact(desk: Desk, rounds: Sequence[Round]) -> Step:
    """Rounds that this plan did not ask for: a confirmed order, or another model's work. Learn, and comment on it."""
    for tool_round in rounds:
        for name, arguments, result in zip(
            tool_round.names, tool_round.arguments, tool_round.in_order(), strict=True
        ):
            _absorb(desk.memory, name, arguments, result)
    name, result = rounds[-1].names[-1], rounds[-1].in_order()[-1]
    desk.paragraphs.clear()
    if name in _ORDER_TOOLS:
        comment_on_order(desk, name, result)
    elif not desk.fail(result):
        desk.say("yes")
    return Step(text=desk.text)


def _absorb(memory: Memory, name: str, arguments: dict[str, Any], result: Result) -> None:
    if error_of(result) is not None:
        return
    if found := products_in(result):
        memory.show(found)
    for line in cart_lines(result):
        if name in ("add_to_cart", "update_cart") and line.sku == arguments.get("sku"):
            memory.touched = memory.focus = line
    if name in ("clear_cart", "remove_from_cart", "place_order"):
        memory.touched = None
