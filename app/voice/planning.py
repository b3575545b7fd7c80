"""From a plan of intents to the calls that would carry it out, found by playing the built-in model's acts in rehearsal.

What an act reads of the catalogue is read before, outside of any transaction: a search may take its time, and a rehearsal
holds the database's one writer. What an act would change is changed in a transaction that is undone; so every step sees what
the steps before it do ("add two hand creams, then check out"), and the total that is read back is the one that will be charged.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.actor import Actor
from app.llm.builtin.acts import ACTS
from app.llm.builtin.desk import Desk, Memory, products_in
from app.llm.builtin.intents import Intent, Plan
from app.llm.builtin.products import Product
from app.llm.builtin.thread import recall
from app.llm.client import Message
from app.tools.queries import list_tools
from app.tools.rehearsal import Rehearsal, Rehearsed, rehearse
from app.voice.dialogue import Step
from app.voice.reads import Read, Reads, Wanted, changes, depends_on, is_of_the_catalogue, written_by

# What is asked in one breath; of a sentence with more to do the rest is said again later.
MAX_STEPS = 8
# How often a rehearsal is broken off to read what it needs; after that it reads for itself.
MAX_TRIES = 4
# One round of calls, and their results in the same order.
Call = Callable[[Sequence[Wanted]], list[Read]]


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and its result."""

    tool: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    status: str = "ok"
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Later(Rehearsed):
    """A step that only reads, but what the steps before it change: `tells` is the intent that says what it found."""

    tells: str = ""


@dataclass(slots=True)
class Played:
    """What became of a plan. `steps` is what would be done, in order; with none, `text` is the answer.

    `asks`: the text is a question back. `seen` are the products that were looked at, the best first, for "the other
    one". `rounds` are all calls, those of one round side by side; `notes` what was said of wishes that came to no step;
    `answered` the first call of each intent that only read; `said` the keys of the answer's sentences.
    """

    text: str = ""
    steps: tuple[Rehearsed, ...] = ()
    seen: tuple[Product, ...] = ()
    asks: bool = False
    rounds: list[list[Made]] = field(default_factory=list)
    notes: str = ""
    answered: list[Made] = field(default_factory=list)
    said: tuple[str, ...] = ()


class _WouldChange(Exception):
    """Reading is not enough: the plan has to be rehearsed."""


class _Unread(Exception):
    """A rehearsal needs something of the catalogue that was not read before."""

    def __init__(self, wanted: list[Wanted]) -> None:
        super().__init__()
        self.wanted = wanted


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
        "claim",
        "human",
    }
)
# Intents that tell what the customer has; after a step that changes it they have to wait for that step.
_TELLING = frozenset({"view_cart", "cart_total", "order_status", "list_coupons"})


def play(actor: Actor, plan: Plan, messages: Sequence[Message], reads: Reads | None = None) -> Played:
    """Answer the plan at once when it only reads, else rehearse it. Outside of any transaction.

    `reads` is what was read for another plan of the same utterance.
    """
    player = _Player(actor, plan, messages, reads or Reads(actor))
    player.read_ahead()
    if not player.is_changing:
        try:
            return player.answer()
        except _WouldChange:
            pass
    return player.rehearse()


def rehearse_steps(actor: Actor, steps: Sequence[Step]) -> tuple[Rehearsed, ...]:
    """What these steps, one after the other, would do now."""
    found: list[Rehearsed] = []

    def each(rehearsal: Rehearsal) -> None:
        for step in steps:
            if step.tells:
                found.append(Later(step.action, step.params, {}, False, tells=step.tells))
            else:
                rehearsal.call(step.action, step.params)
                found.append(rehearsal.calls[-1])

    rehearse(actor, each)
    return tuple(found)


def tell(actor: Actor, language: str, tells: str, made: Made) -> str:
    """What a reading step has found, in the built-in model's words."""
    tools = frozenset(offer.spec.name for offer in list_tools(actor))
    desk = Desk(language, tools, Memory())
    number = made.arguments.get("order_id")
    intent = Intent(tells, "", order_id=number if isinstance(number, int) else None)
    read = Read(made.result, made.status, 0.0)
    list(_acted(desk, intent, lambda calls: [read] * len(calls)))
    return desk.text


class _Player:
    """Plays the acts of one plan."""

    def __init__(self, actor: Actor, plan: Plan, messages: Sequence[Message], reads: Reads) -> None:
        self._actor, self._plan, self._reads = actor, plan, reads
        self._tools = frozenset(offer.spec.name for offer in list_tools(actor))
        self._memory, _ = recall(messages, self._tools, plan.language)
        self._text = " ".join(dict.fromkeys(intent.text for intent in plan.intents))

    def read_ahead(self) -> None:
        """Read side by side what the intents begin with. What is not used after all has changed nothing."""
        first = [
            Wanted(c.name, dict(c.arguments)) for intent in self._plan.intents for c in self._first(intent)
        ]
        only_reads = not (self.is_changing or any(changes(call.name) for call in first))
        wanted = [call for call in first if only_reads or is_of_the_catalogue(call.name)]
        self._reads.read(wanted, is_answer=only_reads)

    @property
    def is_changing(self) -> bool:
        """Whether something is to be changed, as a rule."""
        return any(intent.name in _CHANGING for intent in self._plan.intents)

    def _first(self, intent: Intent) -> Sequence[Any]:
        act = ACTS[intent.name](self._desk(), intent)
        try:
            return next(act)
        except StopIteration:
            return ()
        finally:
            act.close()

    def _desk(self) -> Desk:
        memory = copy.copy(self._memory)
        pending, memory.pending = memory.pending, None
        return Desk(self._plan.language, self._tools, memory, message=self._text, pending=pending)

    def answer(self) -> Played:
        """With reading alone. Raises _WouldChange."""

        def read(calls: Sequence[Wanted]) -> list[Read]:
            if any(changes(call.name) for call in calls):
                raise _WouldChange
            self._reads.read(calls)
            return [found for call in calls if (found := self._reads.find(call))]

        return self._perform(read, None)

    def rehearse(self) -> Played:
        """In a transaction that is undone, broken off as often as something of the catalogue has to be read first."""
        for number in range(1, MAX_TRIES + 1):
            is_last = number == MAX_TRIES
            try:
                return rehearse(self._actor, lambda calls: self._rehearsed(calls, is_last))[0]  # noqa: B023
            except _Unread as missing:
                self._reads.read(missing.wanted, is_answer=False)
        raise AssertionError("unreachable")

    def _rehearsed(self, rehearsal: Rehearsal, is_last: bool) -> Played:
        def call(calls: Sequence[Wanted]) -> list[Read]:
            known = {each.key: self._reads.find(each) for each in calls if is_of_the_catalogue(each.name)}
            missing = [each for each in calls if each.key in known and known[each.key] is None]
            if missing and not is_last:
                raise _Unread(missing)
            return [
                known.get(each.key) or Read(rehearsal.call(each.name, each.arguments), "ok", 0.0)
                for each in calls
            ]

        return self._perform(call, rehearsal)

    def _perform(self, call: Call, rehearsal: Rehearsal | None) -> Played:
        desk, played, seen = self._desk(), Played(), dict[str, Product]()
        steps: list[Rehearsed] = []
        notes: list[str] = []
        for intent in self._plan.intents:
            if later := self._later(intent, steps):
                steps.append(later)
                continue
            said, made = len(desk.paragraphs), list(_acted(desk, intent, call))
            played.rounds += made
            calls = [each for each_round in made for each in each_round]
            for each in calls:
                seen |= {p.sku: p for p in products_in(each.result) if p.sku not in seen}
            if rehearsal is not None:
                steps += rehearsal.side_effects[sum(step.is_side_effect for step in steps) :]
            if not any(changes(each.tool) for each in calls):
                played.answered += calls[:1]
                notes += desk.paragraphs[said:]
        played.steps = tuple(steps[:MAX_STEPS])
        played.notes, played.said = "\n".join(notes), tuple(desk.said)
        played.text, played.seen, played.asks = (
            desk.text,
            tuple(seen.values()),
            desk.memory.pending is not None,
        )
        return played

    def _later(self, intent: Intent, steps: Sequence[Rehearsed]) -> Later | None:
        """The step of an intent that tells what the steps before it change; None for any other intent."""
        if intent.name not in _TELLING or not steps:
            return None
        written = frozenset[str]().union(*(written_by(step.tool) for step in steps if step.is_side_effect))
        first = self._first(intent)
        if len(first) != 1 or not depends_on(first[0].name, written):
            return None
        return Later(first[0].name, dict(first[0].arguments), {}, False, tells=intent.name)


def _acted(desk: Desk, intent: Intent, call: Call) -> Iterator[list[Made]]:
    """Play one act, a round at a time."""
    act = ACTS[intent.name](desk, intent)
    try:
        calls = next(act)
        while True:
            wanted = [Wanted(each.name, dict(each.arguments)) for each in calls]
            found = call(wanted)
            yield [
                Made(each.name, each.arguments, read.result, read.status, read.milliseconds)
                for each, read in zip(wanted, found, strict=True)
            ]
            calls = act.send([read.result for read in found])
    except StopIteration:
        return
