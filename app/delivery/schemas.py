"""Notifications and push subscriptions as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.core.pagination import MAX_OFFSET
from app.web.api import Schema

RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class StreamQuery(Schema):
    """From which notification on; the header Last-Event-ID counts before it."""

    after: int | None = Field(default=None, ge=0, le=2**63 - 1)


class ListQuery(Schema):
    """Which part of the list."""

    unread: bool = False
    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)


class NotificationOut(BaseModel):
    """One notification; `title`, `text` and `url` are what push and mail say, in the reader's language."""

    id: int
    kind: str
    title: str
    text: str
    url: str
    about_user_id: int | None
    conversation_id: str | None
    payload: dict[str, Any]
    read_at: datetime | None
    created_at: datetime


class ReadIn(Schema):
    """Which to mark; all without `ids`."""

    ids: list[RowId] | None = Field(default=None, max_length=200)


class ReadOut(BaseModel):
    """How many were marked, and how many are unread now."""

    marked: int
    unread: int


class KeyOut(BaseModel):
    """The shop's public key, as `applicationServerKey` of a subscription (base64url)."""

    public_key: str


class PushKeys(Schema):
    """The browser's public key and secret (base64url)."""

    p256dh: str = Field(min_length=1, max_length=120)
    auth: str = Field(min_length=1, max_length=40)


class SubscribeIn(Schema):
    """What a browser's PushSubscription.toJSON() gives."""

    endpoint: str = Field(min_length=1, max_length=1_000)
    keys: PushKeys


class SubscriptionOut(BaseModel):
    """A browser that is told."""

    id: int


class UnsubscribeIn(Schema):
    """The browser that is not to be told any more."""

    endpoint: str = Field(min_length=1, max_length=1_000)
