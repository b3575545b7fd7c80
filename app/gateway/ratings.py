"""What customers think of the assistant's answers: one rating for a conversation, by whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import case, func, select

from app.conversations.models import Conversation
from app.conversations.queries import get_conversation
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, InvalidParam, NotFound
from app.db import db
from app.gateway.models import Agent, AgentVersion, Rating

Thumb = Literal["up", "down"]
THUMBS: dict[str, int] = {"up": 1, "down": -1}
BEST = 5
MAX_COMMENT = 1_000
NOTHING = N_("Choose a thumb or one to five stars, or write something.")


@dataclass(frozen=True, slots=True)
class Comment:
    """A customer's words about a conversation; `version` is what answered, such as "Shop v3", "" for no agent."""

    text: str
    score: int | None
    thumb: str | None
    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Opinion:
    """Ratings of a time: how many, the average of the scores (None without any) and the thumbs."""

    count: int
    average: float | None
    up: int
    down: int


def rate(
    actor: Actor,
    conversation_id: str,
    *,
    score: int | None = None,
    thumb: Thumb | None = None,
    comment: str | None = None,
) -> Rating:
    """Keep what somebody thinks of the own conversation: what is given replaces what was there, the rest stays.

    An empty comment takes the comment back. Raises NotFound for a conversation that is not the actor's,
    InvalidParam when nothing is given or a value is out of bounds.
    """
    conversation = get_conversation(actor, conversation_id)
    _check(score, thumb, comment)
    # The lock lets only one of two first ratings at the same time make the row.
    db.session.refresh(conversation, with_for_update=True)
    rating = find_rating(conversation.id)
    if rating is None and not (score or thumb or (comment or "").strip()):
        raise InvalidParam(NOTHING)
    rating = rating or Rating(conversation_id=conversation.id)
    rating.agent_version_id = _existing_version(conversation)
    rating.score = rating.score if score is None else score
    rating.thumb = rating.thumb if thumb is None else THUMBS[thumb]
    rating.comment = (rating.comment or "") if comment is None else comment.strip()
    rating.updated_at = now()
    db.session.add(rating)
    db.session.flush()
    return rating


def get_rating(actor: Actor, conversation_id: str) -> Rating:
    """The rating of the actor's own conversation. Raises NotFound, also when there is none."""
    rating = find_rating(get_conversation(actor, conversation_id).id)
    if rating is None:
        raise NotFound()
    return rating


def find_rating(conversation_id: str) -> Rating | None:
    """The rating of a conversation. The caller checks whose it is."""
    return db.session.scalar(select(Rating).where(Rating.conversation_id == conversation_id))


def thumb_of(rating: Rating) -> Thumb | None:
    """The thumb by its name."""
    if not rating.thumb:
        return None
    return "up" if rating.thumb > 0 else "down"


def opinion_since(moment: datetime) -> Opinion:
    """All ratings that were given or changed since."""
    row = db.session.execute(
        select(
            func.count(),
            func.avg(Rating.score),
            func.coalesce(func.sum(case((Rating.thumb > 0, 1), else_=0)), 0),
            func.coalesce(func.sum(case((Rating.thumb < 0, 1), else_=0)), 0),
        ).where(Rating.updated_at >= moment)
    ).one()
    return Opinion(row[0], float(row[1]) if row[1] is not None else None, int(row[2]), int(row[3]))


def list_comments(since: datetime, limit: int = 10) -> Sequence[Comment]:
    """The latest comments, newest first."""
    rows = db.session.execute(
        select(Rating, AgentVersion.number, Agent.name)
        .outerjoin(AgentVersion, AgentVersion.id == Rating.agent_version_id)
        .outerjoin(Agent, Agent.id == AgentVersion.agent_id)
        .where(Rating.updated_at >= since, Rating.comment != "")
        .order_by(Rating.updated_at.desc(), Rating.id.desc())
        .limit(limit)
    )
    return [
        Comment(row.comment, row.score, thumb_of(row), f"{name} v{number}" if name else "", row.updated_at)
        for row, number, name in rows
    ]


def _check(score: int | None, thumb: str | None, comment: str | None) -> None:
    if score is None and thumb is None and comment is None:
        raise InvalidParam(NOTHING)
    fields = {}
    if score is not None and not 1 <= score <= BEST:
        fields["score"] = N_("Between 1 and 5.")
    if thumb is not None and thumb not in THUMBS:
        fields["thumb"] = N_("Up or down.")
    if comment is not None and len(comment.strip()) > MAX_COMMENT:
        fields["comment"] = N_("At most 1000 characters.")
    if fields:
        raise InvalidParam(fields=fields)


def _existing_version(conversation: Conversation) -> int | None:
    """The version that answered last, while it exists: an agent may have been deleted with its versions."""
    if conversation.agent_version_id is None:
        return None
    return db.session.scalar(select(AgentVersion.id).where(AgentVersion.id == conversation.agent_version_id))
