"""Nothing secret or personal gets into the log: by a field's name and inside of any text, and JSON stays JSON."""

from __future__ import annotations

import json
import time

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.actor import Actor
from app.db import db
from app.tools.executor import execute
from app.tools.limits import for_log
from app.tools.masking import mask_text, masked
from app.tools.models import ToolCallLog

SECRETS = [
    "alice.b+x@example.com",
    "13812345678",
    "+86 138-1234-5678",
    "138 1234 5678",
    "11010519491231002X",
    "110105194912310021",
    "6222 0212 3456 7890 123",
    "6222021234567890123",
    "mcp_key_AbCdEfGh-_12345678",
    "sk-proj-abcdefgh12345678",
    "ghp_abcdefgh12345678",
    "eyJhbGciOiJI.eyJzdWIiOiJ9.abc-def",
]
NAMED = [
    ("Authorization: Bearer ", "abc.def-1234567"),
    ("basic ", "YWxpY2U6c2VjcmV0"),
    ("https://alice:", "hunter2secret"),
    ("password=", "hunter2secret"),
    ("password: ", "hunter2secret"),
    ("密码是", "hunter2secret"),
    ("API-Key:", "hunter2secret"),
]
HARMLESS = [
    "order 20261121001234",
    "price 129.00, SKU SUN-001, 50ml SPF50+",
    "2026-11-21 18:00:00 to 2026-11-22 18:00:00",
    "1732212345678",
    "a skeyboard, a key-card, tokens used 15",
    "version 1.13812345678",
    "user @ home",
    "https://shop.example.com/products/SUN-001?page=2",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_taken_out_of_any_text(secret: str) -> None:
    for text in (secret, f"请联系 {secret} 谢谢", f"x={secret};", f"电话{secret}。", f"a\n{secret}\nb"):
        assert secret not in mask_text(text), text
        logged = for_log({"note": text, "list": [{"deep": text}]})
        assert secret not in logged
        assert json.loads(logged)["note"] == mask_text(text)


@pytest.mark.parametrize(("name", "secret"), NAMED)
def test_what_follows_a_telling_word_is_taken_out(name: str, secret: str) -> None:
    text = f"{name}{secret}" + ("@host/x" if "://" in name else " and more")
    kept = mask_text(text)
    assert secret not in kept
    assert kept.startswith(f"{name}***")
    assert json.loads(for_log({"note": f'said "{text}"\n'}))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask_text(text) == text


def test_fields_with_a_telling_name_are_masked_whatever_is_in_them() -> None:
    value = {
        "phone": "1",
        "收货地址": {"city": "上海"},
        "apiKey": ["a"],
        "id_card": None,
        "contact": {"wechat": "w", "name": "n"},
        "mobileNumber": 5,
        "qty": 2,
        "n": 13_812_345_678,
    }
    assert masked(value) == {
        "phone": "***",
        "收货地址": "***",
        "apiKey": "***",
        "id_card": "***",
        "contact": {"wechat": "***", "name": "n"},
        "mobileNumber": "***",
        "qty": 2,
        "n": "***",
    }


def test_a_secret_at_the_cut_is_not_half_kept() -> None:
    for before in range(1_900, 2_330, 7):
        logged = for_log({"q": "字" * before + " mcp_key_" + "Z" * 43 + " alice@example.com" + "y" * 600})
        assert "ZZ" not in logged
        assert "alice" not in logged
        assert len(logged) <= 2_000


def test_masking_takes_no_longer_for_hostile_texts() -> None:
    for piece in ("a", "1", "password ", "password:", "://a:", "eyJ", "bearer ", "a@", "1 ", "4111-", "\\"):
        text = (piece * 2_300)[:2_300] + "@ bearer pass "
        begun = time.perf_counter()
        mask_text(text)
        assert time.perf_counter() - begun < 0.05, piece


@pytest.mark.redis
def test_the_log_of_a_call_holds_no_secret_of_its_caller(app: Flask) -> None:
    arguments = {"q": "mail alice@example.com or 13812345678", "phone": "x"}
    with app.app_context():
        execute(Actor(locale="en"), "list_products", arguments, caller="test")
        execute(Actor(locale="en"), "mcp_key_AbCdEfGh12345678", {}, caller="test")
        rows = db.session.scalars(select(ToolCallLog)).all()
        text = " ".join(
            f"{row.tool_name} {row.request_data} {row.response_data} {row.error_message}" for row in rows
        )
    assert len(rows) == 2
    assert not any(word in text for word in ("alice", "1381234", "AbCdEf"))
    assert [row.error_code for row in rows] == ["INVALID_PARAM", "NOT_FOUND"]
