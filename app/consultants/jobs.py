"""Entry points of the outbox and the scheduler."""

from __future__ import annotations

from functools import partial
from logging import getLogger
from typing import Any

from sqlalchemy import or_, select

from app.accounts.queries import list_user_ids, names_of_users
from app.consultants.assigning import list_overdue, take_back
from app.consultants.models import ConsultantPresence, Consultation
from app.consultants.presence import RELEASE_AFTER
from app.consultants.service import release_claim
from app.consultants.states import State
from app.core.actor import Role
from app.core.clock import now
from app.db import db, in_transaction
from app.notifications.service import notify
from app.onboarding.settings import read_values

log = getLogger(__name__)


def tell_of_asking(payload: dict[str, Any]) -> None:
    """The handler of `consultation.asked`: a notification for each consultant, unless the shop has switched them off."""
    if not read_values().notifications:
        return
    user_id = payload["user_id"]
    notify(
        list_user_ids(Role.CONSULTANT),
        "customer.asked",
        dedupe=f"asked:{payload['consultation_id']}",
        about_user_id=user_id,
        conversation_id=payload["conversation_id"],
        payload={
            "username": names_of_users([user_id]).get(user_id, ""),
            "asked": payload["asked"],
            "consultation_id": payload["consultation_id"],
        },
    )


def sweep() -> None:
    """Offers whose time is over go on to the next; customers whose consultant is gone wait again."""
    overdue, left = list_overdue(), _list_left()
    db.session.rollback()
    for consultation_id, offered_to in overdue:
        in_transaction(partial(_take_back, consultation_id, offered_to))
    for consultation_id in left:
        if in_transaction(partial(_release, consultation_id)):
            log.info("consultant_gone consultation=%s", consultation_id)


def _take_back(consultation_id: int, offered_to: int | None) -> None:
    take_back(consultation_id, offered_to, read_values())


def _list_left(limit: int = 100) -> list[int]:
    """Claimed consultations whose consultant has shown no sign of life for long."""
    return list(db.session.scalars(_left().limit(limit)))


def _left() -> Any:
    since = now() - RELEASE_AFTER
    gone = or_(ConsultantPresence.seen_at.is_(None), ConsultantPresence.seen_at < since)
    return (
        select(Consultation.id)
        .outerjoin(ConsultantPresence, ConsultantPresence.user_id == Consultation.claimed_by)
        .where(Consultation.status == State.CLAIMED.value, Consultation.claimed_at < since, gone)
        .order_by(Consultation.id)
    )


def _release(consultation_id: int) -> bool:
    # Who has come back meanwhile keeps their customer.
    is_gone = db.session.scalar(_left().where(Consultation.id == consultation_id)) is not None
    return is_gone and release_claim(consultation_id)
