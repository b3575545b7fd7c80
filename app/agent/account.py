"""What a run leaves behind in its row: who answered, how fast, at what cost."""

from __future__ import annotations

import time
from typing import Any

from app.agent.loop import Answer
from app.gateway.failover import Answerer


def account_of(answerer: Answerer | None, answer: Answer, started: float) -> dict[str, Any]:
    """The columns of `runs`. `started` is on the monotonic clock; without an answerer no model was asked."""
    tokens = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens}
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
        "cost_micros": answer.cost_micros,
    }


def _ms(started: float, moment: float) -> int:
    return round((moment - started) * 1000)
