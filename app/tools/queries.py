"""Which tools an actor has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.core.actor import Actor
from app.core.errors import N_, NotFound
from app.tools.groups import Switch, switch_of, switches
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

    def model_schema(self, locale: str) -> dict[str, Any]:
        """The tool as a chat model gets it: OpenAI's function schema."""
        function = {
            "name": self.spec.name,
            "description": self.description(locale),
            "parameters": self.spec.input_schema(),
        }
        return {"type": "function", "function": function}


def list_tools(actor: Actor) -> list[Offer]:
    """The tools that are switched on and that the actor may use, in the order of their declaration."""
    known = switches()
    offers = (Offer(spec, known.get(spec.name, Switch())) for spec in registry if spec.is_for(actor))
    return [offer for offer in offers if offer.switch.enabled]


def get_tool(actor: Actor, name: str) -> tuple[ToolSpec, Switch]:
    """One tool and its switch. Raises NotFound: a tool that the actor may not use does not exist for it."""
    switch = switch_of(name)
    spec = registry.find(name)
    if spec is None or not switch.enabled or not spec.is_for(actor):
        raise NotFound(N_("There is no tool called %(name)s."), name=name[:64])
    return spec, switch
