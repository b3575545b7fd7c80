"""By which ways a written notification goes, decided once, in the transaction of its outbox message.

Whoever has their page open is told there. When nobody of those who are to be told is at the desk, and always when
a customer has been waiting too long, Web Push and e-mail go out as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select

from app.accounts.models import User
from app.core.clock import now
from app.db import after_commit, db
from app.delivery.jobs import hand_over
from app.delivery.models import NotificationDelivery, PushSubscription
from app.delivery.presence import list_at_the_desk
from app.delivery.rules import Channel, State
from app.notifications.models import Notification
from app.notifications.service import announce
from app.onboarding.settings import read_values
from app.onboarding.values import Values

# Kinds that reach for people wherever they are.
URGENT = frozenset({"customer.escalated"})
Row = dict[str, Any]


def plan(payload: dict[str, Any]) -> None:
    """The handler of `notifications.written`: what is to be delivered, and the signal to open pages.

    Doing it again adds nothing: the unique key has each delivery once.
    """
    told = {user_id: id_ for id_, user_id in _written(payload["dedupe"])}
    values = read_values()
    rows: list[Row] = []
    if values.channel_in_app:
        rows += _rows(told.values(), Channel.IN_APP, State.WAITING)
    reaches = payload["kind"] in URGENT or not list_at_the_desk(told)
    outside = _outside(told, values) if reaches else []
    rows += outside
    if rows:
        db.session.execute(insert(NotificationDelivery), rows)
    if outside:
        after_commit(hand_over)
    announce(payload)


def _written(dedupe: str) -> list[tuple[int, int]]:
    """(id, user_id) of a notification's rows for which nothing is planned yet."""
    planned = select(NotificationDelivery.id).where(NotificationDelivery.notification_id == Notification.id)
    rows = db.session.execute(
        select(Notification.id, Notification.user_id).where(
            Notification.dedupe_key == dedupe, ~planned.exists()
        )
    )
    return [(row.id, row.user_id) for row in rows]


def _outside(told: dict[int, int], values: Values) -> list[Row]:
    """Web Push to each browser, e-mail to each address."""
    rows: list[Row] = []
    if values.channel_web_push:
        browsers = db.session.execute(
            select(PushSubscription.id, PushSubscription.user_id).where(PushSubscription.user_id.in_(told))
        )
        for browser in browsers:
            rows += _rows([told[browser.user_id]], Channel.WEB_PUSH, State.PENDING, browser.id)
    if values.channel_email:
        reachable = db.session.scalars(select(User.id).where(User.id.in_(told), User.is_active))
        rows += _rows((told[user_id] for user_id in reachable), Channel.EMAIL, State.PENDING)
    return rows


def _rows(ids: Iterable[int], channel: Channel, state: State, subscription: int = 0) -> list[Row]:
    at = now()
    more = {"channel": channel.value, "status": state.value, "subscription": subscription}
    return [
        {"notification_id": each, **more, "tries": [], "next_attempt_at": at, "created_at": at}
        for each in ids
    ]
