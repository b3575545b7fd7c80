import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.catalogue.models import Product
from app.core.actor import Actor, Role
from app.db import db, transaction
from app.tools import groups
from app.tools.cancellation import Cancellation
from app.tools.executor import ToolResult, execute
from app.tools.models import ToolCallLog, ToolGroup, ToolSetting
from app.tools.registry import registry
from tests.agent import scripted
from tests.builders import make_product, save
from tests.parallel import crowd

GUEST = Actor(guest_id="g1", locale="en")
ALICE = Actor(user_id=1, roles=frozenset({Role.CUSTOMER}), locale="en")


@pytest.fixture(autouse=True)
def try_tools() -> Iterator[None]:
    registry.add_all(scripted.TOOLS)
    yield
    for spec in scripted.TOOLS:
        registry.discard(spec.name)


def run(name: str, arguments: Any = None, actor: Actor = GUEST, **more: Any) -> ToolResult:
    return execute(actor, name, arguments or {}, caller="test", **more)


def stock_of(sku: str) -> int:
    db.session.rollback()
    return db.session.scalars(select(Product.stock).where(Product.sku == sku)).one()


def code_of(result: ToolResult) -> str:
    return result.result["error"]["code"]


@pytest.mark.usefixtures("ctx")
def test_a_call_returns_its_result_and_its_duration() -> None:
    result = run("try_slow", {"seconds": 0.05})
    assert (result.status, result.result) == ("ok", {"slept": 0.05})
    assert 50 <= result.duration_ms < 1000


@pytest.mark.usefixtures("ctx")
def test_unknown_and_forbidden_tools_do_not_exist() -> None:
    for name in ("no_such_tool", "try_staff", "try_buy"):
        result = run(name)
        assert (result.status, code_of(result)) == ("error", "NOT_FOUND")


@pytest.mark.usefixtures("ctx")
def test_wrong_arguments_are_named() -> None:
    result = run("try_echo", {"text": "", "more": 1})
    assert (result.status, code_of(result)) == ("error", "INVALID_PARAM")
    assert set(result.result["error"]["fields"]) == {"text", "more"}
    assert code_of(run("try_echo", ["text"])) == "INVALID_PARAM"
    assert run("try_bump", {"sku": "none", "by": None}).status == "ok"


@pytest.mark.usefixtures("ctx")
def test_a_bug_in_a_tool_is_an_error_without_details() -> None:
    result = run("try_crash")
    assert (result.status, code_of(result)) == ("error", "INTERNAL")
    assert "bug" not in str(result.result)


def test_a_timed_out_tool_never_commits(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=5)
        result = run("try_bump", {"sku": "A", "seconds": 0.9})
        assert (result.status, code_of(result)) == ("timeout", "TIMEOUT")
        assert result.duration_ms < 800 * crowd()
        time.sleep(1)
        assert stock_of("A") == 5
        assert run("try_bump", {"sku": "A"}).status == "ok"
        assert stock_of("A") == 6


@pytest.mark.usefixtures("ctx")
def test_a_cancel_reaches_a_running_tool_at_once() -> None:
    cancellation = Cancellation()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (time.sleep(0.2), cancellation.cancel()))
        result = run("try_slow", {"seconds": 4}, cancellation=cancellation)
    assert result.status == "cancelled"
    assert result.duration_ms < 500 * crowd()


@pytest.mark.usefixtures("ctx")
def test_a_long_result_is_cut_and_kept_whole() -> None:
    result = run("try_long", {"n": 500})
    assert result.is_cut
    assert len(result.full["products"]) == 500
    assert 50 < len(result.result["products"]) < 200
    assert result.result["cut"]["products"] == f"{len(result.result['products'])} of 500"


@pytest.mark.usefixtures("ctx")
def test_every_call_is_logged_with_secrets_masked() -> None:
    run("try_echo", {"text": "hi", "api_key": "sk-1", "deep": [{"password": "x"}]})
    run("try_long", {"n": 500})
    rows = db.session.scalars(select(ToolCallLog).order_by(ToolCallLog.id)).all()
    assert [row.success for row in rows] == [False, True]
    assert "sk-1" not in rows[0].request_data
    assert '"password":"***"' in rows[0].request_data
    assert rows[0].caller_app_id == "test" and rows[0].error_message
    assert len(rows[1].response_data) <= 2_000


def test_a_switch_in_the_database_acts_at_once_in_every_process(make_app: Any, tmp_path: Any) -> None:
    one = make_app()
    other = make_app(database_url=one.config["SQLALCHEMY_DATABASE_URI"])
    with one.app_context(), other.app_context():
        pass
    with other.app_context():
        assert run("try_echo", {"text": "a"}).status == "ok"
    with one.app_context():
        group = save(ToolGroup(name="g", server_code="g"))
        save(ToolSetting(tool_name="try_echo", group_id=group.id, enabled=False))
        groups.touch()
    with other.app_context():
        assert code_of(run("try_echo", {"text": "a"})) == "NOT_FOUND"
    with one.app_context():
        with transaction() as session:
            session.get_one(ToolSetting, 1).enabled = True
            session.get_one(ToolSetting, 1).timeout_seconds = 1
        groups.touch()
    with other.app_context():
        assert run("try_echo", {"text": "a"}).status == "ok"
        assert run("try_slow", {"seconds": 0.1}).status == "ok"


def test_a_tool_that_asks_first_runs_only_for_what_was_agreed(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=5, price_cents=1000)
        asked = run("try_buy", {"sku": "A"}, ALICE)
        assert asked.status == "confirmation_required"
        assert asked.result["summary"]["total"] == 1000
        assert stock_of("A") == 5
        with transaction() as session:
            session.get_one(Product, "A").price_cents = 2000
        void = run("try_buy", {"sku": "A"}, ALICE, approved=asked.fingerprint)
        assert (void.status, code_of(void)) == ("error", "CONFIRMATION_VOID")
        assert void.result["summary"]["total"] == 2000
        assert stock_of("A") == 5
        again = run("try_buy", {"sku": "A"}, ALICE)
        assert run("try_buy", {"sku": "A"}, ALICE, approved=again.fingerprint).status == "ok"
        assert stock_of("A") == 4


@pytest.mark.usefixtures("ctx")
def test_messages_are_in_the_actors_language() -> None:
    make_product("A", stock=0, name="面霜")
    result = run("try_buy", {"sku": "A"}, ALICE)
    assert code_of(result) == "INSUFFICIENT_STOCK"
    assert result.result["error"]["message"] == "Only 0 left of 面霜."
