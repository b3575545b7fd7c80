"""The rounds of an answer: ask the model, run the tools it calls, ask again, until it only talks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.agent.briefing import Briefing
from app.agent.desk import Desk
from app.agent.endings import out_of_steps
from app.agent.history import call_message
from app.gateway.account import Spending
from app.gateway.failover import Answerer
from app.gateway.providers import BUILTIN
from app.llm.client import Message, ModelError, TextDelta, ToolCall, Usage
from app.tools.cancellation import Cancellation

Emit = Callable[[str, dict[str, Any]], None]


@dataclass(slots=True)
class Answer(Spending):
    """What has been said and used so far; what is in here is kept however the run ends."""

    text: str = ""


@dataclass(slots=True)
class Turn:
    """One turn of the model."""

    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Loop:
    """One answer in the making. `deadline` is on the monotonic clock."""

    answerer: Answerer
    briefing: Briefing
    desk: Desk
    emit: Emit
    cancellation: Cancellation
    deadline: float
    max_steps: int
    answer: Answer = field(default_factory=Answer)

    def run(self, told: Sequence[Message]) -> None:
        """Go on until the model calls no tool, `max_steps` rounds at most. Raises Cancelled, ModelError.

        `told` is what was said so far, without the system's message.
        """
        messages = list(told)
        for _ in range(self.max_steps):
            turn = self._turn(messages)
            if not turn.calls:
                if not self.answer.text and not self.desk.has_called:
                    raise ModelError("UPSTREAM", "the model said nothing", retryable=True)
                return
            results = self.desk.call_all(turn.calls)
            messages += [call_message(turn.text, [call for call, _ in results]), *_tool_messages(results)]
            self.cancellation.check()
        self._say(out_of_steps(self.max_steps, self.desk.done), Turn())

    def _turn(self, messages: Sequence[Message]) -> Turn:
        self.cancellation.check()
        turn = Turn()
        if time.monotonic() > self.deadline:
            raise ModelError("TIMEOUT", "the run has reached its deadline", retryable=True)
        for event in self.answerer.turn(
            lambda route: self.briefing.request(route, messages), self.cancellation, self.deadline
        ):
            if isinstance(event, TextDelta):
                self._say(event.content, turn)
            elif isinstance(event, ToolCall):
                turn.calls.append(event)
            elif isinstance(event, Usage):
                self.answer.count(event, self.answerer.used)
        used = self.answerer.used
        self.desk.is_own_model = used.provider == BUILTIN
        self.desk.admitted = self.briefing.admitted(used)
        return turn

    def _say(self, content: str, turn: Turn) -> None:
        """Stream text; what a later turn says is a new paragraph of the same answer."""
        if not content:
            return
        # Half a surrogate pair, which some servers cut emoji into, cannot be stored.
        content = content.encode("utf-8", "replace").decode()
        piece = f"\n\n{content}" if self.answer.text and not turn.text else content
        turn.text += content
        self.answer.text += piece
        self.emit("chunk", {"content": piece})


def _tool_messages(results: Sequence[tuple[dict[str, Any], str]]) -> list[Message]:
    return [{"role": "tool", "tool_call_id": call["id"], "content": content} for call, content in results]
