"""The welcome on the page that a customer lands on after registering, and in the conversation while it is on its way."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from flask import Blueprint, Response, make_response, request

from app.core.clock import now
from app.gateway.ratings import find_rating
from app.onboarding.queries import Welcome, find_welcome
from app.web.auth import USER, access, current_actor
from app.web.htmx import go_to, is_partial, page

bp = Blueprint("welcome", __name__)
# After that nobody watches for it any more; it is in the conversation all the same.
WATCHED = timedelta(seconds=45)


@bp.get("/welcome")
@access(USER)
def show_welcome() -> Response:
    """The card with htmx, asked for again and again until it is there; the conversation without."""
    welcome = find_welcome(current_actor().require_user())
    address = (
        f"/chat?session={quote(welcome.conversation_id)}" if welcome and welcome.conversation_id else "/chat"
    )
    if not is_partial():
        return go_to(address)
    if welcome is None:
        return make_response("")
    return page(
        "onboarding/_welcome.html",
        welcome=welcome,
        address=address,
        place=request.args.get("in", ""),
        is_waited_for=_is_waited_for(welcome),
        session_id=welcome.conversation_id,
        rating=find_rating(welcome.conversation_id) if welcome.text else None,
    )


def _is_waited_for(welcome: Welcome) -> bool:
    return not welcome.text and not welcome.is_over and welcome.registered_at > now() - WATCHED


def is_on_its_way(session_id: str | None) -> bool:
    """For the chat's page: True while this conversation is the one that the welcome will open."""
    actor = current_actor()
    if actor.user_id is None or not session_id:
        return False
    welcome = find_welcome(actor.user_id)
    return welcome is not None and welcome.conversation_id == session_id and _is_waited_for(welcome)


bp.add_app_template_global(is_on_its_way, "welcome_on_its_way")
