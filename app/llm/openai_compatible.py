"""Any model that speaks OpenAI's chat completions, behind our protocol.

Wire format: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai
from openai import OpenAI

from app.llm.client import (
    Alive,
    AnswerForm,
    ChatRequest,
    Finish,
    ModelError,
    ModelEvent,
    TextDelta,
    ToolCall,
    Usage,
)
from app.llm.http import Call
from app.llm.wire import (
    WRITE_SECONDS,
    batches_of,
    count,
    joined,
    of_status,
    read_rest,
    translating,
    unhurried,
)

DONE = "[DONE]"
# How an answer's form is asked for, the strictest first; the last is by the prompt alone.
SCHEMA, OBJECT, PLAIN = "json_schema", "json_object", ""
FORMATS = (SCHEMA, OBJECT, PLAIN)
# What servers answer that do not know the one or the other.
NOT_TAKEN = frozenset({400, 422, 501})
MAX_REFUSAL_BYTES = 2_000
# What several servers call the words that a model says to itself.
THOUGHTS = ("reasoning_content", "reasoning")


class OpenAICompatible:
    """A chat model at an OpenAI-compatible address. One object serves any number of threads."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str,
        connect_timeout: float,
        read_timeout: float,
        http: httpx2.Client,
    ) -> None:
        self.name = model
        self._api_key = api_key
        # `read` is the longest silence between two pieces of an answer, in seconds.
        timeout = openai.Timeout(
            connect=connect_timeout, read=read_timeout, write=WRITE_SECONDS, pool=connect_timeout
        )
        # Servers on one's own machine want no key, the client wants one.
        client = OpenAI(
            base_url=base_url, api_key=api_key or "none", timeout=timeout, max_retries=0, http_client=http
        )
        # The client says where to and as whom. Each request goes straight to its HTTP client: on the way through
        # the library's own layers it takes 1.5 ms more, and its typed stream takes 85 µs more for each piece.
        self._url = client.base_url.join("chat/completions")
        self._headers = {name: text for name, text in client.default_headers.items() if isinstance(text, str)}
        self._headers["Authorization"] = f"Bearer {client.api_key}"
        self._timeout, self._http = timeout, http
        # Where in FORMATS to begin: not every server takes each, and what it refused once it is not asked for again.
        self._format = 0

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        """One turn. Raises ModelError."""
        call = Call()
        with (
            request.on_cancel(call.end),
            translating(request, api_key=self._api_key),
            closing(self._send(request, call)) as response,
        ):
            if not response.is_success:
                raise _refused(response)
            yield from _events(response.iter_bytes(), call, request)

    def _send(self, request: ChatRequest, call: Call) -> httpx2.Response:
        """The response. Where the form of the answer is not taken, the same is asked with less of a form."""
        place = self._format if request.form else len(FORMATS) - 1
        while True:
            with call.sending():
                response = self._http.send(self._asked(request, FORMATS[place]), stream=True)
            is_refused = response.status_code in NOT_TAKEN and FORMATS[place] != PLAIN
            if not is_refused or request.cancelled():
                break
            response.close()
            place += 1
        if request.form and response.is_success:
            self._format = place
        return response

    def _asked(self, request: ChatRequest, kind: str) -> httpx2.Request:
        options: dict[str, Any] = {
            "tools": list(request.tools) or None,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "response_format": _format(request.form, kind),
        }
        body = {
            "model": self.name,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": list(request.messages),
            **{key: value for key, value in options.items() if value is not None},
        }
        return self._http.build_request(
            "POST", self._url, json=body, headers=self._headers, timeout=self._timeout
        )


def _format(form: AnswerForm | None, kind: str) -> dict[str, Any] | None:
    """https://platform.openai.com/docs/guides/structured-outputs"""
    if form is None or kind == PLAIN:
        return None
    if kind == OBJECT:
        return {"type": OBJECT}
    return {"type": SCHEMA, SCHEMA: {"name": form.name, "schema": form.schema, "strict": True}}


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

    def add(self, piece: dict[str, Any]) -> None:
        index = piece.get("index")
        index = index if index is not None else len(self.all)
        call_id = piece.get("id") or ""
        call = self.by_index.get(index)
        # Some servers number every call 0: another id is another call.
        if call is None or (call_id and call.id and call_id != call.id):
            call = _PartialCall()
            self.by_index[index] = call
            self.all.append(call)
        call.id = call.id or call_id
        function = piece.get("function") or {}
        call.name += function.get("name") or ""
        call.arguments += function.get("arguments") or ""

    def complete(self) -> Iterator[ToolCall]:
        for call in self.all:
            if call.name:
                yield ToolCall(call.id, call.name, joined(call.arguments) or "{}")


@dataclass(slots=True)
class _Turn:
    """What has come of a turn."""

    calls: _Calls = field(default_factory=_Calls)
    text: str = ""
    half: str = ""
    is_alive: bool = False
    is_over: bool = False
    reason: str = ""
    usage: Usage | None = None

    def take(self, batch: Iterable[str]) -> Exception | None:
        """Take in what came at once, up to the end mark. A failure is handed back: first what came before it is said."""
        try:
            for data in batch:
                if data == DONE:
                    self.is_over = True
                    break
                self._read(json.loads(data))
        except Exception as error:
            return error
        return None

    def said(self) -> ModelEvent | None:
        """What that was, as one event."""
        text, self.text = self.text, ""
        is_alive, self.is_alive = self.is_alive, False
        if text:
            return TextDelta(text)
        return Alive() if is_alive else None

    def _read(self, chunk: dict[str, Any]) -> None:
        if chunk.get("error"):
            raise _told(chunk["error"])
        if chunk.get("usage"):
            self.usage = _usage(chunk["usage"])
        choices = chunk.get("choices") or ()
        if choices:
            self._choice(choices[0])

    def _choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta") or {}
        pieces = delta.get("tool_calls") or ()
        for piece in pieces:
            self.calls.add(piece)
        self.reason = choice.get("finish_reason") or self.reason
        self.text += self._whole(_text(delta.get("content") or ""))
        self.is_alive = self.is_alive or bool(pieces) or any(delta.get(name) for name in THOUGHTS)

    def _whole(self, content: str) -> str:
        """The text without its last character when that is half of one: servers cut an emoji in two."""
        content, self.half = self.half + content, ""
        if content and "\ud800" <= content[-1] <= "\udbff":
            content, self.half = content[:-1], content[-1]
        return joined(content)

    def end(self) -> Iterator[ModelEvent]:
        if not self.reason:
            raise ModelError("UPSTREAM", "the answer broke off", retryable=True)
        found = list(self.calls.complete())
        yield from found
        if self.usage is not None:
            yield self.usage
        yield Finish("tool_calls" if found else "length" if self.reason == "length" else "stop")


def _events(pieces: Iterator[bytes], call: Call, request: ChatRequest) -> Iterator[ModelEvent]:
    turn = _Turn()
    for batch in batches_of(unhurried(pieces)):
        if request.cancelled():
            return
        failure = turn.take(batch)
        if (event := turn.said()) is not None:
            yield event
        if failure is not None:
            raise failure
        if turn.is_over:
            read_rest(pieces, call)
            break
    if not request.cancelled():
        yield from turn.end()


def _text(content: Any) -> str:
    if not isinstance(content, str):
        raise TypeError("content is no text")
    return content


def _usage(given: dict[str, Any]) -> Usage:
    """`prompt_cache_hit_tokens` is DeepSeek's name."""
    details = given.get("prompt_tokens_details") or {}
    cached = count(details.get("cached_tokens")) or count(given.get("prompt_cache_hit_tokens"))
    return Usage(count(given.get("prompt_tokens")), count(given.get("completion_tokens")), cached)


def _told(error: Any) -> ModelError:
    """A failure that comes inside of a stream."""
    code = error.get("code") if isinstance(error, dict) else None
    if code in (429, "429", "rate_limit_exceeded"):
        return ModelError("RATE_LIMITED", str(error)[:300], retryable=True, status=429)
    return ModelError("UPSTREAM", str(error)[:300], retryable=True)


def _refused(response: httpx2.Response) -> ModelError:
    """A request that was not accepted; of what is said to it the beginning is read."""
    said = b""
    for piece in response.iter_bytes():
        said += piece
        if len(said) >= MAX_REFUSAL_BYTES:
            break
    return of_status(response.status_code, said.decode("utf-8", "replace"), response.headers)
