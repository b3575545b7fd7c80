"""Messages to customers, in place of e-mail.

Outbox handlers write a template's key and its values; the page renders them in the reader's language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select, update

from app.accounts.message_texts import TEXTS
from app.accounts.models import AccountMessage
from app.core.clock import now
from app.db import db
from app.outbox.service import Handler


@dataclass(frozen=True, slots=True)
class Reader:
    """How somebody reads: the language, msgids into texts, UTC moments into text."""

    locale: str
    translate: Callable[[str], str]
    show_moment: Callable[[datetime], str]

    @property
    def sentence_gap(self) -> str:
        """What stands between two sentences."""
        return "" if self.locale == "zh" else " "

    @property
    def comma(self) -> str:
        """What stands between the names of a list."""
        return "、" if self.locale == "zh" else ", "


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as a person reads it."""

    id: int
    subject: str
    body: str
    icon: str
    link: str
    link_label: str
    created_at: datetime
    is_read: bool


def _keep(topic: str, payload: dict[str, Any]) -> None:
    values = {name: value for name, value in payload.items() if name not in ("user_id", "dedupe")}
    write_message(payload["user_id"], topic, values, dedupe=payload["dedupe"])


HANDLERS: dict[str, Handler] = {topic: partial(_keep, topic) for topic in TEXTS}


def write_message(user_id: int | None, template: str, values: Mapping[str, Any], *, dedupe: str) -> bool:
    """Keep one message for a user; False when that one is there already, or the order was a guest's.

    The unique key decides a race: the loser's delivery fails, is tried again, and finds the message.
    """
    if user_id is None or _exists(user_id, dedupe):
        return False
    db.session.add(AccountMessage(user_id=user_id, template=template, values=dict(values), dedupe_key=dedupe))
    db.session.flush()
    return True


def _exists(user_id: int, dedupe: str) -> bool:
    known = select(AccountMessage.id).where(
        AccountMessage.user_id == user_id, AccountMessage.dedupe_key == dedupe
    )
    return db.session.scalar(known) is not None


def mark_read(user_id: int, message_id: int | None = None) -> int:
    """Mark one of the user's messages, or all, as read; returns how many were not before."""
    unread = (AccountMessage.user_id == user_id, AccountMessage.read_at.is_(None))
    one = () if message_id is None else (AccountMessage.id == message_id,)
    changed = db.session.execute(update(AccountMessage).where(*unread, *one).values(read_at=now()))
    return int(changed.rowcount)  # type: ignore[attr-defined]


def render(message: AccountMessage, reader: Reader) -> Letter:
    """The message as `reader` reads it."""
    text = TEXTS[message.template]
    values = {"order_id": "-", **_readable(message.values, reader)}
    sentences = [reader.translate(part.text) % values for part in text.sentences if part.fits(values)]
    return Letter(
        id=message.id,
        subject=reader.translate(text.subject) % values,
        body=reader.sentence_gap.join(sentences),
        icon=text.icon,
        link=text.link % values,
        link_label=reader.translate(text.link_label),
        created_at=message.created_at,
        is_read=message.read_at is not None,
    )


def _readable(values: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    """Values as the texts name them; empty ones are as good as missing."""
    given = {name: value for name, value in values.items() if value not in (None, "", [], 0)}
    return dict(_shown(name, value, reader) for name, value in given.items())


def _shown(name: str, value: Any, reader: Reader) -> tuple[str, Any]:
    if name.endswith("_cents"):
        return name.removesuffix("_cents"), f"¥{value // 100:,}.{value % 100:02d}"
    if name.endswith("_at"):
        return name, reader.show_moment(datetime.fromisoformat(value))
    if isinstance(value, list):
        return name, reader.comma.join(_item(item, reader) for item in value)
    return name, value


def _item(item: Any, reader: Reader) -> str:
    """A product by its name in the reader's language, with the pieces that were kept; else as it is."""
    if not isinstance(item, Mapping):
        return str(item)
    name = item["name_en"] if reader.locale == "en" else item["name"]
    return f"{name} × {item['kept']}" if "kept" in item else str(name)
