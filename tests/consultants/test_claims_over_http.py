"""Fifty consultants claim the same customer at once, over HTTP, from two web processes: one 200, forty-nine 409; on both databases."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from flask import Flask

from app.accounts.tokens import issue_token
from app.consultants import service
from app.db import db, in_transaction
from app.onboarding.settings import read_values
from tests.agent.web_process import WebProcess
from tests.consultants.desk_rows import (
    consultation_of,
    make_consultant,
    make_talk,
    make_waiting,
    said_in,
    status_of,
)

pytestmark = [pytest.mark.redis, pytest.mark.slow]
CONSULTANTS = 50


@dataclass
class Shop:
    app: Flask
    web: WebProcess


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def shop(request: pytest.FixtureRequest, make_app, redis_url: str) -> Iterator[Shop]:  # type: ignore[no-untyped-def]
    url = "" if request.param == "sqlite" else request.getfixturevalue("mariadb_url")
    app = make_app(url)
    web = WebProcess(
        {
            "APP_ENV": "development",
            "MCPSHOP_HOME": str(app.extensions["mcpshop_settings"].home_path),
            "DATABASE_URL": url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": app.config["SECRET_KEY"],
            "LOG_LEVEL": "WARNING",
            "WEB_WORKERS": "2",
        }
    )
    web.start()
    with app.app_context():
        yield Shop(app, web)
        db.session.rollback()
    web.end(signal.SIGTERM)


@pytest.mark.parametrize("has_asked", [False, True])
def test_one_of_fifty_wins(shop: Shop, has_asked: bool) -> None:
    if has_asked:
        bob, talk = make_waiting()
    else:
        bob, talk = make_talk()
        in_transaction(lambda: service.open_for_registration(bob.require_user(), talk, read_values()))
    team = [make_consultant() for _ in range(CONSULTANTS)]
    tokens = {who.require_user(): issue_token(who.require_user())[0] for who in team}
    gate = threading.Barrier(CONSULTANTS)

    def claim(user_id: int) -> tuple[int, int, str]:
        gate.wait(30)
        headers = {"Authorization": f"Bearer {tokens[user_id]}"}
        answer = shop.web.request("POST", f"/api/v1/customers/{bob.user_id}/claim", headers, {})
        body = json.loads(answer.read())
        return user_id, answer.status, body.get("error", {}).get("code", "")

    with ThreadPoolExecutor(CONSULTANTS) as pool:
        outcomes = list(pool.map(claim, tokens))
    assert Counter((status, code) for _, status, code in outcomes) == {
        (200, ""): 1,
        (409, "ALREADY_CLAIMED"): CONSULTANTS - 1,
    }
    winner = next(user_id for user_id, status, _ in outcomes if status == 200)
    assert consultation_of(talk).claimed_by == winner
    assert status_of(talk) == ("consultant" if has_asked else "assistant")
    assert said_in(talk) == ([("system", "taken_over")] if has_asked else [])
