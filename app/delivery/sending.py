"""Sending what is due: taken under a lease, sent side by side outside of any transaction, each outcome kept at once.

A worker that is killed in between leaves its deliveries to whoever comes when the lease is over; what it had handed
over and not kept yet goes out a second time, under the same topic or message id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from logging import getLogger
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select, update

from app.accounts.models import User
from app.core.clock import now
from app.core.ids import new_id
from app.db import db, in_transaction
from app.delivery.errors import DeliveryFailed, Gone
from app.delivery.letters import Letter, Sender, letters_for
from app.delivery.models import NotificationDelivery as Delivery
from app.delivery.models import PushSubscription
from app.delivery.presence import list_settled
from app.delivery.rules import MAX_ATTEMPTS, Channel, State, pause_after
from app.notifications.models import Notification

log = getLogger(__name__)
# Longer than any attempt takes.
LEASE = timedelta(seconds=60)
AT_ONCE = 16
DUE = (State.PENDING.value, State.SENDING.value)


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery under our lease, with what is needed to send it."""

    id: int
    lease: str
    channel: str
    attempts: int
    tries: list[dict[str, Any]]
    row: Row[Any]


def send_due(limit: int = AT_ONCE) -> int:
    """Send what is due, at most `limit`; how many were taken."""
    lease = new_id()
    ids = in_transaction(partial(_take, lease, limit))
    if not ids:
        return 0
    taken = _taken(lease)
    needless = _needless(taken)
    db.session.rollback()
    for each in taken:
        if each.id in needless:
            in_transaction(partial(_keep, each, State.SKIPPED, needless[each.id]))
    wanted = [each for each in taken if each.id not in needless]
    _send_all(wanted)
    return len(ids)


def _take(lease: str, limit: int) -> list[int]:
    at = now()
    is_due = (Delivery.status.in_(DUE), Delivery.next_attempt_at <= at)
    ids = db.session.scalars(
        select(Delivery.id).where(*is_due).order_by(Delivery.next_attempt_at).limit(limit)
    ).all()
    if ids:
        # The condition again: of two workers who have found the same one takes it.
        db.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(ids), *is_due)
            .values(
                status=State.SENDING.value,
                lease=lease,
                attempts=Delivery.attempts + 1,
                next_attempt_at=at + LEASE,
            )
            .execution_options(synchronize_session=False)
        )
    return list(ids)


def _taken(lease: str) -> list[Taken]:
    rows = db.session.execute(
        select(
            Delivery.id,
            Delivery.channel,
            Delivery.attempts,
            Delivery.tries,
            Delivery.notification_id,
            Notification.kind,
            Notification.payload,
            Notification.read_at,
            Notification.conversation_id,
            Notification.dedupe_key,
            User.username,
            User.email,
            User.locale,
            User.is_active,
            PushSubscription.endpoint,
            PushSubscription.p256dh,
            PushSubscription.auth,
        )
        .join(Notification, Notification.id == Delivery.notification_id)
        .join(User, User.id == Notification.user_id)
        .outerjoin(PushSubscription, PushSubscription.id == Delivery.subscription)
        .where(Delivery.lease == lease, Delivery.status == State.SENDING.value)
        .order_by(Delivery.id)
    ).all()
    return [Taken(row.id, lease, row.channel, row.attempts, list(row.tries or ()), row) for row in rows]


def _needless(taken: Sequence[Taken]) -> dict[int, str]:
    """Why, for what need not be sent any more."""
    settled = list_settled({each.row.conversation_id for each in taken} - {None})
    reasons = {each.id: _reason(each, settled) for each in taken}
    return {id_: reason for id_, reason in reasons.items() if reason}


def _reason(each: Taken, settled: set[str]) -> str:
    row = each.row
    if row.read_at is not None:
        return "read"
    if row.conversation_id in settled:
        return "taken_care_of"
    if not row.is_active:
        return "account_closed"
    if each.channel == Channel.WEB_PUSH and row.endpoint is None:
        return "unsubscribed"
    return ""


def _send_all(taken: Sequence[Taken]) -> None:
    letters, sender = letters_for([each.row for each in taken]), Sender.of_application()
    db.session.rollback()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        under_way = {
            pool.submit(_send, sender, letter): each for each, letter in zip(taken, letters, strict=True)
        }
        for future, each in _as_they_come(under_way):
            error = future.exception()
            if error is None:
                in_transaction(partial(_keep, each, State.SENT, future.result()))
            else:
                in_transaction(partial(_keep_failure, each, error))


def _as_they_come(under_way: dict[Future[str], Taken]) -> Iterator[tuple[Future[str], Taken]]:
    for future in as_completed(under_way):
        yield future, under_way[future]


def _send(sender: Sender, letter: Letter) -> str:
    return sender.send(letter)


def _keep_failure(each: Taken, error: BaseException) -> None:
    known = error if isinstance(error, DeliveryFailed) else None
    if known is None:
        log.error("delivery_failed id=%s", each.id, exc_info=error)
    result = known.result if known else "error"
    text = f"{error}"[:300] if known else f"{type(error).__name__}: {error}"[:300]
    if isinstance(error, Gone):
        _forget(each)
    is_final = known is not None and known.is_final
    pause = None if is_final else pause_after(each.attempts, known.retry_after if known else None)
    if pause is None:
        _keep(each, State.FAILED, result, text)
    else:
        _keep(each, State.PENDING, result, text, pause)


def _forget(each: Taken) -> None:
    """The browser unsubscribed; an endpoint that was given to somebody else since is another's."""
    db.session.execute(
        delete(PushSubscription).where(
            PushSubscription.endpoint == each.row.endpoint, PushSubscription.auth == each.row.auth
        )
    )


def _keep(each: Taken, state: State, result: str, error: str = "", pause: float = 0.0) -> None:
    """What became of it, unless the lease was lost to somebody who does it again."""
    at = now()
    tried = {"at": at.isoformat(timespec="milliseconds"), "result": result, "error": error}
    values: dict[str, Any] = {
        "status": state.value,
        "lease": "",
        "result": result[:40],
        "error": error,
        "tries": [*each.tries, tried],
    }
    if state is State.PENDING:
        values["next_attempt_at"] = at + timedelta(seconds=pause)
    else:
        values["finished_at"] = at
    mine = (Delivery.id == each.id, Delivery.lease == each.lease)
    db.session.execute(update(Delivery).where(*mine).values(**values))


def give_up_on_the_interrupted() -> int:
    """Deliveries whose every attempt ended with the worker's death: there must be an end to it."""
    done = db.session.execute(
        update(Delivery)
        .where(*_hopeless())
        .values(status=State.FAILED.value, lease="", result="interrupted", finished_at=now())
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def has_hopeless() -> bool:
    """Whether there is something to give up on: looking costs less than a write that changes nothing."""
    return db.session.scalar(select(Delivery.id).where(*_hopeless()).limit(1)) is not None


def _hopeless() -> tuple[ColumnElement[bool], ...]:
    return (
        Delivery.status == State.SENDING.value,
        Delivery.next_attempt_at <= now(),
        Delivery.attempts >= MAX_ATTEMPTS,
    )


def has_due() -> bool:
    """Whether there is something to send now."""
    due = select(Delivery.id).where(Delivery.status.in_(DUE), Delivery.next_attempt_at <= now())
    return db.session.scalar(due.limit(1)) is not None
