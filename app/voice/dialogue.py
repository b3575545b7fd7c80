"""What a spoken dialogue has come to: pure data, kept as JSON in the session."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, Field

from app.llm.client import Message

# How much of the dialogue "the second one" and "one more" may go back to.
TURNS = 8


class Step(BaseModel):
    """Something that will be done after a yes: a tool's name and arguments, and the executor's fingerprint of what is asked.

    `tells` is set for a step that only reads what the steps before it change: the intent that puts its result into words.
    """

    action: str
    params: dict[str, Any] = Field(default_factory=dict)
    fingerprint: str | None = None
    tells: str = ""


class Asked(BaseModel):
    """What was read out and waits for a yes. `others` are the SKUs that the last product could be changed for."""

    id: str
    language: str
    question: str
    steps: list[Step]
    others: list[str] = Field(default_factory=list)
    said: str = ""
    rounds: list[list[dict[str, Any]]] = Field(default_factory=list)

    @property
    def action(self) -> str:
        """The one action, or `chain`."""
        return self.steps[0].action if len(self.steps) == 1 else "chain"

    @property
    def params(self) -> dict[str, Any]:
        """The action's parameters; of a chain its steps."""
        if len(self.steps) == 1:
            return self.steps[0].params
        return {"steps": [{"action": step.action, "params": step.params} for step in self.steps]}

    def is_the_same(self, action: str, params: dict[str, Any]) -> bool:
        """Whether this is just what was read out."""
        return action == self.action and _canonical(params) == _canonical(self.params)


class State(BaseModel):
    """`messages` are those of the built-in model's thread; `held` are steps of a sentence of which a part is still unclear."""

    messages: list[Message] = Field(default_factory=list)
    asked: Asked | None = None
    held: list[Step] = Field(default_factory=list)
    last_said: str = ""
    question: dict[str, Any] | None = None

    def remember(self, said: str, rounds: list[list[dict[str, Any]]]) -> None:
        """Add a turn: what was said, and the calls that were made with their results, round by round."""
        turn: list[Message] = [{"role": "user", "content": said}]
        for number, made in enumerate(rounds):
            ids = [f"voice_{len(self.messages)}_{number}_{place}" for place in range(len(made))]
            calls = [
                {
                    "id": call_id,
                    "type": "function",
                    "function": {
                        "name": each["tool"],
                        "arguments": json.dumps(each["arguments"], ensure_ascii=False),
                    },
                }
                for call_id, each in zip(ids, made, strict=True)
            ]
            turn.append({"role": "assistant", "content": "", "tool_calls": calls})
            turn += [
                {
                    "role": "tool",
                    "tool_call_id": call_id,
                    "content": json.dumps(each["result"], ensure_ascii=False),
                }
                for call_id, each in zip(ids, made, strict=True)
            ]
        self.messages = _latest([*self.messages, *turn])


def _latest(messages: list[Message]) -> list[Message]:
    starts = [place for place, message in enumerate(messages) if message.get("role") == "user"]
    return messages[starts[-TURNS] :] if len(starts) > TURNS else messages


def _canonical(params: dict[str, Any]) -> str:
    return hashlib.sha256(
        json.dumps(params, sort_keys=True, ensure_ascii=False, default=str).encode()
    ).hexdigest()
