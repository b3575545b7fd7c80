"""Whoever registers has one conversation, one welcome, and is told to each consultant once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from pydantic import ValidationError

from app.accounts.models import AccountMessage
from app.audit.models import AuditEntry
from app.catalogue.models import Product
from app.conversations.models import Conversation, Message
from app.core.clock import shifted
from app.core.errors import Forbidden
from app.db import db, in_transaction
from app.gateway.ratings import rate
from app.jobs.queues import begin
from app.onboarding import running, steps
from app.onboarding.models import AutomationRun
from app.onboarding.service import retry_run
from app.onboarding.workflow import Step, is_in_rollout, pause_after
from app.outbox.models import OutboxMessage
from app.tools.models import ToolCallLog
from tests.builders import actor_of, make_user
from tests.customers.buying import stock_shelves, talk
from tests.onboarding.registering import (
    CONSULTANTS,
    admin,
    count,
    make_consultants,
    register,
    run_of,
    set_values,
    steps_of,
    told_about,
    welcomes_of,
    work,
)

DONE = dict.fromkeys((step.value for step in Step), "done")


@pytest.fixture
def shop(each_app: Flask) -> Iterator[None]:
    with each_app.app_context():
        stock_shelves()
        make_consultants()
        yield
        db.session.rollback()


def test_a_registration_writes_its_outbox_row_and_waits_for_nothing(shop: None) -> None:
    alice = register()
    assert count(OutboxMessage, OutboxMessage.topic == "registration.automation") == 1
    assert count(AutomationRun) == 0 and welcomes_of(alice) == []


def test_every_step_is_done_once_and_recorded(shop: None) -> None:
    alice = register()
    work()
    work()
    run = run_of(alice)
    assert run.status == "done" and steps_of(alice) == DONE
    assert run.welcome_ms is not None and run.welcomed_at is not None and not run.is_fallback
    assert count(Conversation) == 1 and len(welcomes_of(alice)) == 1
    assert len(told_about(alice)) == len(CONSULTANTS)


def test_the_welcome_names_the_customer_and_products_that_can_be_had(shop: None) -> None:
    alice = register()
    work()
    text = welcomes_of(alice)[0].content
    assert "alice" in text and "Chengmei" in text
    shown = count(Message, Message.tool_name == "list_products")
    assert shown == 1
    sold_out = db.session.get_one(Product, "SKN-004")
    assert sold_out.name_en not in text


def test_a_chinese_customer_is_welcomed_in_chinese(shop: None) -> None:
    work_for = register("小雨", "zh")
    work()
    assert "小雨，你好" in welcomes_of(work_for)[0].content


def test_what_was_asked_before_registering_decides_what_is_shown(shop: None) -> None:
    alice = register()
    talk(alice, "我掉头发很厉害")
    work()
    welcome = next(each for each in welcomes_of(alice) if each.client_message_id == "welcome")
    assert "Ginger Anti-hair-loss Shampoo (¥109.00)" in welcome.content


def test_the_agent_reads_the_customer_through_the_executor(shop: None) -> None:
    register()
    work()
    called = set(db.session.scalars(db.select(ToolCallLog.tool_name)))
    assert {"get_user_profile", "analyze_customer", "list_products"} <= called


def test_a_welcome_can_be_rated(shop: None) -> None:
    alice = register()
    work()
    conversation_id = run_of(alice).conversation_id or ""
    rating = in_transaction(lambda: rate(actor_of(alice), conversation_id, score=5))
    assert rating.score == 5


@pytest.mark.parametrize("step", list(Step))
def test_a_worker_that_dies_before_a_step_is_kept_leaves_nothing_double(
    shop: None, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = register()
    act = steps.ACTS[step]

    def die(work: Any) -> running.Effect:
        effect = act(work)

        def keep() -> dict[str, Any]:
            effect.keep()
            # What kill -9 does to the open transaction.
            raise SystemExit

        return running.Effect(keep)

    monkeypatch.setitem(steps.ACTS, step, die)
    with pytest.raises(SystemExit):
        work()
    db.session.rollback()
    begin("automation")
    monkeypatch.setitem(steps.ACTS, step, act)
    work()
    assert run_of(alice).status == "running", "its lease is not over"
    with shifted(timedelta(seconds=running.LEASE_SECONDS + 1)):
        work()
    assert run_of(alice).status == "done" and steps_of(alice) == DONE
    assert count(Conversation) == 1 and len(welcomes_of(alice)) == 1
    assert len(told_about(alice)) == len(CONSULTANTS)


def test_a_worker_whose_run_was_taken_over_writes_nothing_more(
    shop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = register()

    def die(_work: Any) -> running.Effect:
        raise SystemExit

    monkeypatch.setitem(steps.ACTS, Step.CONVERSATION, die)
    with pytest.raises(SystemExit):
        work()
    db.session.rollback()
    begin("automation")
    run = run_of(alice)
    assert run.status == "running"
    late = timedelta(seconds=running.LEASE_SECONDS + 1)
    with shifted(late):
        first = in_transaction(lambda: running.claim(run.id))
        assert first is not None
    with shifted(2 * late):
        assert in_transaction(lambda: running.claim(run.id)) is not None
    with pytest.raises(running.LeaseLost):
        in_transaction(lambda: running.hold(first))


def failing(code: str) -> running.Act:
    def act(_work: running.Work) -> running.Effect:
        raise running.StepFailed(code, "it does not work")

    return act


def test_a_failing_step_is_tried_again_after_each_pause_and_then_given_up(
    shop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = admin()
    alice = register()
    monkeypatch.setitem(steps.ACTS, Step.TOOLS, failing("TIMEOUT"))
    late = 0
    for pause in (5, 15, 60):
        with shifted(timedelta(seconds=late)):
            work()
        assert run_of(alice).status == "retrying" and welcomes_of(alice) == []
        with shifted(timedelta(seconds=late + pause - 2)):
            work()
        late += pause + 1
    with shifted(timedelta(seconds=late)):
        work()
    run = run_of(alice)
    assert (run.status, run.error_code, run.is_fallback, run.attempts) == ("failed", "TIMEOUT", True, 4)
    assert len(welcomes_of(alice)) == 1 and "alice" in welcomes_of(alice)[0].content
    assert len(told_about(alice)) == len(CONSULTANTS)
    work()
    alerts = (AccountMessage.user_id == boss.user_id, AccountMessage.template == "automation.alert")
    assert count(AccountMessage, *alerts) == 1


def test_a_person_can_run_a_failed_one_again(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = admin()
    alice = register()
    set_values(boss, retry_seconds=[])
    act = steps.ACTS[Step.TOOLS]
    monkeypatch.setitem(steps.ACTS, Step.TOOLS, failing("TIMEOUT"))
    work()
    assert run_of(alice).status == "failed"
    monkeypatch.setitem(steps.ACTS, Step.TOOLS, act)
    with pytest.raises(Forbidden):
        in_transaction(lambda: retry_run(actor_of(alice), run_of(alice).id))
    run_id = run_of(alice).id
    in_transaction(lambda: retry_run(boss, run_id))
    work()
    assert run_of(alice).status == "done" and steps_of(alice) == DONE
    assert len(welcomes_of(alice)) == 1, "the template had gone out already"
    assert count(AuditEntry, AuditEntry.action == "automation.retried") == 1


def test_when_the_agent_fails_the_template_goes_out_at_once(
    shop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = register()

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("no answer")

    monkeypatch.setattr(steps, "ask_once", fail)
    work()
    run = run_of(alice)
    assert (run.status, run.is_fallback) == ("done", True)
    assert steps_of(alice) == {**DONE, "agent_triggered": "failed"}
    assert len(welcomes_of(alice)) == 1 and len(told_about(alice)) == len(CONSULTANTS)


def test_a_switched_off_tool_does_not_keep_a_welcome_back(
    shop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = register()
    monkeypatch.setattr(steps, "READ", (("no_such_tool", {}, "profile"), *steps.READ[1:]))
    work()
    assert run_of(alice).status == "done" and not run_of(alice).is_fallback


def test_the_settings_act_on_the_next_registration(shop: None) -> None:
    boss = admin()
    set_values(
        boss, strategy="template", template_en="Hi {username}.\n\n{coupon}\n\n{products}", product_count=0
    )
    alice = register("alice")
    work()
    assert welcomes_of(alice)[0].content == "Hi alice."
    set_values(boss, notifications=False)
    bella = register("bella")
    work()
    assert told_about(bella) == [] and steps_of(bella)["consultants_notified"] == "skipped"
    set_values(boss, enabled=False)
    cleo = register("cleo")
    work()
    assert (run_of(cleo).status, run_of(cleo).reason) == ("skipped", "off")
    assert welcomes_of(cleo) == []
    assert count(AuditEntry, AuditEntry.action == "automation.changed") == 3


def test_settings_have_bounds_and_an_owner(shop: None) -> None:
    boss = admin()
    for wrong in (
        {"rollout_percent": 101},
        {"retry_seconds": [0]},
        {"template_zh": "{password}"},
        {"template_en": " "},
        {"strategy": "magic"},
        {"unknown": 1},
    ):
        with pytest.raises(ValidationError):
            set_values(boss, **wrong)
    with pytest.raises(Forbidden):
        set_values(actor_of(make_user("mallory")), enabled=False)


def test_staff_are_not_welcomed(shop: None) -> None:
    make_user("dora")
    admin()
    work()
    assert count(AutomationRun) == 0


def test_the_rollout_keeps_who_was_in() -> None:
    inside = [
        {user for user in range(1, 2_001) if is_in_rollout(user, percent)} for percent in (0, 10, 50, 100)
    ]
    assert inside[0] == set() and len(inside[3]) == 2_000
    assert inside[1] < inside[2] and 120 < len(inside[1]) < 280


def test_pauses_end_with_the_last_attempt() -> None:
    assert [pause_after(number, [5, 15, 60]) for number in (1, 2, 3, 4)] == [5, 15, 60, None]


def test_a_burst_costs_one_run_of_the_job(shop: None) -> None:
    users = [register(f"user-{number}") for number in range(12)]
    work()
    assert all(run_of(user).status == "done" for user in users)
    assert count(Conversation) == 12
