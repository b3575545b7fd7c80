"""Signs of life of those at the desk, what they choose to be, and who can take a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.models import User
from app.consultants.channels import publish_staff
from app.consultants.models import ConsultantPresence, Consultation
from app.consultants.presence import AWAY, BUSY, CHOICES, OFFLINE, OFFLINE_AFTER, ONLINE, is_alive, status_of
from app.consultants.states import State
from app.core.actor import Actor, Role, roles_from
from app.core.clock import now
from app.core.errors import N_, InvalidParam
from app.db import db


@dataclass(frozen=True, slots=True)
class Attending:
    """Somebody at the desk: `status` as others see it, `load` the customers they have, `chosen` what they set."""

    user_id: int
    username: str
    status: str
    load: int
    chosen: str = ONLINE
    seen_at: datetime | None = None
    offered_at: datetime | None = None


def show_life(actor: Actor, status: str | None = None) -> bool:
    """A heartbeat, with what the consultant chooses to be; True when they have come online by it. Flushes.

    Raises Unauthorized, Forbidden, InvalidParam.
    """
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    if status is not None and status not in CHOICES:
        raise InvalidParam(fields={"status": N_("Choose online, busy or away.")})
    at = now()
    before = db.session.execute(
        select(ConsultantPresence.status, ConsultantPresence.seen_at).where(ConsultantPresence.user_id == me)
    ).one_or_none()
    values: dict[str, Any] = {"seen_at": at, **({"status": status} if status else {})}
    if before is None:
        _come(me, values)
    else:
        _set(me, values)
    was = status_of(before.status, before.seen_at, at) if before is not None else OFFLINE
    is_now = status or (before.status if before is not None else ONLINE)
    if was != is_now:
        publish_staff("presence", {"user_id": me, "status": is_now})
    return was != ONLINE and is_now == ONLINE


def _come(me: int, values: Mapping[str, Any]) -> None:
    """The first sign of life; of two at once, the second changes the row of the first."""
    try:
        with db.session.begin_nested():
            db.session.add(ConsultantPresence(user_id=me, **values))
    except IntegrityError:
        _set(me, values)


def _set(me: int, values: Mapping[str, Any]) -> None:
    db.session.execute(
        update(ConsultantPresence)
        .where(ConsultantPresence.user_id == me)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def note_offer(user_id: int, before: datetime | None) -> bool:
    """Somebody gets an offer; False when another was just made to them."""
    same = ConsultantPresence.offered_at == before if before else ConsultantPresence.offered_at.is_(None)
    changed = db.session.execute(
        update(ConsultantPresence)
        .where(ConsultantPresence.user_id == user_id, same)
        .values(offered_at=now())
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], changed).rowcount == 1


def count_online() -> int:
    """How many consultants could answer now."""
    alive = (ConsultantPresence.status == ONLINE, ConsultantPresence.seen_at > now() - OFFLINE_AFTER)
    count = select(func.count()).select_from(ConsultantPresence).where(*alive)
    return db.session.scalar(count) or 0


def list_team(busy_at: int = 0) -> list[Attending]:
    """All active consultants, those who are there first. Two statements."""
    named = User.role_names.contains(Role.CONSULTANT.value, autoescape=True)
    rows = db.session.execute(
        select(
            User.id,
            User.username,
            User.role_names,
            ConsultantPresence.status,
            ConsultantPresence.seen_at,
            ConsultantPresence.offered_at,
        )
        .outerjoin(ConsultantPresence, ConsultantPresence.user_id == User.id)
        .where(User.is_active, named)
    ).all()
    loads, at = count_loads(), now()
    team = [
        Attending(
            row.id,
            row.username,
            status_of(row.status or AWAY, row.seen_at, at, load=loads.get(row.id, 0), busy_at=busy_at),
            loads.get(row.id, 0),
            row.status or ONLINE,
            row.seen_at,
            row.offered_at,
        )
        for row in rows
        if Role.CONSULTANT in roles_from(row.role_names.split())
    ]
    order = {ONLINE: 0, BUSY: 1, AWAY: 2, OFFLINE: 3}
    return sorted(team, key=lambda each: (order[each.status], each.username))


def list_ready(busy_at: int) -> list[Attending]:
    """Consultants who are online and have room."""
    at = now()
    rows = db.session.execute(
        select(
            User.id,
            User.username,
            User.role_names,
            ConsultantPresence.seen_at,
            ConsultantPresence.offered_at,
        )
        .join(ConsultantPresence, ConsultantPresence.user_id == User.id)
        .where(
            User.is_active,
            ConsultantPresence.status == ONLINE,
            ConsultantPresence.seen_at > at - OFFLINE_AFTER,
        )
    ).all()
    if not rows:
        return []
    loads = count_loads()
    there = [
        Attending(
            row.id,
            row.username,
            ONLINE,
            loads.get(row.id, 0),
            seen_at=row.seen_at,
            offered_at=row.offered_at,
        )
        for row in rows
        if Role.CONSULTANT in roles_from(row.role_names.split()) and is_alive(row.seen_at, at)
    ]
    return [each for each in there if not busy_at or each.load < busy_at]


def count_loads() -> dict[int, int]:
    """How many customers each consultant has: claimed, or offered to them now."""
    loads: dict[int, int] = {}
    claimed = select(Consultation.claimed_by, func.count()).where(
        Consultation.status == State.CLAIMED.value, Consultation.claimed_by.is_not(None)
    )
    offered = select(Consultation.offered_to, func.count()).where(
        Consultation.status == State.WAITING.value, Consultation.offered_until > now()
    )
    for counted, by in ((claimed, Consultation.claimed_by), (offered, Consultation.offered_to)):
        for user_id, number in db.session.execute(counted.group_by(by)):
            if user_id is not None:
                loads[user_id] = loads.get(user_id, 0) + number
    return loads
