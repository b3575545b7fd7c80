"""What each model is told in one run: its prompt, the tools it may use, how it should write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from app.agent.prompts import system_prompt
from app.core.actor import Actor
from app.core.clock import now
from app.gateway.account import pseudonym
from app.gateway.providers import BUILTIN
from app.gateway.routing import Route
from app.llm.client import ChatRequest, Message
from app.llm.fencing import Fence
from app.llm.gateway import ModelOptions
from app.runtime import settings
from app.tools.queries import Offer, list_tools


@dataclass(frozen=True, slots=True)
class Briefing:
    """The same for all turns of a run; what the caller asked for goes before what an agent's version says."""

    actor: Actor
    options: ModelOptions
    offers: Sequence[Offer]
    fence: Fence = field(default_factory=Fence)

    @classmethod
    def of(cls, actor: Actor, options: ModelOptions) -> Briefing:
        """Reads the tools that the actor has now."""
        return cls(actor, options, list_tools(actor))

    def request(self, route: Route, messages: Sequence[Message]) -> ChatRequest:
        """One turn's request for a route; `messages` are those without the system's."""
        actor, options = self.actor, self.options
        temperature = route.temperature if options.temperature is None else options.temperature
        request = ChatRequest(
            messages=[{"role": "system", "content": self._prompt(route)}, *messages],
            tools=[offer.model_schema(actor.locale) for offer in self._offers(route)],
            locale=actor.locale,
            temperature=temperature,
            max_tokens=options.max_tokens or route.max_tokens,
            user=pseudonym(actor),
        )
        # The built-in model reads the plain JSON of results and obeys no text.
        return request if route.provider == BUILTIN else self.fence.guard(request)

    def admitted(self, route: Route) -> frozenset[str] | None:
        """The names of the tools that a route's model may call; None for all that the actor may use."""
        if route.tools is None:
            return None
        return frozenset(offer.spec.name for offer in self._offers(route))

    def _offers(self, route: Route) -> list[Offer]:
        return [offer for offer in self.offers if route.admits(offer.spec.name, offer.spec.category)]

    def _prompt(self, route: Route) -> str:
        return system_prompt(self.actor, _today(), own=route.system_prompt)


def _today() -> datetime:
    return now().astimezone(ZoneInfo(settings().shop_timezone))
