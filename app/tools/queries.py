"""Which tools an actor has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.core.actor import Actor
from app.core.errors import N_, NotFound
from app.tools.fixed import open_schema
from app.tools.groups import Switch, find_group, switch_of, switches
from app.tools.registry import registry
from app.tools.spec import ToolSpec


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that an actor has, with what the database says of it."""

    spec: ToolSpec
    switch: Switch

    def description(self, locale: str) -> str:
        """What an admin wrote about the tool, else its own description in the language."""
        own = self.spec.descriptions
        return self.switch.description or own.get(locale) or own["en"]

    def input_schema(self) -> dict[str, Any]:
        """JSON Schema of what the caller may say; shared, not to be changed."""
        return open_schema(self.spec, self.switch.fixed_arguments)

    def model_schema(self, locale: str) -> dict[str, Any]:
        """The tool as a chat model gets it: OpenAI's function schema."""
        function = {
            "name": self.spec.name,
            "description": self.description(locale),
            "parameters": self.input_schema(),
        }
        return {"type": "function", "function": function}


def list_tools(actor: Actor) -> list[Offer]:
    """The tools that are switched on and that the actor may use, in the order of their declaration."""
    if actor.group_id is not None:
        return _list_in_group(actor, actor.group_id)
    known = switches()
    offers = (Offer(spec, known.get(spec.name, Switch())) for spec in registry if spec.is_for(actor))
    return [offer for offer in offers if offer.switch.enabled]


def _list_in_group(actor: Actor, group_id: int) -> list[Offer]:
    group = find_group(group_id)
    if group is None:
        return []
    specs = [spec for spec in registry if spec.is_for(actor) and group.has(spec)]
    return [Offer(spec, group.switches[spec.name]) for spec in specs]


def get_tool(actor: Actor, name: str) -> tuple[ToolSpec, Switch]:
    """One tool and its switch. Raises NotFound: a tool that the actor may not use does not exist for it."""
    spec = registry.find(name)
    switch = _find_switch(actor, spec) if spec is not None and spec.is_for(actor) else None
    if spec is None or switch is None:
        raise NotFound(N_("There is no tool called %(name)s."), name=name[:64])
    return spec, switch


def _find_switch(actor: Actor, spec: ToolSpec) -> Switch | None:
    """What counts for this actor; None when the tool is off for it."""
    if actor.group_id is None:
        switch = switch_of(spec.name)
        return switch if switch.enabled else None
    group = find_group(actor.group_id)
    return group.switches[spec.name] if group is not None and group.has(spec) else None
