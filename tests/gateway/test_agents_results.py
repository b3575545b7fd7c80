"""Results of versions: answers, errors, first words, orders that followed a question, ratings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update

from app.accounts.tokens import issue_token
from app.catalogue.search import reindex
from app.conversations.models import Confirmation, Conversation, Message, Run
from app.core.clock import now
from app.core.ids import new_id
from app.db import db, transaction
from app.gateway.models import AgentVersion, Rating
from app.gateway.results import VersionResult, percentile, results_of
from tests.browsing import counted_statements
from tests.builders import make_product, make_user
from tests.gateway.agents_helpers import change, fresh, make_admin, make_agent

LONG_AGO = timedelta(days=400)


class Past:
    """An agent with two versions, and what happened with them."""

    def __init__(self) -> None:
        self.ada = make_admin()
        self.agent_id = make_agent(self.ada)
        change(self.ada, self.agent_id, system_prompt="two")
        self.one, self.two = (version.id for version in fresh(self.agent_id).versions)

    def talk(self) -> str:
        with transaction() as session:
            conversation = Conversation(owner="user:1")
            session.add(conversation)
        return conversation.id

    def run(self, version_id: int | None, *, in_: str = "", **values: Any) -> Run:
        values = {"status": "done", **values}
        talk = in_ or self.talk()
        with transaction() as session:
            row = Run(conversation_id=talk, owner="user:1", agent_version_id=version_id, **values)
            session.add(row)
        return row

    def ask(self, run: Run, *, status: str = "approved", tool: str = "place_order") -> None:
        with transaction() as session:
            session.add(
                Confirmation(
                    id=new_id(),
                    conversation_id=run.conversation_id,
                    run_id=run.id,
                    owner="user:1",
                    status=status,
                    tool_call_id="c",
                    tool_name=tool,
                    arguments={},
                    summary={},
                    fingerprint="f",
                    expires_at=now(),
                )
            )
            session.flush()
            self._result(session, run, "confirmation_required", tool)

    def settle(self, run: Run, status: str, *, tool: str = "place_order") -> None:
        with transaction() as session:
            self._result(session, run, status, tool)

    def _result(self, session: Any, run: Run, status: str, tool: str) -> None:
        session.add(
            Message(
                conversation_id=run.conversation_id,
                run_id=run.id,
                role="tool",
                tool_name=tool,
                tool_call_id="c",
                status=status,
                content="{}",
            )
        )

    def rate(self, version_id: int, **values: Any) -> None:
        talk = self.talk()
        with transaction() as session:
            session.add(Rating(conversation_id=talk, agent_version_id=version_id, **values))

    def results(self, days: int = 30) -> dict[int, VersionResult]:
        db.session.remove()
        return {each.number: each for each in results_of(self.agent_id, now() - timedelta(days=days))}


@pytest.fixture
def past(each_app: Flask) -> Any:
    with each_app.app_context():
        yield Past()


def test_a_version_without_answers_has_zeros(past: Past) -> None:
    told = past.results()
    assert list(told) == [2, 1], "newest first"
    assert (told[1].answers, told[1].error_rate, told[1].first_word_p95_ms, told[1].rating_average) == (
        0,
        0.0,
        None,
        None,
    )


def test_answers_errors_and_first_words_are_counted_by_version(past: Past) -> None:
    for milliseconds in range(1, 101):
        past.run(past.one, first_token_ms=milliseconds * 10)
    past.run(past.one, status="aborted")
    past.run(past.one, status="error", first_token_ms=5_000)
    past.run(past.two, status="interrupted")
    past.run(past.two, status="running")
    past.run(past.two, first_token_ms=7, started_at=now() - LONG_AGO)
    past.run(None, first_token_ms=1)
    told = past.results()
    assert (told[1].answers, told[1].errors, round(told[1].error_rate, 3)) == (101, 1, 0.01)
    assert (told[1].first_word_p50_ms, told[1].first_word_p95_ms) == (510, 960)
    assert (told[2].answers, told[2].errors, told[2].first_word_p50_ms) == (0, 1, None)
    assert past.results(500)[2].answers == 1


def test_an_order_counts_for_the_version_that_asked_for_it(past: Past) -> None:
    # Asked by one, the yes runs in a run of the other: the order is the asking version's.
    asking = past.run(past.one)
    past.ask(asking)
    past.settle(past.run(past.two, in_=asking.conversation_id), "ok")
    told = past.results()
    assert (told[1].asked, told[1].orders) == (1, 1)
    assert (told[2].asked, told[2].orders) == (0, 0)


def test_only_what_was_placed_is_an_order(past: Past) -> None:
    for answer, outcome in (
        ("approved", "error"),
        ("denied", "denied"),
        ("void", "error"),
        ("approved", None),
        ("pending", None),
    ):
        asking = past.run(past.one)
        past.ask(asking, status=answer)
        if outcome:
            past.settle(past.run(past.one, in_=asking.conversation_id), outcome)
    other = past.run(past.one)
    past.ask(other, tool="cancel_order")
    past.settle(past.run(past.one, in_=other.conversation_id), "ok", tool="cancel_order")
    told = past.results()
    assert (told[1].asked, told[1].orders) == (5, 0)


def test_each_question_of_a_talk_has_its_own_outcome(past: Past) -> None:
    first = past.run(past.one)
    talk = first.conversation_id
    past.ask(first, status="denied")
    past.settle(past.run(past.one, in_=talk), "denied")
    past.ask(past.run(past.one, in_=talk))
    past.settle(past.run(past.one, in_=talk), "error")
    past.ask(past.run(past.two, in_=talk))
    past.settle(past.run(past.two, in_=talk), "ok")
    told = past.results()
    assert (told[1].asked, told[1].orders, told[2].asked, told[2].orders) == (2, 0, 1, 1)


def test_ratings_are_averaged_and_thumbs_counted(past: Past) -> None:
    past.rate(past.one, score=5, thumb=1)
    past.rate(past.one, score=2, thumb=-1)
    past.rate(past.one, thumb=1)
    past.rate(past.two, score=4)
    past.rate(past.two, score=1, updated_at=now() - LONG_AGO)
    told = past.results()
    assert (told[1].ratings, told[1].rating_average, told[1].thumbs_up, told[1].thumbs_down) == (2, 3.5, 2, 1)
    assert (told[2].ratings, told[2].rating_average, told[2].thumbs_up) == (1, 4.0, 0)


def test_the_number_of_statements_does_not_grow(past: Past) -> None:
    for number in range(6):
        change(past.ada, past.agent_id, system_prompt=f"more {number}")
        past.run(past.one, first_token_ms=number)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with counted_statements(app) as statements:
        results_of(past.agent_id, now() - timedelta(days=1))
    assert len(statements) == 5, statements


@pytest.mark.parametrize(
    ("values", "p50", "p95"), [([7], 7, 7), ([1, 2], 1, 2), (list(range(1, 21)), 10, 19), ([5] * 99 + [900], 5, 5), ([], None, None)]
)  # fmt: skip
def test_percentiles_are_the_nearest_rank(values: list[int], p50: int | None, p95: int | None) -> None:
    counts = {value: values.count(value) for value in values}
    assert (percentile(counts, 0.5), percentile(counts, 0.95)) == (p50, p95)


@pytest.mark.redis
def test_a_real_talk_that_ends_in_an_order_is_one(app: Flask) -> None:
    """What the assistant really stores is what the figures look for."""
    with app.app_context():
        past = Past()
        make_product("A", name="防晒乳", name_en="Sunscreen")
        with transaction():
            reindex()
        token, _ = issue_token(make_user("alice").id)
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    session_id = None
    for text in ("add sunscreen to my cart", "place the order", "yes"):
        body = {"text": text, **({"session_id": session_id} if session_id else {})}
        answer = client.post("/api/chat", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        session_id = answer.get_json()["session_id"]
    with app.app_context():
        with transaction() as session:
            session.execute(update(Run).values(agent_version_id=past.two))
        assert db.session.scalars(select(Confirmation.status)).all() == ["approved"]
        told = past.results()
        assert (told[2].asked, told[2].orders, told[2].answers) == (1, 1, 3)
        assert db.session.get(AgentVersion, past.two) is not None
