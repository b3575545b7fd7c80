"""Whom a waiting customer is offered to, by the shop's rule, and taking offers back when their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, or_, select, update

from app.accounts.queries import names_of_users
from app.consultants.attending import Attending, list_ready, note_offer
from app.consultants.models import Consultation
from app.consultants.states import State
from app.core.clock import now
from app.db import db
from app.notifications.service import notify
from app.onboarding.values import CLAIM_FIRST, LEAST_LOADED, Values

NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def order_for(rule: str, ready: Sequence[Attending]) -> list[Attending]:
    """Who gets the next customer, the first of them first."""
    if rule == CLAIM_FIRST:
        return []
    turn = {each.user_id: (each.offered_at or NEVER, each.user_id) for each in ready}
    if rule == LEAST_LOADED:
        return sorted(ready, key=lambda each: (each.load, turn[each.user_id]))
    return sorted(ready, key=lambda each: turn[each.user_id])


def offer_to_somebody(consultation_id: int, values: Values, *, not_to: int | None = None) -> int | None:
    """Offer a waiting customer to whose turn it is; None when nobody is there or anybody may claim."""
    if values.assignment == CLAIM_FIRST:
        return None
    ready = order_for(values.assignment, list_ready(values.busy_at))
    others = [each for each in ready if each.user_id != not_to]
    for each in others or ready:
        if note_offer(each.user_id, each.offered_at):
            return each.user_id if _offer(consultation_id, each.user_id, values) else None
    return None


def offer_next_to(user_id: int, values: Values) -> int | None:
    """Somebody has come online or become free: offer them who has waited longest; the consultation's id."""
    if values.assignment == CLAIM_FIRST:
        return None
    me = next((each for each in list_ready(values.busy_at) if each.user_id == user_id), None)
    waiting = db.session.scalar(
        select(Consultation.id)
        .where(Consultation.status == State.WAITING.value, _is_free())
        .order_by(Consultation.waiting_since, Consultation.id)
        .limit(1)
    )
    if me is None or waiting is None or not note_offer(user_id, me.offered_at):
        return None
    return waiting if _offer(waiting, user_id, values) else None


def list_overdue(limit: int = 100) -> list[tuple[int, int]]:
    """Offers whose time is over: the consultation, and to whom it was offered."""
    rows = db.session.execute(
        select(Consultation.id, Consultation.offered_to)
        .where(Consultation.status == State.WAITING.value, Consultation.offered_until <= now())
        .order_by(Consultation.offered_until)
        .limit(limit)
    )
    return [(row.id, row.offered_to) for row in rows]


def take_back(consultation_id: int, offered_to: int | None, values: Values) -> None:
    """An offer's time is over: the next one gets it, else anybody may claim."""
    if offer_to_somebody(consultation_id, values, not_to=offered_to) is None:
        db.session.execute(
            update(Consultation)
            .where(
                Consultation.id == consultation_id,
                Consultation.status == State.WAITING.value,
                Consultation.offered_until <= now(),
            )
            .values(offered_to=None, offered_until=None)
            .execution_options(synchronize_session=False)
        )


def _is_free() -> Any:
    return or_(Consultation.offered_until.is_(None), Consultation.offered_until <= now())


def _offer(consultation_id: int, user_id: int, values: Values) -> bool:
    """Make the offer, unless somebody has claimed meanwhile or has another that still holds."""
    until = now() + timedelta(seconds=values.offer_seconds)
    changed = db.session.execute(
        update(Consultation)
        .where(Consultation.id == consultation_id, Consultation.status == State.WAITING.value, _is_free())
        .values(offered_to=user_id, offered_until=until, offers=Consultation.offers + 1)
        .execution_options(synchronize_session=False)
    )
    if cast(CursorResult[Any], changed).rowcount != 1:
        return False
    told = db.session.execute(
        select(
            Consultation.user_id,
            Consultation.conversation_id,
            Consultation.source,
            Consultation.asked,
            Consultation.offers,
        ).where(Consultation.id == consultation_id)
    ).one()
    notify(
        [user_id],
        "customer.offered",
        dedupe=f"offered:{consultation_id}:{told.offers}",
        about_user_id=told.user_id,
        conversation_id=told.conversation_id,
        payload={
            "username": names_of_users([told.user_id]).get(told.user_id, ""),
            "source": told.source,
            "asked": told.asked,
            "until": until.isoformat(),
        },
    )
    return True
