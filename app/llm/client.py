"""The protocol every chat model speaks: messages in, a stream of small events out.

The agent loop, the built-in model and the OpenAI-compatible client all build on these types and on nothing of
each other, so any of them can be replaced alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# OpenAI chat shape. role: system | user | assistant | tool; an assistant message may carry "tool_calls"
# [{"id", "type": "function", "function": {"name", "arguments": JSON text}}], a tool message a "tool_call_id".
Message = dict[str, Any]

# OpenAI tool schema: {"type": "function", "function": {"name", "description", "parameters"}}.
ToolSchema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text, to be appended to what came before."""

    content: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete tool call. ``arguments`` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the turn cost, in the model's own tokens."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a turn: ``stop``, ``tool_calls`` or ``length``."""

    reason: str


ModelEvent = TextDelta | ToolCall | Usage | Finish


def _never_cancelled() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One turn's input. ``locale`` is the page's language; the reply follows the customer's own words first."""

    messages: Sequence[Message]
    tools: Sequence[ToolSchema]
    locale: str = "zh"
    temperature: float | None = None
    max_tokens: int | None = None
    cancelled: Callable[[], bool] = _never_cancelled


class ModelError(Exception):
    """A model could not answer. ``code`` is an error code of the API (UPSTREAM, RATE_LIMITED, TIMEOUT ...)."""

    def __init__(self, code: str, message: str = "", *, retryable: bool = False) -> None:
        super().__init__(message or code)
        self.code = code
        self.retryable = retryable


class ChatModel(Protocol):
    """A chat model: streams the events of one turn, ended by exactly one :class:`Finish`.

    Raises :class:`ModelError` when the turn cannot be completed; text that was streamed before then stands.
    """

    @property
    def name(self) -> str:
        """The name that is shown and stored with an answer."""
        ...

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        """Answer ``request``; stop early, without an error, once ``request.cancelled()`` is true."""
        ...
