"""From a plan of intents to the calls that would carry it out, found by playing the built-in model's acts in rehearsal.

What an act reads is read, what it would change is changed in a transaction that is undone; so every step sees what the
steps before it do ("add two hand creams, then check out"), and the total that is read back is the one that will be charged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.actor import Actor
from app.llm.builtin.acts import ACTS
from app.llm.builtin.desk import Desk, products_in
from app.llm.builtin.intents import Intent, Plan
from app.llm.builtin.products import Product
from app.llm.builtin.thread import recall
from app.llm.client import Message
from app.tools.executor import execute
from app.tools.queries import list_tools
from app.tools.registry import registry
from app.tools.rehearsal import Rehearsal, Rehearsed, has_side_effect, rehearse

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
CALLER = "voice"
# What is asked in one breath; of a sentence with more to do the rest is said again later.
MAX_STEPS = 8


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and its result."""

    tool: str
    arguments: dict[str, Any]
    result: dict[str, Any]


@dataclass(slots=True)
class Played:
    """What became of a plan. `steps` is what would be changed, in order; with none, `text` is the answer.

    `asks`: the text is a question back. `seen` are the products that were looked at, the best first, for "the other
    one". `rounds` are all calls, those of one round side by side; `notes` what was said of wishes that came to no step.
    """

    text: str = ""
    steps: tuple[Rehearsed, ...] = ()
    seen: tuple[Product, ...] = ()
    asks: bool = False
    rounds: list[list[Made]] = field(default_factory=list)
    notes: str = ""


class _WouldChange(Exception):
    """Reading is not enough: the plan has to be rehearsed."""


# Intents whose acts change something as a rule: to try them with reading alone would be in vain.
_CHANGING = frozenset(
    {
        "add",
        "want",
        "remove",
        "keep",
        "set_qty",
        "less",
        "replace",
        "clear",
        "undo",
        "place_order",
        "cancel_order",
    }
)


def play(actor: Actor, plan: Plan, messages: Sequence[Message]) -> Played:
    """Answer the plan at once when it only reads, else rehearse it. Outside of any transaction."""
    tools = frozenset(offer.spec.name for offer in list_tools(actor))

    def read(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if changes(name):
            raise _WouldChange
        return execute(actor, name, arguments, caller=CALLER).result

    try:
        if not any(intent.name in _CHANGING for intent in plan.intents):
            return _perform(tools, plan, messages, read)
    except _WouldChange:
        pass
    played, rehearsal = rehearse(actor, lambda calls: _perform(tools, plan, messages, calls.call))
    played.steps = tuple(rehearsal.side_effects[:MAX_STEPS])
    return played


def changes(name: str) -> bool:
    """Whether a tool has side effects."""
    spec = registry.find(name)
    return spec is not None and has_side_effect(spec)


def rehearse_calls(actor: Actor, calls: Sequence[tuple[str, dict[str, Any]]]) -> tuple[Rehearsed, ...]:
    """What these calls, one after the other, would do now."""

    def each(rehearsal: Rehearsal) -> None:
        for name, arguments in calls:
            rehearsal.call(name, arguments)

    _, rehearsal = rehearse(actor, each)
    return tuple(rehearsal.calls)


def _perform(tools: frozenset[str], plan: Plan, messages: Sequence[Message], call: Call) -> Played:
    memory, _ = recall(messages, tools, plan.language)
    text = " ".join(intent.text for intent in plan.intents)
    desk = Desk(plan.language, tools, memory, message=text, pending=memory.pending)
    memory.pending = None
    played, seen = Played(), dict[str, Product]()
    notes: list[str] = []
    for intent in plan.intents:
        said, has_changed = len(desk.paragraphs), False
        for made in _acted(desk, intent, call):
            played.rounds.append(made)
            has_changed = has_changed or any(changes(each.tool) for each in made)
            for each in made:
                seen |= {p.sku: p for p in products_in(each.result) if p.sku not in seen}
        notes += [] if has_changed else desk.paragraphs[said:]
    played.notes = "\n".join(notes)
    played.text, played.seen, played.asks = desk.text, tuple(seen.values()), memory.pending is not None
    return played


def _acted(desk: Desk, intent: Intent, call: Call) -> Iterator[list[Made]]:
    """Play one act, a round at a time."""
    act = ACTS[intent.name](desk, intent)
    try:
        calls = next(act)
        while True:
            made = [Made(c.name, dict(c.arguments), call(c.name, dict(c.arguments))) for c in calls]
            yield made
            calls = act.send([each.result for each in made])
    except StopIteration:
        return
