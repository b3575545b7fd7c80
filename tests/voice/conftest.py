"""A shop with the demo's catalogue, and somebody who speaks to it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.tokens import issue_token
from app.core.actor import Role
from app.demo.loader import load_demo
from tests.builders import make_user


class Speaker:
    """Somebody who speaks in one session, over HTTP."""

    def __init__(self, app: Flask, user_id: int, session: str = "s1") -> None:
        self._client, self.user_id, self.session = app.test_client(), user_id, session
        self.home = app.extensions["mcpshop_settings"].mcpshop_home
        with app.app_context():
            self._headers = {"Authorization": f"Bearer {issue_token(user_id)[0]}"}

    def post(self, path: str, **body: Any) -> Any:
        return self._client.post(path, json={"sessionId": self.session, **body}, headers=self._headers)

    def send_audio(self, audio: bytes, **fields: str) -> Any:
        data = {"file": (io.BytesIO(audio), "speech"), **fields}
        return self._client.post("/v1/api/transcribe", data=data, headers=self._headers)

    def get(self, path: str) -> Any:
        return self._client.get(path, headers=self._headers).get_json()

    def say(self, text: str) -> dict[str, Any]:
        """What the voice makes of a sentence."""
        answer = self.post("/v1/api/interpret", text=text)
        assert answer.status_code == 200, answer.get_json()
        return dict(answer.get_json())

    def reply(self, text: str) -> dict[str, Any]:
        return dict(self.post("/v1/api/confirm", text=text).get_json())

    def do(self, agreed: dict[str, Any], **other: Any) -> Any:
        """Execute what was agreed to; `other` says something else than was read out."""
        return self.post(
            "/v1/api/execute", **{"action": agreed["action"], "params": agreed["params"], **other}
        )

    def cart(self) -> dict[str, int]:
        return {line["sku"]: line["quantity"] for line in self.get("/api/cart")}

    def orders(self) -> list[Any]:
        return list(self.get("/api/orders"))


@pytest.fixture
def demo() -> Callable[[Flask], Flask]:
    """Give an application the demo's shop with few orders."""

    def load(app: Flask) -> Flask:
        with app.app_context():
            load_demo(app.extensions["mcpshop_settings"], echo=lambda _: None, orders=60, members=20)
        return app

    return load


@pytest.fixture
def shop_app(app: Flask, demo: Callable[[Flask], Flask]) -> Flask:
    """The demo's shop on SQLite."""
    return demo(app)


@pytest.fixture
def speaker(shop_app: Flask) -> Speaker:
    """A customer who speaks."""
    return speaker_in(shop_app, "alice")


def speaker_in(app: Flask, name: str, *roles: Role) -> Speaker:
    """Somebody new who speaks to an application."""
    with app.app_context():
        return Speaker(app, make_user(name, roles=roles or (Role.CUSTOMER,)).id)
