"""What the consultants' page shows, in a handful of statements however many wait."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext, ngettext
from sqlalchemy import func, select

from app.consultants.attending import Attending, list_team
from app.consultants.presence import ONLINE
from app.consultants.queries import Own, Waiting, count_waiting, list_own, list_waiting
from app.conversations.models import Message
from app.core.actor import Actor
from app.core.clock import now
from app.core.money import yuan
from app.customers.analysis import analyse_many
from app.customers.history import MOST_LISTED
from app.db import db
from app.delivery import feed
from app.onboarding.settings import read_values

# More are not looked through at once; the rest is counted.
MOST_SHOWN = MOST_LISTED
# A line of what was asked.
MOST_ASKED = 160


@dataclass(frozen=True, slots=True)
class Guest:
    """A waiting customer as the list shows them. `offer` is "", "mine" or "theirs"."""

    row: Waiting
    asked: str
    told: str
    minutes: int
    offer: str


@dataclass(frozen=True, slots=True)
class DeskPage:
    """Everything on the page. `latest` is the newest notification that it knows of."""

    waiting: Sequence[Guest]
    more: int
    own: Sequence[Own]
    team: Sequence[Attending]
    status: str
    latest: int

    @property
    def here(self) -> int:
        """How many of the team could take a customer now."""
        return sum(each.status == ONLINE for each in self.team)

    @property
    def unread(self) -> int:
        return sum(each.unread for each in self.own)


def read_desk(actor: Actor) -> DeskPage:
    """Raises Unauthorized, Forbidden."""
    me = actor.require_user()
    latest = feed.latest_id_of(me)
    own = list_own(actor)
    waiting = list_waiting(MOST_SHOWN)
    team = list_team(read_values().busy_at)
    mine = next((each for each in team if each.user_id == me), None)
    return DeskPage(
        waiting=_guests(waiting, me, actor.locale),
        more=count_waiting() - len(waiting) if len(waiting) == MOST_SHOWN else 0,
        own=own,
        team=team,
        status=mine.chosen if mine else "",
        latest=latest,
    )


def _guests(waiting: Sequence[Waiting], me: int, locale: str) -> list[Guest]:
    if not waiting:
        return []
    analyses = analyse_many({row.user_id for row in waiting})
    said = _last_said({row.conversation_id for row in waiting if not row.asked})
    at = now()
    return [
        Guest(
            row=row,
            asked=_short(row.asked or said.get(row.conversation_id, "")),
            told=line_of(analyses[row.user_id]) if row.user_id in analyses else "",
            minutes=minutes_since(row.waiting_since, at),
            offer="" if row.offered_to is None else "mine" if row.offered_to == me else "theirs",
        )
        for row in waiting
    ]


def minutes_since(moment: datetime, at: datetime) -> int:
    """Whole minutes, never negative: machines' clocks differ."""
    return max(0, int((at - moment).total_seconds() // 60))


def _short(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= MOST_ASKED else one[: MOST_ASKED - 1] + "…"


def _last_said(conversation_ids: Collection[str]) -> dict[str, str]:
    """The customer's own last words in each conversation."""
    if not conversation_ids:
        return {}
    latest = (
        select(func.max(Message.id).label("id"))
        .where(Message.conversation_id.in_(conversation_ids), Message.role == "user")
        .group_by(Message.conversation_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Message.conversation_id, Message.content).join(latest, latest.c.id == Message.id)
    )
    return {row.conversation_id: row.content or "" for row in rows}


def line_of(analysis: dict[str, Any]) -> str:
    """The analysis in a line: what kind of customer, orders, spend, how long ago."""
    parts = [str(analysis["segment_label"])]
    orders = int(analysis["orders"])
    if orders:
        parts.append(ngettext("%(num)d order", "%(num)d orders", orders))
        parts.append(f"¥{yuan(int(analysis['spend_cents']))}")
        parts.append(_ago(int(analysis["recency_days"])))
    return " · ".join(parts)


def _ago(days: int) -> str:
    if days <= 0:
        return str(gettext("last today"))
    return str(ngettext("last %(num)d day ago", "last %(num)d days ago", days))
