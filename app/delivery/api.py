"""JSON and event-stream API of notifications, and of the browsers that take Web Push."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from flask_babel import gettext
from sqlalchemy import Row

from app.core.errors import N_, NotFound
from app.db import db, in_transaction
from app.delivery import feed, keys, subscriptions
from app.delivery.schemas import (
    KeyOut,
    ListQuery,
    NotificationOut,
    ReadIn,
    ReadOut,
    StreamQuery,
    SubscribeIn,
    SubscriptionOut,
    UnsubscribeIn,
)
from app.delivery.stream import Listener
from app.delivery.wording import say
from app.runtime import settings
from app.web import sse
from app.web.api import endpoint
from app.web.auth import CONSULTANT, current_actor

bp = Blueprint("notifications_api", __name__)
BASE = "/api/v1/notifications"


@endpoint(
    bp, f"{BASE}/stream", who=CONSULTANT, query=StreamQuery, answers={200: "text/event-stream"},
    errors=(401, 403, 429),
    summary="What happens at the desk: notification, claimed, escalated, presence, message",
)  # fmt: skip
def stream(query: StreamQuery) -> Response:
    """Notifications have ids: with `Last-Event-ID` (or `after`) those come first that were missed."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    user_id = current_actor().require_user()
    listener = Listener(app, user_id, settings().sse_ping_seconds, _last_event_id(query.after))
    # A stream holds no connection of the database.
    db.session.remove()
    return sse.stream(listener.frames(), subject=f"staff:{user_id}", limit=settings().sse_streams_per_user)


def _last_event_id(asked: int | None) -> int | None:
    given = request.headers.get("Last-Event-ID", "").strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else asked


@endpoint(
    bp, BASE, who=CONSULTANT, query=ListQuery, answers={200: list[NotificationOut]}, errors=(401, 403, 422),
    summary="One's own notifications, newest first; the total is in X-Total-Count, the unread in X-Unread-Count",
)  # fmt: skip
def list_notifications(query: ListQuery) -> tuple[list[NotificationOut], int, dict[str, str]]:
    actor = current_actor()
    page = feed.list_notifications(actor, unread=query.unread, limit=query.limit, offset=query.offset)
    unread = page.total if query.unread else feed.count_unread(actor.require_user())
    headers = {"X-Total-Count": str(page.total), "X-Unread-Count": str(unread)}
    return [_out(row) for row in page.items], 200, headers


def _out(row: Row[Any]) -> NotificationOut:
    said = say(row.kind, row.payload or {}, gettext)
    return NotificationOut(**feed.told_of(row), title=said.title, text=said.text, url=said.url)


@endpoint(
    bp, f"{BASE}/read", method="POST", who=CONSULTANT, body=ReadIn, answers={200: ReadOut}, errors=(401, 403, 422),
    summary="Mark one's own notifications as read: those of `ids`, or all",
)  # fmt: skip
def mark_read(body: ReadIn) -> ReadOut:
    actor = current_actor()
    marked = in_transaction(partial(feed.mark_read, actor, body.ids))
    return ReadOut(marked=marked, unread=feed.count_unread(actor.require_user()))


@endpoint(
    bp, "/api/v1/push/key", who=CONSULTANT, answers={200: KeyOut}, errors=(401, 403),
    summary="The key with which a browser subscribes to Web Push",
)  # fmt: skip
def show_key() -> KeyOut:
    return KeyOut(public_key=keys.public_key())


@endpoint(
    bp, "/api/v1/push/subscriptions", method="POST", who=CONSULTANT, body=SubscribeIn, answers={201: SubscriptionOut},
    errors=(401, 403, 422, 429), limit="30/minute", summary="Let a browser be told by Web Push",
)  # fmt: skip
def subscribe(body: SubscribeIn) -> SubscriptionOut:
    # Looked up before the transaction: a name may take its time.
    subscriptions.check_endpoint(body.endpoint)
    agent = request.headers.get("User-Agent", "")
    keep = partial(
        subscriptions.subscribe, current_actor(), body.endpoint, body.keys.p256dh, body.keys.auth, agent
    )
    return SubscriptionOut(id=in_transaction(keep))


@endpoint(
    bp, "/api/v1/push/subscriptions", method="DELETE", who=CONSULTANT, body=UnsubscribeIn, answers={204: None},
    errors=(401, 403, 404, 422), summary="Tell a browser nothing any more",
)  # fmt: skip
def unsubscribe(body: UnsubscribeIn) -> None:
    if not in_transaction(partial(subscriptions.unsubscribe, current_actor(), body.endpoint)):
        raise NotFound(N_("No browser of yours has this address."))
