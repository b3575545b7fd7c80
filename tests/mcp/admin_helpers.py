"""What the tests of groups and tools share: an admin's program that checks every answer, and where keys may be."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

from app.accounts.tokens import issue_token
from app.core.actor import Actor, Role
from app.db import db, in_transaction
from app.mcp.keys import PREFIX
from app.mcp.service import create_group
from tests.builders import actor_of, make_user

ENGLISH = {"Accept-Language": "en"}
SHOP = {"name": "Shop", "server_code": "shop-one", "tools": ["list_products", "list_stores", "get_product"]}
KEY = re.compile(rf"{PREFIX}[\w-]{{12,}}")


def has_key(text: str) -> bool:
    """Whether a key, not its mask or its prefix, is in a text."""
    return KEY.search(text) is not None


class Administrator:
    """A program with an admin's token; checks the form of every answer, and that keys are told only when asked for."""

    def __init__(self, app: Flask, name: str = "ada", role: Role = Role.ADMIN) -> None:
        self.app = app
        with app.app_context():
            self.actor: Actor = actor_of(make_user(name, roles=(role,)))
            self.headers = {
                **ENGLISH,
                "Authorization": f"Bearer {issue_token(self.actor.require_user())[0]}",
            }

    def call(
        self, method: str, path: str, body: Any = None, status: int = 200, *, tells_key: bool = False
    ) -> Any:
        answer = self.app.test_client().open(
            f"/api/v1/mcp{path}", method=method, json=body, headers=self.headers
        )
        assert answer.status_code == status, answer.text
        assert has_key(answer.text) == tells_key, answer.text
        assert "no-store" in answer.headers["Cache-Control"]
        told = answer.get_json()
        if status >= 400:
            assert set(told) == {"error"}
            return told["error"]
        assert set(told) == {"success", "data", "message"}
        return told

    def data(self, method: str, path: str, body: Any = None, status: int = 200, **how: Any) -> Any:
        return self.call(method, path, body, status, **how)["data"]

    def make_group(self, **values: Any) -> Any:
        """A group through the API; its JSON, with the key."""
        return self.data("POST", "/groups", {**SHOP, **values}, 201, tells_key=True)

    def tool_id(self, name: str, group: Any = None) -> int:
        """The id of a tool in a group; in the only one it is in when none is named."""
        found: int = self.tools(f"?group_id={group['id']}" if group else "")[name]["id"]
        return found

    def tools(self, query: str = "") -> dict[str, Any]:
        """The tools that have a group, by name."""
        return {tool["tool_name"]: tool for tool in self.data("GET", f"/tools{query}") if tool["id"]}


def new_group(actor: Actor, **values: Any) -> int:
    """A group through the service; its id."""
    made = in_transaction(lambda: create_group(actor, {**SHOP, **values})[0].id)
    db.session.remove()
    return made
