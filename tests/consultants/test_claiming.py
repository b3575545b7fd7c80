"""Waiting, claiming with one winner, releasing, offers with a timer, presence; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.consultants import attending, jobs, queries, service
from app.consultants.api import beat
from app.consultants.models import Consultation
from app.consultants.presence import OFFLINE_AFTER, RELEASE_AFTER, status_of
from app.consultants.states import State
from app.core.clock import now, shifted
from app.core.errors import Conflict, DomainError, Forbidden, NotFound, Unauthorized
from app.db import db, in_transaction
from app.notifications.models import Notification
from app.onboarding.settings import read_values
from app.outbox.jobs import sweep as deliver_outbox
from tests.builders import actor_of, make_user
from tests.consultants.desk_rows import (
    claim,
    consultation_of,
    make_consultant,
    make_talk,
    make_waiting,
    set_rules,
)
from tests.consultants.desk_rows import status_of as conversation_status
from tests.parallel import at_once, in_parallel

pytestmark = pytest.mark.redis


@pytest.fixture
def desk(each_app: Flask) -> Iterator[Flask]:
    with each_app.app_context():
        yield each_app
        db.session.rollback()


def code_of(call: object) -> str:
    try:
        call()  # type: ignore[operator]
    except DomainError as error:
        return error.code
    return "ok"


def test_of_many_claims_at_once_one_wins(desk: Flask) -> None:
    bob, talk = make_waiting()
    team = [make_consultant() for _ in range(16)]
    gate = iter(at_once(lambda: None, 16))

    def each(who):  # type: ignore[no-untyped-def]
        wait = next(gate)

        def work():  # type: ignore[no-untyped-def]
            wait()
            return [row.claimed_by for row in service.claim(who, bob.user_id)]

        return work

    outcomes = in_parallel(desk, [each(who) for who in team])
    won = [outcome for outcome in outcomes if isinstance(outcome, list)]
    assert len(won) == 1 and outcomes.count("ALREADY_CLAIMED") == 15
    assert consultation_of(talk).claimed_by == won[0][0]


def test_who_opens_at_the_same_time_waits_once(desk: Flask) -> None:
    bob, talk = make_talk()
    work = partial(service.ask_for_person, bob, talk, "please")
    outcomes = in_parallel(desk, at_once(lambda: work().id, 8))
    assert len(set(outcomes)) == 1
    assert db.session.scalar(select(func.count()).select_from(Consultation)) == 1


def test_a_claim_of_who_asked_takes_the_conversation_over(desk: Flask) -> None:
    bob, talk = make_waiting()
    assert conversation_status(talk) == "waiting"
    alice = make_consultant()
    claim(alice, bob)
    assert conversation_status(talk) == "consultant"
    assert consultation_of(talk).taken_over_at is not None
    assert [row.user_id for row in claim(alice, bob)] == [bob.user_id]


def test_a_new_customer_is_claimed_while_the_assistant_goes_on(desk: Flask) -> None:
    bob, talk = make_talk()
    in_transaction(lambda: service.open_for_registration(bob.user_id, talk, read_values()))
    in_transaction(lambda: service.open_for_registration(bob.user_id, talk, read_values()))
    alice = make_consultant()
    assert len(claim(alice, bob)) == 1
    assert conversation_status(talk) == "assistant"
    in_transaction(lambda: service.ask_for_person(bob, talk, "now I want one"))
    assert conversation_status(talk) == "consultant"


def test_a_closed_registration_is_not_opened_again(desk: Flask) -> None:
    bob, talk = make_talk()
    in_transaction(lambda: service.open_for_registration(bob.user_id, talk, read_values()))
    assert in_transaction(lambda: service.leave(bob, talk))
    in_transaction(lambda: service.open_for_registration(bob.user_id, talk, read_values()))
    assert queries.count_waiting() == 0
    in_transaction(lambda: service.ask_for_person(bob, talk, ""))
    assert queries.count_waiting() == 1


def test_only_the_desk_may_claim(desk: Flask) -> None:
    bob, _ = make_waiting()
    with pytest.raises(Forbidden):
        claim(bob, bob)
    with pytest.raises(Unauthorized):
        claim(type(bob)(guest_id="g"), bob)
    charlie = actor_of(make_user("charlie"))
    alice = make_consultant()
    with pytest.raises(NotFound):
        claim(alice, charlie)


def test_nobody_asks_in_anothers_conversation(desk: Flask) -> None:
    _, talk = make_talk()
    charlie = actor_of(make_user("charlie"))
    with pytest.raises(NotFound):
        in_transaction(lambda: service.ask_for_person(charlie, talk))
    with pytest.raises(NotFound):
        in_transaction(lambda: service.leave(charlie, talk))


def test_an_offer_holds_until_its_time_is_over(desk: Flask) -> None:
    set_rules(assignment="round_robin", offer_seconds=30)
    alice, berta = make_consultant("alice"), make_consultant("berta")
    bob, talk = make_waiting()
    first = {alice.user_id: alice, berta.user_id: berta}[consultation_of(talk).offered_to or 0]
    other = berta if first is alice else alice
    assert code_of(lambda: claim(other, bob)) == "OFFERED_TO_ANOTHER"
    with shifted(timedelta(seconds=31)):
        for who in (alice, berta):
            in_transaction(partial(beat, who, None))
        jobs.sweep()
        assert consultation_of(talk).offered_to == other.user_id
        claim(other, bob)
    assert consultation_of(talk).claimed_by == other.user_id


def test_an_overdue_offer_counts_for_nothing_even_before_it_is_taken_back(desk: Flask) -> None:
    set_rules(assignment="round_robin", offer_seconds=30)
    alice = make_consultant("alice")
    bob, talk = make_waiting()
    assert consultation_of(talk).offered_to == alice.user_id
    berta = make_consultant("berta")
    with shifted(timedelta(seconds=31)):
        assert queries.list_waiting()[0].offered_to is None
        claim(berta, bob)


def test_who_has_the_fewest_is_offered_the_next(desk: Flask) -> None:
    set_rules(assignment="least_loaded", busy_at=2)
    alice = make_consultant("alice")
    bob, _ = make_waiting()
    claim(alice, bob)
    berta = make_consultant("berta")
    _, second = make_waiting()
    assert consultation_of(second).offered_to == berta.user_id
    _, third = make_waiting()
    _, fourth = make_waiting()
    _, fifth = make_waiting()
    offered = [consultation_of(talk).offered_to for talk in (third, fourth)]
    assert sorted(offered, key=str) == sorted([alice.user_id, berta.user_id], key=str)
    # Both have two: nobody is offered a third.
    assert consultation_of(fifth).offered_to is None
    team = {each.username: each.status for each in attending.list_team(busy_at=2)}
    assert team == {"alice": "busy", "berta": "busy"}


def test_who_comes_online_or_becomes_free_is_offered_the_longest_waiting(desk: Flask) -> None:
    set_rules(assignment="round_robin", busy_at=1)
    bob, first = make_waiting()
    _, second = make_waiting()
    assert consultation_of(first).offered_to is None
    alice = make_consultant("alice", is_online=False)
    in_transaction(partial(beat, alice, None))
    assert consultation_of(first).offered_to == alice.user_id
    assert consultation_of(second).offered_to is None
    claim(alice, bob)
    in_transaction(lambda: service.hand_back(alice, first))
    assert consultation_of(second).offered_to == alice.user_id
    told = db.session.scalars(select(Notification.kind).where(Notification.user_id == alice.user_id)).all()
    assert told.count("customer.offered") == 2


def test_a_consultant_who_is_gone_loses_the_customer_and_who_is_back_keeps_them(desk: Flask) -> None:
    alice, berta = make_consultant("alice"), make_consultant("berta")
    bob, gone = make_waiting()
    carol, kept = make_waiting()
    claim(alice, bob)
    claim(berta, carol)
    with shifted(timedelta(seconds=RELEASE_AFTER.total_seconds() + 5)):
        in_transaction(partial(beat, berta, None))
        jobs.sweep()
        row = consultation_of(gone)
        assert (row.status, row.claimed_by, row.taken_over_at) == (State.WAITING.value, None, None)
        assert conversation_status(gone) == "waiting"
        assert consultation_of(kept).claimed_by == berta.user_id
        claim(berta, bob)


def test_a_claim_is_released_by_its_consultant_or_an_admin(desk: Flask) -> None:
    alice, berta = make_consultant(), make_consultant()
    bob, talk = make_waiting()
    claim(alice, bob)
    with pytest.raises(NotFound):
        in_transaction(lambda: service.release(berta, talk))
    in_transaction(lambda: service.release(alice, talk))
    assert consultation_of(talk).status == State.WAITING.value
    claim(berta, bob)


def test_presence_is_what_was_chosen_as_long_as_there_are_signs_of_life() -> None:
    at = now()
    assert status_of("online", at, at) == "online"
    assert status_of("away", at, at) == "away"
    assert status_of("online", at, at, load=5, busy_at=5) == "busy"
    assert status_of("online", at - OFFLINE_AFTER, at) == "offline"
    assert status_of("online", None, at) == "offline"
    assert status_of("nonsense", at, at) == "away"


def test_two_first_signs_of_life_at_once_are_one_presence(desk: Flask) -> None:
    alice = make_consultant("alice", is_online=False)
    in_parallel(desk, at_once(lambda: attending.show_life(alice, "online"), 8))
    assert [each.status for each in attending.list_team()] == ["online"]


def test_asking_tells_every_consultant_once(desk: Flask) -> None:
    team = [make_consultant() for _ in range(3)]
    bob, talk = make_waiting(asked="about my order")
    in_transaction(lambda: service.ask_for_person(bob, talk, "again"))
    with shifted(timedelta(seconds=5)):
        deliver_outbox()
    rows = db.session.scalars(select(Notification).where(Notification.kind == "customer.asked")).all()
    assert sorted(row.user_id for row in rows) == sorted(who.user_id for who in team)
    assert {row.payload["asked"] for row in rows} == {"about my order"}


def test_what_was_closed_meanwhile_is_not_closed_again(desk: Flask) -> None:
    bob, talk = make_waiting()
    assert in_transaction(lambda: service.leave(bob, talk))
    assert not in_transaction(lambda: service.leave(bob, talk))
    assert conversation_status(talk) == "assistant"
    with pytest.raises((NotFound, Conflict)):
        claim(make_consultant(), bob)
