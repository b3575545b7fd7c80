"""What is asked of a model outside of a talk: one task, its reply's form, and what may become of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ValidationError

Reply = TypeVar("Reply", bound=BaseModel)
Value = TypeVar("Value")
# What a model may say, in tokens, and how often.
MAX_TOKENS = 2_000
ROUNDS = 2
Code = Literal[
    "NO_MODEL",
    "BUDGET_EXCEEDED",
    "TIMEOUT",
    "UPSTREAM",
    "TOO_LONG",
    "BLANK",
    "NOT_JSON",
    "INVALID",
    "REJECTED",
]


class Wrong(Exception):
    """A reply that a task's `check` does not take. `problem` is what the model is told of it; JSON."""

    def __init__(self, **problem: Any) -> None:
        self.problem = problem
        self.code = str(problem.get("code", ""))[:40]
        super().__init__(json.dumps(problem, ensure_ascii=False, default=str))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no value. `reason` is the code of what a check refused; `detail`, for logs, may hold words of the model."""

    code: Code
    detail: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.code} {self.reason}".strip()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Value]):
    """What became of a question: a value, or a failure; `rounds` the model answered."""

    value: Value | None
    failure: Failure | None = None
    rounds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Reply, Value]):
    """One thing to ask. `prompt` is ours; `data` are pairs of a source and what others wrote, which is fenced.

    `check` makes the value of a reply, or raises Wrong. `rounds` the model has at most.
    """

    name: str
    prompt: str
    data: Sequence[tuple[str, str]]
    reply: type[Reply]
    check: Callable[[Reply], Value]
    max_tokens: int = MAX_TOKENS
    rounds: int = ROUNDS


def problems_of(error: ValidationError) -> list[dict[str, str]]:
    """What is wrong with a reply and where, without what it said there."""
    return [
        {"at": ".".join(map(str, each["loc"]))[:120], "problem": each["msg"][:200]}
        for each in error.errors(include_url=False, include_input=False, include_context=False)[:12]
    ]
