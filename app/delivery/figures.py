"""What became of deliveries, by channel; counted by the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import case, func, select

from app.db import db
from app.delivery.models import NotificationDelivery
from app.delivery.rules import Channel, State

OPEN = (State.WAITING.value, State.PENDING.value, State.SENDING.value)


@dataclass(slots=True)
class ChannelFigures:
    """Deliveries of a channel. `retried` needed more than one attempt; `reasons` are those of what failed for good."""

    channel: str
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    open: int = 0
    retried: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.sent + self.failed + self.skipped + self.open

    @property
    def success_rate(self) -> float | None:
        """Sent of all that were tried to the end; None without any."""
        tried = self.sent + self.failed
        return round(self.sent / tried, 4) if tried else None


def read_channels(begin: datetime) -> list[ChannelFigures]:
    """The channels that something went by since a moment. One statement."""
    # Why something was sent or skipped is told one by one; of what failed the kinds are few.
    reason = case((NotificationDelivery.status == State.FAILED.value, NotificationDelivery.result), else_="")
    key = (NotificationDelivery.channel, NotificationDelivery.status, reason.label("reason"))
    retried = func.sum(case((NotificationDelivery.attempts > 1, 1), else_=0)).label("retried")
    counted = (
        select(*key, func.count().label("number"), retried)
        .where(NotificationDelivery.created_at >= begin)
        .group_by(*key)
    )
    found: dict[str, ChannelFigures] = {}
    for row in db.session.execute(counted):
        figures = found.setdefault(row.channel, ChannelFigures(row.channel))
        figures.retried += int(row.retried or 0)
        if row.status in OPEN:
            figures.open += row.number
        elif row.status == State.SENT.value:
            figures.sent += row.number
        elif row.status == State.FAILED.value:
            figures.failed += row.number
            figures.reasons[row.reason] += row.number
        else:
            figures.skipped += row.number
    return [found[each.value] for each in Channel if each.value in found]
