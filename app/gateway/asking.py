"""One question to the agents of a purpose, without tools and without a conversation: notes, a welcome, a summary."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from app.core.actor import Actor
from app.gateway.account import Spending, account_of, pseudonym
from app.gateway.budgets import BudgetExceeded
from app.gateway.failover import Answerer
from app.gateway.providers import BUILTIN
from app.gateway.routing import Route, routes_for
from app.llm.client import ChatRequest, Message, TextDelta, Usage
from app.llm.fencing import Fence
from app.llm.gateway import ModelOptions
from app.llm.tokens import count_messages, count_tokens
from app.tools.cancellation import Cancellation

MAX_SAID = 4_000


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent answered, by which way, what it cost, and `account`: the same as columns of `runs`."""

    text: str
    route: Route
    spent: Spending
    account: dict[str, Any]


def outside_routes(purpose: str, subject: str) -> list[Route]:
    """The ways to a model elsewhere; none without a key, or when the month's budgets are used up."""
    try:
        routes = routes_for(purpose, subject, ModelOptions())
    except BudgetExceeded:
        return []
    return [route for route in routes if route.provider != BUILTIN]


def ask_once(purpose: str, actor: Actor, prompt: str, data: str, *, deadline: float) -> Said | None:
    """What the first agent that answers says to `prompt` (ours) about `data` (others', fenced); None without agents.

    An agent's own prompt goes before ours. `deadline` is on the monotonic clock. Raises ModelError. Call it outside of
    a transaction.
    """
    routes = outside_routes(purpose, actor.subject)
    if not routes:
        return None

    def request(route: Route) -> ChatRequest:
        system = f"{route.system_prompt}\n\n{prompt}".strip()
        messages: list[Message] = [
            {"role": "system", "content": system},
            {"role": "user", "content": data, "source": purpose},
        ]
        asked = ChatRequest(
            messages=messages,
            tools=(),
            locale=actor.locale,
            user=pseudonym(actor),
            temperature=route.temperature,
            max_tokens=route.max_tokens,
        )
        return Fence().guard(asked)

    answerer, said, used, began = Answerer(routes), "", None, time.monotonic()
    for event in answerer.turn(request, Cancellation(), deadline):
        if isinstance(event, Usage):
            used = event
        elif isinstance(event, TextDelta) and len(said) < MAX_SAID:
            said += event.content.encode("utf-8", "replace").decode()
    # Some servers do not say what an answer cost.
    spent = Spending()
    spent.count(
        used or Usage(count_messages(request(answerer.used).messages), count_tokens(said)), answerer.used
    )
    return Said(said[:MAX_SAID].strip(), answerer.used, spent, account_of(answerer, spent, began))
