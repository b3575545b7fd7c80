"""A customer who is a program: registers, asks, follows the event stream, stops it; checks the wire on the way."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

TYPES = {"chunk", "tool_call", "tool_stream_chunk", "tool_result", "complete", "error"}
LAST = {"complete", "error"}
STATUSES = {"ok", "error", "timeout", "cancelled", "denied", "confirmation_required"}
EVENT_ID = re.compile(r"\d+-\d+")
Event = dict[str, Any]


@dataclass
class Answer:
    """The events of one run. `seconds` tells of each when it came, counted from the request."""

    run_id: str
    session_id: str
    events: list[Event] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(event["data"]["content"] for event in self.events if event["type"] == "chunk")

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def message(self) -> dict[str, Any]:
        """The message of `complete`."""
        assert self.last["type"] == "complete", self.last
        return self.last["data"]["message"]  # type: ignore[no-any-return]

    @property
    def failure(self) -> tuple[str, bool]:
        """Code and retryable of `error`."""
        assert self.last["type"] == "error", self.last
        return self.last["data"]["code"], self.last["data"]["retryable"]

    def of_type(self, type_: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events if event["type"] == type_]

    @property
    def first_word(self) -> float:
        """Seconds until the first chunk."""
        return next(s for s, event in zip(self.seconds, self.events, strict=True) if event["type"] == "chunk")


class Talker:
    """A registered customer of the shop at `url`."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.headers = {"Accept-Language": "en", "Content-Type": "application/json"}
        if not token:
            name = f"talker-{uuid4().hex[:12]}"
            password = "a long enough password"
            person = {"username": name, "email": f"{name}@example.com", "password": password}
            assert self.json("POST", "/api/auth/register", person)["username"] == name
            token = self.json("POST", "/api/auth/token", {"username": name, "password": password})[
                "access_token"
            ]
        self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(*self._place, timeout=60)
        data = json.dumps(body).encode() if body is not None else None
        connection.request(method, path, data, {**self.headers, **headers})
        return connection.getresponse()

    def json(self, method: str, path: str, body: Any = None) -> Any:
        response = self.request(method, path, body)
        found = json.loads(response.read())
        assert response.status < 300, found
        return found

    def begin(self, content: str, session_id: str | None = None, **more: Any) -> Stream:
        """Ask, and return the open stream."""
        body = {"content": content, **({"session_id": session_id} if session_id else {}), **more}
        started = time.monotonic()
        response = self.request("POST", "/api/chat/stream", body)
        if response.status != 200:
            raise AssertionError((response.status, response.read()))
        assert response.headers["Content-Type"].startswith("text/event-stream")
        answer = Answer(response.headers["X-Run-Id"], response.headers["X-Session-Id"])
        return Stream(response, answer, started)

    def say(self, content: str, session_id: str | None = None, **more: Any) -> Answer:
        """Ask, and follow the answer to its end."""
        return self.begin(content, session_id, **more).to_the_end()

    def replay(self, run_id: str, after: str = "") -> list[Event]:
        path = f"/api/chat/runs/{run_id}/events"
        response = self.request("GET", path, **({"Last-Event-ID": after} if after else {}))
        stream = Stream(response, Answer(run_id, ""), time.monotonic())
        return stream.to_the_end().events

    def abort(self, run_id: str) -> bool:
        return bool(self.json("POST", "/api/chat/abort", {"run_id": run_id})["aborted"])

    def messages(self, session_id: str) -> list[dict[str, Any]]:
        return list(self.json("GET", f"/api/chat/sessions/{session_id}/messages"))


class Stream:
    """An open event stream, read as it comes."""

    def __init__(self, response: http.client.HTTPResponse, answer: Answer, started: float) -> None:
        self.answer = answer
        self._response = response
        self._started = started
        self._events = self._read()

    def until(self, type_: str) -> Event:
        """Read up to the next event of a type."""
        for event in self._events:
            if event["type"] == type_:
                return event
        raise AssertionError(f"no {type_} in {self.answer.events}")

    def to_the_end(self) -> Answer:
        """Read the rest; exactly one last event closes the stream."""
        for _ in self._events:
            pass
        check(self.answer.events)
        return self.answer

    def close(self) -> None:
        """Go away in the middle."""
        self._response.close()

    def _read(self) -> Iterator[Event]:
        event_id = ""
        with suppress(http.client.IncompleteRead):
            while line := self._response.readline().decode():
                assert line.endswith("\n"), line
                field_, _, value = line.rstrip("\n").partition(": ")
                if field_ == "id":
                    event_id = value
                elif field_ == "data":
                    event = {"id": event_id, **json.loads(value)}
                    self.answer.events.append(event)
                    self.answer.seconds.append(time.monotonic() - self._started)
                    yield event
                else:
                    assert field_ == "", line


def check(events: list[Event]) -> None:
    """What holds for every run: known types, rising ids, one end, one result for each call."""
    assert events, "the stream was silent"
    kinds = [event["type"] for event in events]
    assert set(kinds) <= TYPES
    assert [kind for kind in kinds if kind in LAST] == kinds[-1:], kinds
    ids = [event["id"] for event in events]
    assert all(EVENT_ID.fullmatch(each) for each in ids)
    numbers = [tuple(map(int, each.split("-"))) for each in ids]
    assert numbers == sorted(set(numbers))
    called = [event["data"]["tool_call_id"] for event in events if event["type"] == "tool_call"]
    results = [event["data"] for event in events if event["type"] == "tool_result"]
    assert sorted(called) == sorted(result["tool_call_id"] for result in results)
    assert len(set(called)) == len(called)
    assert {result["status"] for result in results} <= STATUSES


def check_history(messages: list[dict[str, Any]]) -> None:
    """Every stored call has exactly one stored result, right behind it."""
    open_calls: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] in open_calls, message
            open_calls.remove(message["tool_call_id"])
            continue
        assert not open_calls, message
        open_calls = [call["tool_call_id"] for call in message["tool_calls"] or ()]
    assert not open_calls
