"""Tools called for their answer only: what a plan would do, read back before anybody agrees to it, and undone again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from app.core.actor import Actor
from app.core.errors import DomainError
from app.db import transaction
from app.tools.executor import fingerprint
from app.tools.fixed import validated
from app.tools.outcome import failure
from app.tools.queries import get_tool
from app.tools.spec import ToolSpec

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A call and what it would answer. `fingerprint` is that of what a person is asked, for a tool that asks."""

    tool: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    is_side_effect: bool
    fingerprint: str | None = None

    @property
    def error(self) -> dict[str, Any] | None:
        return self.result.get("error")


class NotRehearsable(DomainError):
    """The tool does its work elsewhere, where nothing can be undone."""


class Rehearsal:
    """Calls made one after the other, each seeing what the ones before it did."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self.calls: list[Rehearsed] = []

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the tool answers; an error is its answer too."""
        made = self._made(name, arguments)
        self.calls.append(made)
        return made.result

    @property
    def side_effects(self) -> list[Rehearsed]:
        """The calls that would change something."""
        return [call for call in self.calls if call.is_side_effect]

    def _made(self, name: str, arguments: dict[str, Any]) -> Rehearsed:
        changes = False
        try:
            spec, switch = get_tool(self._actor, name)
            changes = has_side_effect(spec)
            if changes and spec.is_elsewhere:
                raise NotRehearsable()
            checked = validated(spec, arguments, switch.fixed_arguments)
            if spec.confirm:
                asked = spec.preview(self._actor, checked) if spec.preview else {"title": spec.name}
                result = {"status": "confirmation_required", "summary": asked}
                return Rehearsed(name, arguments, result, True, fingerprint(name, checked, asked))
            answer = spec.run(self._actor, checked)
            if not isinstance(answer, dict):
                raise NotRehearsable()
            return Rehearsed(name, arguments, answer, changes)
        except Exception as error:
            return Rehearsed(name, arguments, failure(error, name).result, changes)


def has_side_effect(spec: ToolSpec) -> bool:
    """True for what changes anything, or asks before it does."""
    return spec.writes or spec.confirm


def rehearse(actor: Actor, play: Callable[[Rehearsal], Made]) -> tuple[Made, Rehearsal]:
    """Let `play` make calls in one transaction, and undo all of it. Raises what `play` raises."""
    rehearsal = Rehearsal(actor)
    made: list[Made] = []
    try:
        with transaction():
            made.append(play(rehearsal))
            raise _Undo
    except _Undo:
        return made[0], rehearsal


class _Undo(Exception):
    """Ends a rehearsal's transaction without a commit."""
