"""Any model that speaks OpenAI's chat completions, behind our protocol.

Wire format: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any, cast

import openai
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk

from app.llm.client import ChatRequest, Finish, ModelError, ModelEvent, TextDelta, ToolCall, Usage

log = getLogger(__name__)
WATCH_SECONDS = 0.25
# One more try, before anything was said, for what often passes by itself.
RETRIES = 1
RETRY_SECONDS = 0.3
WRITE_SECONDS = 10.0


class OpenAICompatible:
    """A chat model at an OpenAI-compatible address. One object serves any number of threads."""

    def __init__(
        self, *, base_url: str, api_key: str, model: str, connect_timeout: float, read_timeout: float
    ) -> None:
        self.name = model
        # `read` is the longest silence between two pieces of an answer, in seconds.
        timeout = openai.Timeout(
            connect=connect_timeout, read=read_timeout, write=WRITE_SECONDS, pool=connect_timeout
        )
        self._client = OpenAI(
            base_url=base_url,
            # Servers on one's own machine want no key, the client wants one.
            api_key=api_key or "none",
            timeout=timeout,
            max_retries=0,
        )

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        """One turn. Raises ModelError."""
        try:
            with self._open(request) as chunks, _closing_when_cancelled(chunks, request):
                yield from _events(chunks, request)
        except openai.OpenAIError as error:
            if not request.cancelled():
                raise _translated(error) from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            # What came is not what the protocol says (no JSON, or other shapes).
            if not request.cancelled():
                raise ModelError("UPSTREAM", f"malformed answer: {error!r}", retryable=True) from error

    def _open(self, request: ChatRequest) -> Stream[ChatCompletionChunk]:
        for attempt in range(RETRIES + 1):
            try:
                return self._create(request)
            except (openai.APIConnectionError, openai.InternalServerError) as error:
                is_timeout = isinstance(error, openai.APITimeoutError)
                if attempt == RETRIES or is_timeout or request.cancelled():
                    raise
                log.info("model_retried error=%r", error)
                time.sleep(RETRY_SECONDS)
        raise AssertionError("unreachable")

    def _create(self, request: ChatRequest) -> Stream[ChatCompletionChunk]:
        options: dict[str, Any] = {
            "tools": list(request.tools) or None,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
        }
        given = {key: value for key, value in options.items() if value is not None}
        answer = self._client.chat.completions.create(
            model=self.name,
            messages=cast(Any, list(request.messages)),
            stream=True,
            stream_options={"include_usage": True},
            **given,
        )
        return cast("Stream[ChatCompletionChunk]", answer)


@dataclass(slots=True)
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Calls:
    """Tool calls that arrive in pieces, merged by their index."""

    by_index: dict[int, _PartialCall] = field(default_factory=dict)
    all: list[_PartialCall] = field(default_factory=list)

    def add(self, piece: Any) -> None:
        index = piece.index if piece.index is not None else len(self.all)
        call = self.by_index.get(index)
        # Some servers number every call 0: another id is another call.
        if call is None or (piece.id and call.id and piece.id != call.id):
            call = _PartialCall()
            self.by_index[index] = call
            self.all.append(call)
        call.id = call.id or piece.id or ""
        if piece.function is not None:
            call.name += piece.function.name or ""
            call.arguments += piece.function.arguments or ""

    def complete(self) -> Iterator[ToolCall]:
        for call in self.all:
            if call.name:
                yield ToolCall(call.id, call.name, call.arguments or "{}")


def _events(chunks: Stream[ChatCompletionChunk], request: ChatRequest) -> Iterator[ModelEvent]:
    calls, reason, usage = _Calls(), "", None
    for chunk in chunks:
        if request.cancelled():
            return
        if chunk.usage is not None:
            usage = Usage(chunk.usage.prompt_tokens or 0, chunk.usage.completion_tokens or 0)
        for choice in chunk.choices[:1]:
            if choice.delta is not None and choice.delta.content:
                yield TextDelta(choice.delta.content)
            for piece in (choice.delta and choice.delta.tool_calls) or ():
                calls.add(piece)
            reason = choice.finish_reason or reason
    if request.cancelled():
        return
    if not reason:
        raise ModelError("UPSTREAM", "the answer broke off", retryable=True)
    found = list(calls.complete())
    yield from found
    if usage is not None:
        yield usage
    yield Finish("tool_calls" if found else "length" if reason == "length" else "stop")


class _closing_when_cancelled:  # noqa: N801 - used as a context manager
    """Watches for a cancel while the stream's own thread waits for the next piece."""

    def __init__(self, chunks: Stream[ChatCompletionChunk], request: ChatRequest) -> None:
        self._chunks = chunks
        self._request = request
        self._is_over = threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self._watch, daemon=True, name="model-watch").start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()

    def _watch(self) -> None:
        while not self._is_over.wait(WATCH_SECONDS):
            if self._request.cancelled():
                _shut(self._chunks)
                return


def _shut(chunks: Stream[ChatCompletionChunk]) -> None:
    """End the connection so that a read that waits on it returns; closing alone would not wake a thread."""
    with suppress(Exception):
        connection = chunks.response.extensions["network_stream"].get_extra_info("socket")
        connection.shutdown(socket.SHUT_RDWR)


def _translated(error: openai.OpenAIError) -> ModelError:
    """The client's error in the codes of our API."""
    text = f"{type(error).__name__}: {error}"[:300]
    if isinstance(error, openai.RateLimitError):
        return ModelError("RATE_LIMITED", text, retryable=True)
    if isinstance(error, openai.APITimeoutError):
        return ModelError("TIMEOUT", text, retryable=True)
    is_our_fault = isinstance(error, openai.APIStatusError) and error.status_code < 500
    return ModelError("UPSTREAM", text, retryable=not is_our_fault)
