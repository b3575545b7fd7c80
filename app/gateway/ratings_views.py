"""Thumbs and stars under the last answer, on the assistant's page and in its panel."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.core.errors import InvalidParam
from app.db import in_transaction
from app.extensions import limiter
from app.gateway import ratings
from app.gateway.ratings_api import RATING_LIMIT, RatingInput
from app.web.auth import VISITOR, access, current_actor
from app.web.htmx import go_to, is_partial, page
from app.web.i18n import error_text

bp = Blueprint("ratings", __name__)
# What the templates of the assistant ask: the rating that their conversation has.
bp.add_app_template_global(ratings.find_rating, "rating_of")


@bp.post("/chat/conversations/<session_id>/rating")
@access(VISITOR)
@limiter.limit(RATING_LIMIT)
def rate_conversation(session_id: str) -> Response:
    """In place with htmx, else the page again."""
    problem = _rate(session_id)
    if is_partial():
        return page(
            # The welcome's card has stars alone.
            "gateway/_stars.html" if request.form.get("place") == "stars" else "gateway/_rating.html",
            session_id=session_id,
            rating=ratings.find_rating(session_id),
            is_open="thumb" not in request.form,
            is_rated=not problem,
            problem=problem,
        )
    flash(problem or gettext("Thank you. Your rating is kept."), "warn" if problem else "ok")
    return go_to(f"/chat?session={quote(session_id)}#latest")


def _rate(session_id: str) -> str:
    """Keep what the form says; why not, else nothing."""
    actor, form = current_actor(), request.form
    given = RatingInput.model_validate(
        {
            "score": form.get("score") or None,
            "thumb": form.get("thumb") or None,
            # A browser counts a line's end once and sends it as two characters.
            "comment": form["comment"].replace("\r\n", "\n") if "comment" in form else None,
        }
    )
    try:
        in_transaction(lambda: ratings.rate(actor, session_id, **given.model_dump()))
    except InvalidParam as error:
        return error_text(error)
    return ""
