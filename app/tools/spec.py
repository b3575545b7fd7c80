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

    def input_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments; shared, not to be changed."""
        return _schema_of(self.arguments)

    def is_for(self, actor: Actor) -> bool:
        """True when the actor may use it."""
        return not self.roles or actor.has_role(*self.roles)


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
