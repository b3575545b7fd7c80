"""Notifications as their readers get them: on the stream, in the list, marked as read."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, Update, func, select, update

from app.accounts.models import User
from app.core.actor import Actor, Role, roles_from
from app.core.clock import now
from app.core.pagination import Page
from app.db import db, in_transaction
from app.delivery.models import NotificationDelivery as Delivery
from app.delivery.rules import Channel, State
from app.notifications.models import Notification

TOLD = (Role.CONSULTANT, Role.ADMIN)
# What one question of a stream reads at most; whoever has missed more looks at the list.
MOST = 2_000


@dataclass(frozen=True, slots=True)
class Item:
    """A notification ready for the wire."""

    id: int
    user_id: int
    body: str


_columns = (
    Notification.id,
    Notification.user_id,
    Notification.kind,
    Notification.about_user_id,
    Notification.conversation_id,
    Notification.payload,
    Notification.read_at,
    Notification.created_at,
)


def _for_pages() -> Select[Any]:
    """Those that go to open pages: an admin may have switched that way off."""
    return select(*_columns).join(
        Delivery, (Delivery.notification_id == Notification.id) & (Delivery.channel == Channel.IN_APP.value)
    )


def latest_id() -> int:
    """The newest notification of all."""
    return db.session.scalar(select(func.max(Notification.id))) or 0


def read_written(dedupe: str) -> list[Item]:
    """Everybody's notification of one thing."""
    return _items(_for_pages().where(Notification.dedupe_key == dedupe))


def read_after(after: int, user_ids: Collection[int], most: int = MOST) -> list[Item]:
    """What these people were told after an id, oldest first."""
    wanted = _for_pages().where(Notification.id > after, Notification.user_id.in_(user_ids))
    return _items(wanted.order_by(Notification.id).limit(most))


def _items(wanted: Select[Any]) -> list[Item]:
    return [Item(row.id, row.user_id, body_of(row)) for row in db.session.execute(wanted)]


def body_of(row: Row[Any]) -> str:
    """The event's JSON."""
    return json.dumps({"type": "notification", "data": told_of(row)}, ensure_ascii=False)


def told_of(row: Row[Any]) -> dict[str, Any]:
    """A notification as JSON has it."""
    return {
        "id": row.id,
        "kind": row.kind,
        "about_user_id": row.about_user_id,
        "conversation_id": row.conversation_id,
        "payload": row.payload or {},
        "read_at": row.read_at.isoformat() if row.read_at else None,
        "created_at": row.created_at.isoformat(),
    }


def list_allowed(user_ids: Sequence[int]) -> set[int]:
    """Who of these may still listen."""
    rows = db.session.execute(select(User.id, User.role_names).where(User.id.in_(user_ids), User.is_active))
    return {user_id for user_id, names in rows if roles_from(names.split()).intersection(TOLD)}


def keep_shown(ids: Sequence[int]) -> int:
    """Note that notifications were put before their readers; how many were not before."""
    done = in_transaction(lambda: db.session.execute(_shown_first(ids, "stream")))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _shown_first(ids: Sequence[int], result: str) -> Update:
    first = (
        Delivery.notification_id.in_(ids),
        Delivery.channel == Channel.IN_APP.value,
        Delivery.status == State.WAITING.value,
    )
    values = {"status": State.SENT.value, "attempts": 1, "result": result, "finished_at": now()}
    return update(Delivery).where(*first).values(**values)


def list_notifications(
    actor: Actor, *, unread: bool = False, limit: int = 20, offset: int = 0
) -> Page[Row[Any]]:
    """The actor's own, newest first. Raises Unauthorized, Forbidden."""
    mine = [Notification.user_id == actor.require_role(*TOLD)]
    if unread:
        mine.append(Notification.read_at.is_(None))
    total = db.session.scalar(select(func.count()).select_from(Notification).where(*mine)) or 0
    newest = select(*_columns).where(*mine).order_by(Notification.id.desc())
    return Page(db.session.execute(newest.limit(limit).offset(offset)).all(), total, limit, offset)


def count_unread(user_id: int) -> int:
    """How many a person has not read."""
    unread = (Notification.user_id == user_id, Notification.read_at.is_(None))
    return db.session.scalar(select(func.count()).select_from(Notification).where(*unread)) or 0


def mark_read(actor: Actor, ids: Sequence[int] | None = None) -> int:
    """Mark some of the actor's, or all, as read; how many were not before. Raises Unauthorized, Forbidden."""
    unread = [Notification.user_id == actor.require_role(*TOLD), Notification.read_at.is_(None)]
    if ids is not None:
        unread.append(Notification.id.in_(ids))
    changed = db.session.execute(update(Notification).where(*unread).values(read_at=now()))
    return int(changed.rowcount)  # type: ignore[attr-defined]


def latest_id_of(user_id: int) -> int:
    """The newest notification of a person; 0 when there is none."""
    return db.session.scalar(select(func.max(Notification.id)).where(Notification.user_id == user_id)) or 0


def mark_seen(actor: Actor) -> int:
    """The actor has the page before them that shows what they were told: all of it is read."""
    mine = (Notification.user_id == actor.require_role(*TOLD), Notification.read_at.is_(None))
    ids = db.session.scalars(select(Notification.id).where(*mine).order_by(Notification.id).limit(MOST)).all()
    if not ids:
        return 0
    db.session.execute(_shown_first(ids, "page"))
    changed = db.session.execute(
        update(Notification).where(Notification.id.in_(ids), *mine).values(read_at=now())
    )
    return int(changed.rowcount)  # type: ignore[attr-defined]
