"""What a run leaves behind in its row: who answered, how fast, at what cost."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from app.core.actor import Actor
from app.gateway.failover import Answerer
from app.gateway.pricing import cost_micros
from app.gateway.routing import CALLER, Route
from app.llm.client import Usage
from app.runtime import settings


@dataclass(slots=True)
class Spending:
    """Tokens and their price so far, in millionths of a yuan."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_micros: int = 0

    def count(self, usage: Usage, route: Route) -> None:
        """Add what a turn has used; a caller's own model costs the shop nothing."""
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        if route.key != CALLER:
            self.cost_micros += cost_micros(
                route.model_name,
                usage.prompt_tokens,
                usage.completion_tokens,
                cached_tokens=usage.cached_tokens,
            )

    @property
    def usage(self) -> dict[str, int]:
        """As OpenAI's answers tell it."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


def account_of(answerer: Answerer | None, spent: Spending, started: float) -> dict[str, Any]:
    """The columns of `runs`. `started` is on the monotonic clock; without an answerer no model was asked."""
    tokens = {"prompt_tokens": spent.prompt_tokens, "completion_tokens": spent.completion_tokens}
    duration = {"duration_ms": _ms(started, time.monotonic())}
    if answerer is None or not answerer.attempts:
        return {**tokens, **duration, "attempts": 0}
    used, first = answerer.used, answerer.first_token_at
    return {
        **tokens,
        **duration,
        "model": used.model_name,
        "provider": used.provider,
        "agent_version_id": used.version_id,
        "attempts": answerer.attempts,
        "first_token_ms": None if first is None else _ms(started, first),
        "cost_micros": spent.cost_micros,
    }


def _ms(started: float, moment: float) -> int:
    return round((moment - started) * 1000)


def pseudonym(actor: Actor) -> str:
    """Tells a provider's people apart; it cannot be led back to anybody without our secret."""
    return hashlib.sha256(f"{settings().secret_key}\n{actor.subject}".encode()).hexdigest()[:32]
