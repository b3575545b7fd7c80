"""Rows of the call log for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.core.actor import SYSTEM, Role
from app.core.clock import now
from app.db import in_transaction
from app.mcp.service import NewGroup, create_group
from app.tools.call_batch import write
from tests.browsing import sign_in
from tests.builders import make_user


def row(tool: str = "list_products", ago: timedelta = timedelta(), **values: Any) -> dict[str, Any]:
    """A row as the log writes it: a success of 12 ms unless said otherwise; `ago` before now."""
    code = values.get("error_code", "")
    return {
        "tool_name": tool,
        "group_id": None,
        "caller_app_id": "assistant",
        "request_data": json.dumps({"q": "防晒"}, ensure_ascii=False),
        "response_data": json.dumps({"total": 3}),
        "success": not code,
        "error_code": code,
        "error_message": f"told of {code}" if code else "",
        "duration_ms": 12,
        "created_at": now() - ago,
        **values,
    }


def write_rows(rows: Iterable[dict[str, Any]]) -> None:
    """Into the log, in the order given."""
    made = list(rows)
    in_transaction(lambda: write(made))


def make_group(code: str = "partner", **values: Any) -> int:
    """A group's id."""
    new = NewGroup(code=code, name=code.title(), tools=("list_products", "list_stores"), **values)
    return in_transaction(lambda: create_group(SYSTEM, new)[0].id)


def admin_of(app: Flask, locale: str = "en") -> FlaskClient:
    """A browser of an admin."""
    client = app.test_client()
    with app.app_context():
        user = make_user("ada", roles=(Role.ADMIN,))
    sign_in(client, user)
    client.set_cookie("locale", locale)
    return client
