"""The customer asks for a person, follows what they write, and sends them away. Every step is a plain form."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, make_response, request, stream_with_context
from flask_wtf.csrf import generate_csrf

from app.agent.api import CHAT_LIMIT
from app.agent.page_model import remember
from app.agent.person import frames
from app.agent.person_model import last_message_id, person_of
from app.consultants import service, talking
from app.conversations.models import SHOP
from app.conversations.queries import get_conversation
from app.conversations.service import start_conversation
from app.core.actor import Actor
from app.core.ids import new_id
from app.db import db, in_transaction
from app.extensions import limiter
from app.runtime import settings
from app.web import sse
from app.web.auth import USER, VISITOR, access, current_actor
from app.web.htmx import go_to, is_partial, page
from app.web.routing import read_row_id

bp = Blueprint("person", __name__)
TALK = "/chat/conversations/<string(maxlength=32):session_id>"


@bp.post("/chat/consultant")
@access(USER)
@limiter.limit(CHAT_LIMIT)
def ask_for_person() -> Response:
    """In the conversation that is open, or in a new one."""
    actor = current_actor()
    session_id = in_transaction(partial(_ask, actor, request.form.get("session_id") or None))
    remember(session_id)
    if not is_partial() or request.form.get("session_id") != session_id:
        return go_to(f"/chat?session={session_id}#latest")
    return _shown(session_id)


def _ask(actor: Actor, session_id: str | None) -> str:
    title = "Consultant" if actor.locale == "en" else "找顾问"
    talk = session_id or start_conversation(actor, f"consultant {new_id()}", title=title)
    service.ask_for_person(actor, talk)
    return talk


@bp.post(f"{TALK}/consultant/leave")
@access(USER)
def leave(session_id: str) -> Response:
    in_transaction(partial(service.leave, current_actor(), session_id))
    return _shown(session_id) if is_partial() else go_to(f"/chat?session={session_id}#latest")


@bp.get(f"{TALK}/live")
@access(VISITOR)
def follow(session_id: str) -> Response:
    """What the consultant writes, as it is written; `after` is the last message that the page shows."""
    actor = current_actor()
    talk = get_conversation(actor, session_id, SHOP)
    given = request.headers.get("Last-Event-ID") or request.args.get("after")
    after = read_row_id(given) or 0
    # The stream's forms carry the token of this session, which must exist before the stream begins.
    generate_csrf()
    talk_id = talk.id
    # The connection goes back before the stream begins, which may last hours.
    db.session.remove()
    return sse.stream(
        stream_with_context(frames(actor, talk_id, after)),
        subject=actor.subject,
        limit=settings().sse_streams_per_user,
    )


@bp.post(f"{TALK}/typing")
@access(VISITOR)
def show_typing(session_id: str) -> Response:
    talk = get_conversation(current_actor(), session_id, SHOP)
    talking.show_typing(talk.id, talking.CUSTOMER_SIDE)
    return make_response("", 204)


@bp.post(f"{TALK}/read")
@access(VISITOR)
def mark_read(session_id: str) -> Response:
    """The page shows all up to a message and somebody looks at it."""
    talk = get_conversation(current_actor(), session_id, SHOP)
    talk_id, message_id = talk.id, read_row_id(request.form.get("message_id"))
    db.session.rollback()
    if message_id:
        in_transaction(partial(talking.mark_read, talk_id, talking.CUSTOMER_SIDE, message_id))
    return make_response("", 204)


def _shown(session_id: str) -> Response:
    """What the page has to change: the line above the field, and whether it follows the conversation."""
    person = person_of(session_id)
    is_followed = (request.form.get("live") or "") == session_id
    return page(
        "chat/_person_changed.html",
        person=person,
        session_id=session_id,
        follows_from=last_message_id(session_id),
        # A stream that is open ends by itself and brings the last line first.
        is_followed=is_followed or not person.is_open,
    )
