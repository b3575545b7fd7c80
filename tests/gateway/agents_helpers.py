"""What the tests of agents share: an admin, values of an agent, an OpenAI-compatible server that can misbehave."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.core.actor import Actor, Role
from app.db import db, in_transaction
from app.gateway import service
from app.gateway.models import Agent, AgentVersion
from app.gateway.queries import get_agent
from tests.builders import actor_of, make_user

KEY = "sk-verysecret-0123456789-abcd"
BUILTIN = {"name": "Built-in only", "provider": "builtin"}
REMOTE = {
    "name": "Main",
    "provider": "openai",
    "base_url": "https://models.example.com/v1",
    "model": "gpt-test",
    "api_key": KEY,
    "system_prompt": "Be kind.",
    "temperature": 0.5,
    "max_tokens": 500,
    "tools": ["shop", "view_cart"],
}


def make_admin(name: str = "ada") -> Actor:
    return actor_of(make_user(name, roles=(Role.ADMIN,)))


def make_agent(actor: Actor, **values: Any) -> int:
    """An agent of the built-in model unless the values say otherwise; its id."""
    made = in_transaction(lambda: service.create_agent(actor, {**BUILTIN, **values}).id)
    db.session.remove()
    return made


def change(actor: Actor, agent_id: int, /, **changes: Any) -> AgentVersion | None:
    """Edit an agent; the version that it made."""
    how = {name: changes.pop(name) for name in ("from_version", "seen", "idle") if name in changes}
    made = in_transaction(lambda: service.update_agent(actor, agent_id, changes, **how)).version
    db.session.remove()
    return made


def fresh(agent_id: int) -> Agent:
    """The agent as the database has it now."""
    db.session.remove()
    return get_agent(agent_id)


def weights(agent_id: int) -> dict[int, int]:
    """Weights by version number."""
    return {version.number: version.weight for version in fresh(agent_id).versions}


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Callers that do not wait are meant."""


@dataclass
class ModelServer:
    """An OpenAI-compatible server on localhost.

    `status` other than 200 answers with an error that repeats the key it was given; `wait` seconds pass before
    the first byte. `seen` are the bodies, `keys` the keys that came.
    """

    words: str = "Hello, I am the test model."
    status: int = 200
    wait: float = 0.0
    echoes_key: bool = False
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    _http: ThreadingHTTPServer | None = None

    def __enter__(self) -> ModelServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = _QuietServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._http
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        assert self._http
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.seen.append(json.loads(body))
        self.keys.append(key)
        time.sleep(self.wait)
        request.send_response(self.status)
        if self.status != 200:
            told = json.dumps(
                {"error": {"message": f"Incorrect API key provided: {key}. Look it up.", "code": "bad"}}
            )
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(told)))
            request.end_headers()
            request.wfile.write(told.encode())
            return
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        words = f"Your key is {key}. {self.words}" if self.echoes_key else self.words
        # Small pieces, so that a key comes in several of them.
        for start in range(0, len(words), 5):
            self._send(request, {"choices": [_choice(content=words[start : start + 5])]})
        self._send(request, {"choices": [_choice("stop")]})
        self._send(request, {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}})
        request.wfile.write(b"data: [DONE]\n\n")

    def _send(self, request: BaseHTTPRequestHandler, chunk: dict[str, Any]) -> None:
        told = json.dumps({"id": "x", "object": "chat.completion.chunk", **chunk})
        request.wfile.write(f"data: {told}\n\n".encode())


def _choice(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}
