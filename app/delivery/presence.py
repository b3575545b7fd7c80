"""What deliveries need to know of the consultants' desk."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import case, func, select

from app.consultants.models import ConsultantPresence, Consultation
from app.consultants.presence import AWAY, OFFLINE_AFTER
from app.consultants.states import State
from app.core.clock import now
from app.db import db


def list_at_the_desk(user_ids: Collection[int]) -> set[int]:
    """Who of these has the desk open and is not away."""
    present = db.session.scalars(
        select(ConsultantPresence.user_id).where(
            ConsultantPresence.seen_at > now() - OFFLINE_AFTER, ConsultantPresence.status != AWAY
        )
    )
    return set(present).intersection(user_ids)


def list_settled(conversation_ids: Collection[str]) -> set[str]:
    """The conversations for which nobody waits any more: claimed, or over."""
    if not conversation_ids:
        return set()
    waiting = func.sum(case((Consultation.status == State.WAITING.value, 1), else_=0))
    return set(
        db.session.scalars(
            select(Consultation.conversation_id)
            .where(Consultation.conversation_id.in_(conversation_ids))
            .group_by(Consultation.conversation_id)
            .having(waiting == 0)
        )
    )
