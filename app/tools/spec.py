"""Declaring a tool once: what it does, typed arguments, roles, whether a person must say yes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cache
from inspect import isgeneratorfunction
from typing import Any

from pydantic import BaseModel

from app.core.actor import Actor, Role

Summary = dict[str, Any]
Result = dict[str, Any]
Run = Callable[[Actor, Any], Result | Generator[str, None, Result]]
OWN_SERVER = "shop"
GUEST = "guest"


class Arguments(BaseModel, extra="forbid"):
    """Base of every tool's arguments; the JSON Schema is made from the subclass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool.

    `run(actor, arguments)` returns a JSON-ready dict and raises DomainError. It runs inside one transaction
    when `writes`. With `streaming` it is a generator: it yields text while it works, which is shown at once, and
    returns the dict (`app.tools.streaming` has the bounds). `roles` empty means everybody, guests too; else the
    actor must hold one. A tool with `confirm` has `preview(actor, arguments)`: what the person will be asked to agree to (its hash voids the
    confirmation when the cart or a price has changed meanwhile). Descriptions are by language, "zh" and
    "en".

    A tool of an attached server (`server` is its code) does its work elsewhere: nothing of it can be rolled back.
    Its `schema` is the one that its server gave, and `offered_to`, names of roles and GUEST, stands in for `roles`;
    a group that an admin put it into has it in any case.
    """

    name: str
    category: str
    descriptions: dict[str, str]
    arguments: type[Arguments]
    run: Run
    roles: frozenset[Role] = frozenset()
    writes: bool = False
    confirm: bool = False
    preview: Callable[[Actor, Any], Summary] | None = None
    streaming: bool = False
    timeout_seconds: float | None = None
    server: str = OWN_SERVER
    schema: dict[str, Any] | None = None
    offered_to: frozenset[str] | None = None

    @property
    def is_elsewhere(self) -> bool:
        """True for a tool of an attached server."""
        return self.server != OWN_SERVER

    def input_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments; shared, not to be changed."""
        return _schema_of(self.arguments) if self.schema is None else self.schema

    def is_for(self, actor: Actor) -> bool:
        """True when the actor may use it."""
        if not actor.may_write and (self.writes or self.confirm):
            return False
        if self.offered_to is not None:
            return actor.group_id is not None or self._is_offered_to(actor)
        return not self.roles or actor.has_role(*self.roles)

    def _is_offered_to(self, actor: Actor) -> bool:
        offered = self.offered_to or frozenset()
        return GUEST in offered if actor.is_guest else bool(actor.roles & offered)


@cache
def _schema_of(arguments: type[Arguments]) -> dict[str, Any]:
    """Made once: it takes a quarter of a millisecond, and every round of an answer names all tools."""
    schema = arguments.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    return schema


def tool(
    *,
    category: str,
    zh: str,
    en: str,
    arguments: type[Arguments] = Arguments,
    roles: tuple[Role, ...] = (),
    writes: bool = False,
    confirm: bool = False,
    preview: Callable[[Actor, Any], Summary] | None = None,
    streaming: bool = False,
    timeout_seconds: float | None = None,
) -> Callable[[Run], ToolSpec]:
    """Turn `def name(actor, arguments) -> dict` into a ToolSpec of the same name."""

    def decorate(run: Run) -> ToolSpec:
        if streaming != isgeneratorfunction(run):
            raise TypeError(
                f"{run.__name__}: a tool that yields is declared with streaming=True, and no other"
            )
        return ToolSpec(
            name=run.__name__,
            category=category,
            descriptions={"zh": zh, "en": en},
            arguments=arguments,
            run=run,
            roles=frozenset(roles),
            writes=writes,
            confirm=confirm,
            preview=preview,
            streaming=streaming,
            timeout_seconds=timeout_seconds,
        )

    return decorate
