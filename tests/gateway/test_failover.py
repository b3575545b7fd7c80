"""Who answers when a model fails, how soon, and what is left behind."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.accounts.messages import Reader, render
from app.accounts.models import AccountMessage
from app.core.actor import Role
from app.db import db
from app.gateway.asking import ask_once
from app.gateway.breaker import Breaker, state_of
from app.gateway.routing import settings_circuit
from app.llm.client import ModelError
from app.outbox.models import OutboxMessage
from app.runtime import redis
from tests.agent.conftest import of_type, text_of, wait_until
from tests.builders import make_user
from tests.gateway import upstreams as up
from tests.gateway.failing import DEAD, FIRST, GAP, TOTAL, MakeShop, make_shop, threads_named

__all__ = ["make_shop"]
BEFORE_THE_FIRST_WORD = {
    "dead": DEAD,
    "silent": up.silent,
    "silent after its head": up.silent_after_head,
    "only comments": up.comments_only,
    "500": up.status(500),
    "503": up.status(503),
    "429": up.status(429),
    "429 with Retry-After": up.status(429, Retry_After="7"),
    "402": up.status(402),
    "404": up.status(404),
    "a redirect": up.status(307, Location="http://127.0.0.1:1/v1/chat/completions"),
    "reset at once": up.reset_at_once,
    "reset after its head": up.reset_after_head,
    "ends before a word": up.end_before_words,
    "says nothing": up.empty,
    "garbage": up.garbage,
    "html": up.html,
    "error event": up.error_event,
    "deep json": up.deep_json,
}


@pytest.mark.parametrize("name", BEFORE_THE_FIRST_WORD)
def test_the_next_agent_answers_within_the_first_tokens_time_and_a_second(
    make_shop: MakeShop, name: str
) -> None:
    shop = make_shop(BEFORE_THE_FIRST_WORD[name], up.well("Second ", "here."))
    alice = shop.person()
    started = time.monotonic()
    events = alice.say("hi")
    assert time.monotonic() - started < FIRST + 1.0
    assert text_of(events) == "Second here." and events[-1]["type"] == "complete"
    assert events[-1]["data"]["message"]["model"] == "agent 1"
    run = shop.last_run()
    assert (run.status, run.model, run.provider, run.attempts) == ("done", "agent 1", "openai", 2)
    assert run.agent_version_id is not None and run.first_token_ms is not None
    assert run.first_token_ms <= (run.duration_ms or 0) < (FIRST + 1.0) * 1000


def test_with_every_agent_gone_the_built_in_model_answers(make_shop: MakeShop) -> None:
    shop = make_shop(DEAD, up.status(500), up.silent)
    events = shop.person().say("do you have sunscreen")
    assert events[-1]["type"] == "complete" and of_type(events, "tool_call")
    run = shop.last_run()
    assert (run.provider, run.model, run.attempts, run.agent_version_id) == ("builtin", "built-in", 4, None)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_request_is_nobody_elses(make_shop: MakeShop, status: int) -> None:
    shop = make_shop(up.status(status), up.well())
    with shop.app.app_context():
        admin = make_user("boss", roles=(Role.ADMIN,)).id
    alice = shop.person()
    for _ in range(2):
        last = alice.say("hi")[-1]
        assert (last["type"], last["data"]["code"], last["data"]["retryable"]) == ("error", "UPSTREAM", False)
    assert not shop.upstreams[1].bodies
    with shop.app.app_context():
        # One letter to each admin, however often it happens, and a closed breaker: nothing is down.
        letters = db.session.query(OutboxMessage).filter_by(topic="agent.alert").all()
        assert [(each.payload["user_id"], each.payload["status"]) for each in letters] == [(admin, status)]
        assert "sk-secret" not in str(letters[0].payload)
        assert state_of("agent:1:v1") == "closed"


def test_the_admin_reads_of_it(make_shop: MakeShop) -> None:
    from app.outbox.service import deliver

    shop = make_shop(up.status(401))
    with shop.app.app_context():
        make_user("boss", roles=(Role.ADMIN,))
    shop.person().say("hi")
    with shop.app.app_context():
        letter = db.session.query(OutboxMessage).filter_by(topic="agent.alert").one()
        assert deliver(letter.id)
        kept = db.session.query(AccountMessage).one()
        letter_read = render(kept, Reader("en", str, str))
        assert letter_read.subject == "The AI agent agent 0 needs you"
        assert "(HTTP 401)" in letter_read.body and "SECRET_KEY" not in letter_read.body


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (up.reset_after_words, "UPSTREAM"),
        (up.silent_after_words, "TIMEOUT"),
    ],
)
def test_after_the_first_words_the_text_is_kept_and_nobody_takes_over(
    make_shop: MakeShop, behave: Any, code: str
) -> None:
    shop = make_shop(behave, up.well("Never."))
    started = time.monotonic()
    events = shop.person().say("hi")
    assert time.monotonic() - started < GAP + 1.0
    assert text_of(events) == "Half an " and not shop.upstreams[1].bodies
    last = events[-1]
    assert (last["type"], last["data"]["code"], last["data"]["retryable"]) == ("error", code, True)
    assert shop.last_run().first_token_ms is not None


def test_an_answer_without_an_end_is_ended(make_shop: MakeShop) -> None:
    shop = make_shop(up.drip)
    started = time.monotonic()
    events = shop.person().say("hi")
    assert TOTAL - 0.5 < time.monotonic() - started < TOTAL + 1.0
    assert (events[-1]["type"], events[-1]["data"]["code"]) == ("error", "TIMEOUT")


def test_a_passing_failure_is_tried_once_more(make_shop: MakeShop) -> None:
    answers = iter([up.status(502), up.well("Back ", "again.")])
    shop = make_shop(lambda wire: next(answers)(wire), up.well("Never."))
    assert text_of(shop.person().say("hi")) == "Back again."
    assert shop.last_run().attempts == 1 and not shop.upstreams[1].bodies


def test_later_turns_stay_with_who_has_answered(make_shop: MakeShop) -> None:
    """The first is down for the first turn only: the second goes on with its own call."""
    answers = iter([up.status(500), up.status(500), up.well("Never.")])
    turns = iter([_calls("view_cart"), up.well("Your cart is empty.")])
    shop = make_shop(lambda wire: next(answers)(wire), lambda wire: next(turns)(wire))
    events = shop.person().say("what is in my cart")
    assert text_of(events) == "Your cart is empty." and shop.last_run().attempts == 2
    assert [body["model"] for body in shop.upstreams[1].bodies] == ["agent 1", "agent 1"]


def test_the_next_agent_goes_on_in_the_middle_of_a_run(make_shop: MakeShop) -> None:
    turns = iter([_calls("view_cart"), up.status(500), up.status(500)])
    shop = make_shop(lambda wire: next(turns)(wire), up.well("Your cart is empty."))
    events = shop.person().say("what is in my cart")
    assert text_of(events) == "Your cart is empty."
    sent = shop.upstreams[1].bodies[0]["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool"]
    assert sent[3]["tool_call_id"] == sent[2]["tool_calls"][0]["id"]


def test_a_call_that_takes_long_to_write_is_no_silence(make_shop: MakeShop) -> None:
    turns = iter([_calls("view_cart", gap=FIRST / 2), up.well("Empty.")])
    shop = make_shop(lambda wire: next(turns)(wire), up.well("Never."))
    assert text_of(shop.person().say("what is in my cart")) == "Empty."


def test_thinking_is_no_silence(make_shop: MakeShop) -> None:
    def thinks(wire: up.Wire) -> None:
        wire.begin()
        for _ in range(4):
            wire.event(up.delta(reasoning_content="hm"))
            time.sleep(FIRST / 2)
        wire.words("Yes.")
        wire.finish()

    assert text_of(make_shop(thinks).person().say("hi")) == "Yes."


def test_each_agent_gets_its_own_prompt_and_settings(make_shop: MakeShop) -> None:
    from tests.gateway.failing import add_agent, dead_url

    with up.upstream(up.well()) as server:
        shop = make_shop(llm_private_base_urls=server.url)
        with shop.app.app_context():
            add_agent("first", dead_url(), priority=1, system_prompt="Be first.", temperature=0.1)
            add_agent(
                "second",
                server.url,
                priority=2,
                system_prompt="Be second.",
                temperature=0.9,
                max_tokens=77,
                tools=["list_products", "cart"],
            )
        shop.person().say("hi")
        body = server.bodies[0]
    assert body["messages"][0]["content"].startswith("Be second.")
    # A caller's fence is part of every prompt.
    assert "DATA" in body["messages"][0]["content"]
    assert (body["temperature"], body["max_tokens"]) == (0.9, 77)
    names = {tool["function"]["name"] for tool in body["tools"]}
    assert {"list_products", "add_to_cart"} <= names and "get_product" not in names


def test_a_model_cannot_call_what_it_was_not_given(make_shop: MakeShop) -> None:
    from tests.gateway.failing import add_agent

    turns = iter([_calls("view_cart"), up.well("I cannot.")])
    with up.upstream(lambda wire: next(turns)(wire)) as server:
        shop = make_shop(llm_private_base_urls=server.url)
        with shop.app.app_context():
            add_agent("small", server.url, tools=["list_products"])
        events = shop.person().say("what is in my cart")
    result = of_type(events, "tool_result")[0]
    assert (result["status"], result["result"]["error"]["code"]) == ("error", "NOT_FOUND")


def test_nothing_is_left_behind(make_shop: MakeShop) -> None:
    shop = make_shop(DEAD, up.silent, up.silent_after_head, up.comments_only, up.reset_at_once, up.well())
    alice = shop.person()
    before = threads_named("model", "run")
    assert text_of(alice.say("hi")) == "All is well."
    with shop.app.app_context():
        wait_until(lambda: threads_named("model", "run") <= before, 2.0)
        # Each that hung has seen its connection closed.
        wait_until(lambda: all(server.closed_at for server in shop.upstreams[:2]), 2.0)
        left = [key for key in redis().scan_iter("gw:*") if redis().ttl(key) < 0]
    assert left == []


def test_a_breaker_spares_the_next_customers_the_wait(make_shop: MakeShop) -> None:
    shop = make_shop(up.silent, up.well())
    alice = shop.person()
    with shop.app.app_context():
        breaker = Breaker(redis())
        for _ in range(4):
            breaker.fail("agent:1:v1", breaker.admit("agent:1:v1"))
        assert breaker.state_of("agent:1:v1") == "closed"
    alice.say("hi")
    with shop.app.app_context():
        assert state_of("agent:1:v1") == "open"
    started = time.monotonic()
    assert text_of(alice.say("again")) == "All is well."
    assert time.monotonic() - started < FIRST
    assert len(shop.upstreams[0].bodies) == 1 and shop.last_run().attempts == 1


def test_what_fails_in_the_background_turns_no_customer_away(make_shop: MakeShop) -> None:
    """A model that answers customers may refuse the request of every welcome: one breaker each, as agents have."""
    with up.upstream(_only_customers) as server:
        shop = make_shop(llm_base_url=server.url, llm_api_key="sk-test")
        alice = shop.person()
        with shop.app.app_context():
            for _ in range(5):
                with pytest.raises(ModelError):
                    ask_once("welcome", alice.actor, "Welcome them.", "{}", deadline=time.monotonic() + 5)
            assert state_of(settings_circuit("welcome")) == "open"
            assert state_of(settings_circuit("shop")) == "closed"
        assert text_of(alice.say("hi")) == "All is well."


def _only_customers(wire: up.Wire) -> None:
    (up.well() if wire.body.get("tools") else up.status(503))(wire)


def test_retry_after_is_heeded(make_shop: MakeShop) -> None:
    shop = make_shop(up.status(429, Retry_After="30"), up.well())
    alice = shop.person()
    alice.say("hi")
    alice.say("again")
    assert len(shop.upstreams[0].bodies) == 1
    with shop.app.app_context():
        assert state_of("agent:1:v1") == "open"


def test_a_change_of_an_agent_acts_at_once(make_shop: MakeShop) -> None:
    from app.db import transaction
    from app.gateway.models import Agent

    shop = make_shop(up.well("One."), up.well("Two."))
    alice = shop.person()
    assert text_of(alice.say("hi")) == "One."
    with shop.app.app_context(), transaction() as session:
        session.get_one(Agent, 1).enabled = False
    assert text_of(alice.say("hi")) == "Two."


def _calls(name: str, gap: float = 0.0) -> up.Behaviour:
    """A turn that calls a tool, its arguments in pieces."""

    def behave(wire: up.Wire) -> None:
        wire.begin()
        first = {"index": 0, "id": "call_1", "function": {"name": name, "arguments": ""}}
        wire.event(up.delta(tool_calls=[first]))
        for piece in ("{", " ", "}"):
            time.sleep(gap)
            wire.event(up.delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}]))
        wire.finish("tool_calls")

    return behave
