"""A Dify application behind our protocol.

The application has its own prompt and tools, so ours are not sent. Each turn is a conversation of its own there:
what was said before goes along as text, and nothing has to be remembered between two processes.

Wire format: https://docs.dify.ai/api-reference/chat/send-chat-message
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2

from app.llm.client import Alive, ChatRequest, Finish, Message, ModelError, ModelEvent, TextDelta, Usage
from app.llm.http import Call
from app.llm.wire import WRITE_SECONDS, count, data_of, of_status, read_rest, translating

MAX_TRANSCRIPT = 8_000
STOP_SECONDS = 2.0
NOBODY = "mcpshop"
WORDS = frozenset({"message", "agent_message"})
# Signs of work; `ping` is none: it comes from a hung application too.
WORK = frozenset(
    {
        "agent_thought",
        "agent_log",
        "message_file",
        "workflow_started",
        "node_started",
        "node_finished",
        "iteration_next",
        "loop_next",
    }
)
# Dify answers 400 for its model's failures as well; these pass by themselves or with another model.
PASSING = frozenset({"completion_request_error", "provider_quota_exceeded", "model_currently_not_support"})
LIMITED = frozenset({"too_many_requests", "rate_limit_error"})
LABELS = {
    "zh": {
        "user": "顾客",
        "assistant": "助手",
        "tool": "资料",
        "before": "此前的对话：",
        "now": "顾客现在说：",
    },
    "en": {
        "user": "Customer",
        "assistant": "Assistant",
        "tool": "Data",
        "before": "The conversation so far:",
        "now": "The customer now says:",
    },
}


class Dify:
    """A chat application of Dify. One object serves any number of threads."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        name: str,
        connect_timeout: float,
        read_timeout: float,
        http: httpx2.Client,
    ) -> None:
        self.name = name
        self._url = base_url.rstrip("/") + "/chat-messages"
        self._api_key = api_key
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._timeout = httpx2.Timeout(
            connect=connect_timeout, read=read_timeout, write=WRITE_SECONDS, pool=connect_timeout
        )
        self._http = http

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        """One turn. Raises ModelError."""
        call, turn = Call(), _Turn()
        try:
            with request.on_cancel(call.end), translating(request, api_key=self._api_key):
                response = self._send(request, call)
                try:
                    pieces = response.iter_bytes()
                    yield from _events(_parsed(pieces), turn, request)
                    read_rest(pieces, call)
                finally:
                    response.close()
        finally:
            if turn.task_id and not turn.is_over:
                self._stop(turn.task_id, request)

    def _send(self, request: ChatRequest, call: Call) -> httpx2.Response:
        body = {
            "inputs": {},
            "query": query_of(request.messages, request.locale),
            "response_mode": "streaming",
            "conversation_id": "",
            "user": request.user or NOBODY,
            "auto_generate_name": False,
        }
        asked = self._http.build_request(
            "POST", self._url, json=body, headers=self._headers, timeout=self._timeout
        )
        with call.sending():
            response = self._http.send(asked, stream=True)
        if response.status_code != httpx2.codes.OK:
            try:
                raise _failure(response)
            finally:
                response.close()
        return response

    def _stop(self, task_id: str, request: ChatRequest) -> None:
        """Have the application stop too; closing the stream alone does not. Nobody waits for the outcome."""
        with suppress(httpx2.HTTPError):
            self._http.post(
                f"{self._url}/{task_id}/stop",
                json={"user": request.user or NOBODY},
                headers=self._headers,
                timeout=STOP_SECONDS,
            )


@dataclass(slots=True)
class _Turn:
    task_id: str = ""
    has_spoken: bool = False
    is_over: bool = False


def _parsed(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for data in data_of(pieces):
        event = json.loads(data)
        if not isinstance(event, dict):
            raise ValueError("an event is no object")
        yield event


def _events(events: Iterable[dict[str, Any]], turn: _Turn, request: ChatRequest) -> Iterator[ModelEvent]:
    for event in events:
        if request.cancelled():
            return
        turn.task_id = turn.task_id or str(event.get("task_id") or "")
        kind = event.get("event")
        if kind == "message_end":
            turn.is_over = True
            yield from _end(event)
            return
        if kind == "error":
            turn.is_over = True
            raise _told(event)
        made = _made(event, turn)
        if made is not None:
            yield made
    if not request.cancelled():
        raise ModelError("UPSTREAM", "the answer broke off", retryable=True)


def _made(event: dict[str, Any], turn: _Turn) -> ModelEvent | None:
    kind, text = event.get("event"), event.get("answer")
    if kind in WORDS and isinstance(text, str) and text:
        turn.has_spoken = True
        return TextDelta(text)
    if kind == "message_replace" and isinstance(text, str):
        # The application takes its words back; what was shown already cannot be, so the new ones follow.
        return TextDelta(f"\n\n{text}" if turn.has_spoken else text)
    return Alive() if kind in WORK else None


def _end(event: dict[str, Any]) -> Iterator[ModelEvent]:
    usage = (event.get("metadata") or {}).get("usage") or {}
    yield Usage(count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")))
    yield Finish("stop")


def _failure(response: httpx2.Response) -> ModelError:
    """The failure of a request that was not accepted."""
    text = response.read()[:2_000].decode("utf-8", "replace")
    with suppress(ValueError):
        told = json.loads(text)
        if isinstance(told, dict) and told.get("code"):
            return _told({**told, "status": response.status_code}, response.headers)
    return of_status(response.status_code, text, response.headers)


def _told(event: dict[str, Any], headers: httpx2.Headers | None = None) -> ModelError:
    code, status = str(event.get("code") or ""), event.get("status")
    text = f"{code}: {event.get('message')}"
    if code in PASSING:
        return ModelError("UPSTREAM", text[:300], retryable=True)
    if code in LIMITED:
        status = httpx2.codes.TOO_MANY_REQUESTS
    known = status if isinstance(status, int) else httpx2.codes.INTERNAL_SERVER_ERROR
    return of_status(known, text, headers or httpx2.Headers())


def query_of(messages: Sequence[Message], locale: str) -> str:
    """The customer's words, after what was said before as far as it fits into `MAX_TRANSCRIPT` characters."""
    labels = LABELS.get(locale, LABELS["en"])
    spoken = [item for item in messages if item.get("content") and item["role"] != "system"]
    asked = next((n for n in reversed(range(len(spoken))) if spoken[n]["role"] == "user"), 0)
    lines = [f"{labels.get(item['role'], item['role'])}: {item['content']}" for item in spoken]
    before, words, after = lines[:asked], spoken[asked : asked + 1], lines[asked + 1 :]
    question = str(words[0]["content"]) if words else ""
    if not before and not after:
        return question
    told = _newest([*before, *after])
    return "\n".join([labels["before"], *told, "", labels["now"], question])


def _newest(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    left = MAX_TRANSCRIPT
    for line in reversed(lines):
        kept.append(line[:left])
        left -= len(line)
        if left <= 0:
            break
    return kept[::-1]
