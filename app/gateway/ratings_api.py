"""JSON API for the rating of a conversation."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint
from pydantic import BaseModel, Field

from app.db import in_transaction
from app.gateway import ratings
from app.gateway.models import Rating
from app.web.api import Schema, endpoint
from app.web.auth import VISITOR, current_actor

bp = Blueprint("ratings_api", __name__)
RATING_LIMIT = "60/minute"


class RatingInput(Schema):
    """At least one of the three; what is not given stays as it was."""

    score: int | None = Field(default=None, ge=1, le=ratings.BEST)
    thumb: ratings.Thumb | None = None
    comment: str | None = Field(default=None, max_length=ratings.MAX_COMMENT)


class RatingBody(BaseModel):
    """The rating of a conversation."""

    session_id: str
    score: int | None
    thumb: ratings.Thumb | None
    comment: str
    created_at: datetime
    updated_at: datetime


@endpoint(
    bp, "/api/v1/conversations/<session_id>/rating", method="POST", who=VISITOR, body=RatingInput,
    answers={200: RatingBody}, errors=(404, 429), limit=RATING_LIMIT, summary="Rate a conversation of yours",
)  # fmt: skip
def rate_conversation(session_id: str, body: RatingInput) -> RatingBody:
    """Again replaces what is given; an empty comment takes the comment back."""
    actor = current_actor()
    return _body(in_transaction(lambda: ratings.rate(actor, session_id, **body.model_dump())))


@endpoint(
    bp, "/api/v1/conversations/<session_id>/rating", who=VISITOR, answers={200: RatingBody}, errors=(404,),
    summary="The rating of a conversation of yours",
)  # fmt: skip
def get_conversation_rating(session_id: str) -> RatingBody:
    """404 as long as there is none."""
    return _body(ratings.get_rating(current_actor(), session_id))


def _body(rating: Rating) -> RatingBody:
    return RatingBody(
        session_id=rating.conversation_id,
        score=rating.score,
        thumb=ratings.thumb_of(rating),
        comment=rating.comment,
        created_at=rating.created_at,
        updated_at=rating.updated_at,
    )
