"""The protocol every chat model speaks: messages in, a stream of small events out.

The agent loop, the built-in model and the OpenAI-compatible client all build on these types and on nothing of
each other, so any of them can be replaced alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
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
    """What the turn cost, in the model's own tokens; `cached_tokens` are part of the prompt's."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a turn: ``stop``, ``tool_calls`` or ``length``."""

    reason: str


@dataclass(frozen=True, slots=True)
class Alive:
    """Work without words: a piece of a tool call, a thought. It holds the timeouts off and says nothing."""


ModelEvent = TextDelta | ToolCall | Usage | Finish | Alive
Watch = Callable[[Callable[[], None]], AbstractContextManager[None]]


def _never_cancelled() -> bool:
    return False


def _never_called(_call: Callable[[], None]) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """The one JSON object that an answer shall be. ``schema`` is a JSON Schema, every property required (`app.llm.forms`)."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One turn's input. ``locale`` is the page's language; the reply follows the customer's own words first.

    ``form`` asks for JSON; a provider may not take it, so the prompt must ask for it as well.
    ``user`` tells customers apart without naming them. ``cancelled()`` is looked at between two pieces;
    ``with on_cancel(call):`` has ``call`` called at once, from another thread, while the block runs.
    """

    messages: Sequence[Message]
    tools: Sequence[ToolSchema]
    locale: str = "zh"
    temperature: float | None = None
    max_tokens: int | None = None
    form: AnswerForm | None = None
    user: str = ""
    cancelled: Callable[[], bool] = _never_cancelled
    on_cancel: Watch = _never_called


class ModelError(Exception):
    """A model could not answer. ``code`` is an error code of the API (UPSTREAM, RATE_LIMITED, TIMEOUT ...).

    ``retryable`` is False when it will fail again until a person has changed something. ``status`` is the
    provider's HTTP status, where there was one; ``retry_after`` the seconds it asked us to wait.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        retryable: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after


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
