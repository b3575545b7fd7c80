"""A conversation through POST /api/chat, as a program of a registered customer has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.accounts.tokens import issue_token
from app.llm.client import Message
from tests.builders import make_user

Called = list[tuple[str, dict[str, Any], dict[str, Any]]]


class ChatWorld:
    """The customer's cart and orders, asked of the API."""

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self._client, self._headers = client, headers

    def _get(self, path: str) -> Any:
        return self._client.get(path, headers=self._headers).get_json()

    @property
    def cart(self) -> dict[str, int]:
        return {line["sku"]: line["quantity"] for line in self._get("/api/cart")}

    @property
    def orders(self) -> list[dict[str, Any]]:
        found = self._get("/api/orders")
        rows = found["items"] if isinstance(found, dict) else found
        return [
            order if order.get("items") else self._get(f"/api/orders/{order['order_id']}") for order in rows
        ]


@dataclass
class ChatSession:
    """What was said and done in one conversation. ``locale`` is the page's language, not the customer's."""

    world: ChatWorld
    client: FlaskClient
    headers: dict[str, str]
    session_id: str | None = None
    called: Called = field(default_factory=list)
    called_now: Called = field(default_factory=list)
    reply: str = ""
    pending: tuple[str, dict[str, Any]] | None = None
    messages: list[Message] = field(default_factory=list)

    @classmethod
    def start(cls, app: Flask, locale: str) -> ChatSession:
        """A new customer with an empty cart."""
        with app.app_context():
            token, _ = issue_token(make_user().id)
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": locale}
        client = app.test_client()
        return cls(ChatWorld(client, headers), client, headers)

    def say(self, text: str) -> str:
        """Send one message and return the answer."""
        asked = {"text": text} | ({"session_id": self.session_id} if self.session_id else {})
        response = self.client.post("/api/chat", json=asked, headers=self.headers)
        assert response.status_code == 200, response.get_data(as_text=True)
        answer = response.get_json()
        self.session_id, self.reply = answer["session_id"], answer["reply"]
        self.called_now = [(a["tool_name"], a["arguments"], a["result"]) for a in answer["actions"]]
        self.called += self.called_now
        open_questions = [(a["tool_name"], a["arguments"]) for a in answer["actions"] if _asks(a)]
        self.pending = open_questions[-1] if open_questions else None
        self.messages += [{"role": "user", "content": text}, {"role": "assistant", "content": self.reply}]
        return self.reply

    def listed(self) -> list[dict[str, Any]]:
        """The products of the last list of this turn: what the page shows beside the answer."""
        lists = [result.get("products", []) for name, _, result in self.called_now if name == "list_products"]
        return lists[-1] if lists else []


def _asks(action: dict[str, Any]) -> bool:
    return action["status"] == "confirmation_required"
