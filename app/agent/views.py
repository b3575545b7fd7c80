"""The assistant's pages: /chat, the panel on every shop page, and the live stream of an answer as HTML.

Every step is a plain form: with htmx it answers with the pieces that change, without it waits a moment for the
answer and shows the page again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, flash, request, stream_with_context
from flask_wtf.csrf import generate_csrf

from app.agent import queries, service
from app.agent.api import CHAT_LIMIT
from app.agent.page_live import frames
from app.agent.page_model import (
    ChatShown,
    earlier_questions,
    find_current,
    get_answer,
    get_chat,
    remember,
)
from app.agent.page_text import short_moment
from app.agent.page_whole import get_whole_result
from app.agent.person_model import PersonShown, last_message_id, person_of
from app.agent.reader import wait_for
from app.agent.schemas import MAX_CONTENT
from app.agent.service import Kept
from app.agent.stream import BEGINNING, EVENT_ID
from app.cart.queries import count_pieces
from app.catalogue.queries import service_category_id
from app.conversations.queries import get_message, get_run
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.core.errors import DomainError
from app.core.ids import new_id
from app.db import db
from app.extensions import limiter
from app.runtime import settings
from app.web import sse
from app.web.auth import PUBLIC, VISITOR, access, acting_visitor, current_actor
from app.web.htmx import go_to, is_partial, page, trigger
from app.web.i18n import reason_text

bp = Blueprint("agent", __name__)
bp.add_app_template_filter(short_moment, "moment")
bp.add_app_template_global(service_category_id, "service_category_id")
# A browser without JavaScript waits this long for an answer before it gets the page.
PATIENCE_SECONDS = 6.0
MAX_CLIENT_ID = 64
# What a plain form is told on the next page instead of on an error page.
TOLD_BY_FLASH = frozenset({409, 422, 429})


@bp.get("/chat")
@access(PUBLIC)
def show_chat() -> Response:
    actor = current_actor()
    asked = request.args.get("ask", "").strip()[:MAX_CONTENT]
    return page(
        "chat/page.html",
        sessions=_sessions(actor),
        asked=asked,
        is_asked_here=bool(asked) and _comes_from_here(),
        **_conversation(actor),
    )


@bp.get("/chat/panel")
@access(PUBLIC)
def show_panel() -> Response:
    return page("chat/panel.html", asked="", is_asked_here=False, **_conversation(current_actor()))


@bp.post("/chat/messages")
@access(VISITOR)
@limiter.limit(CHAT_LIMIT)
def say() -> Response:
    actor = acting_visitor()
    form = request.form
    try:
        run = service.say(
            actor,
            form.get("session_id") or None,
            form.get("suggestion") or form.get("content", ""),
            form.get("client_message_id", "")[:MAX_CLIENT_ID] or None,
        )
    except DomainError as error:
        return _refuse(error)
    return _keep(run) if isinstance(run, Kept) else _follow(actor, run)


@bp.post("/chat/confirmations/<confirmation_id>")
@access(VISITOR)
@limiter.limit(CHAT_LIMIT)
def answer_question(confirmation_id: str) -> Response:
    actor = current_actor()
    try:
        run = service.answer_confirmation(actor, confirmation_id, request.form.get("approve") == "1")
    except DomainError as error:
        return _refuse(error, confirmation_id)
    return _follow(actor, run)


@bp.get("/chat/confirmations/<confirmation_id>")
@access(VISITOR)
def show_question(confirmation_id: str) -> Response:
    """One question as it stands now: its card asks when its time is over."""
    view = queries.confirmation_view(current_actor(), confirmation_id)
    return page("chat/_confirmation.html", question=view)


@bp.post("/chat/runs/<run_id>/stop")
@access(VISITOR)
def stop(run_id: str) -> Response:
    actor = current_actor()
    service.abort(actor, run_id=run_id)
    if is_partial():
        return Response(status=204)
    run = RunKey.of(get_run(actor, run_id))
    wait_for(run.id, actor.locale, PATIENCE_SECONDS)
    return go_to(f"{_address(run.conversation_id)}#latest")


@bp.get("/chat/runs/<run_id>/tools/<path:call_id>")
@access(VISITOR)
def show_result(run_id: str, call_id: str) -> Response:
    """All that a tool returned: in its card, or as a page of its own."""
    return page("chat/result.html", block="whole", whole=get_whole_result(current_actor(), run_id, call_id))


@bp.get("/chat/runs/<run_id>/events")
@access(VISITOR)
def run_events(run_id: str) -> Response:
    """The answer as it is made, in pieces of HTML; `after` is what the page shows already."""
    actor = current_actor()
    run = RunKey.of(get_run(actor, run_id))
    given = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    after = given if EVENT_ID.fullmatch(given) else BEGINNING
    # The connection goes back before the stream begins, which may last minutes.
    db.session.remove()
    return sse.stream(
        stream_with_context(frames(actor, run, after)),
        subject=actor.subject,
        limit=settings().sse_streams_per_user,
    )


def _conversation(actor: Actor) -> dict[str, Any]:
    """What every form of the conversation shows: the one asked for, else the current one, else an empty one."""
    wanted = request.args.get("session")
    session_id = wanted or (None if "new" in request.args else find_current(actor))
    chat = get_chat(actor, session_id) if session_id else ChatShown()
    if wanted:
        remember(wanted)
    person = person_of(chat.session_id)
    return {
        "chat": chat,
        "session_id": chat.session_id,
        "active": chat.active,
        **_frame(),
        **_followed(person, chat.session_id),
    }


def _followed(person: PersonShown, session_id: str | None) -> dict[str, Any]:
    """How it stands with a consultant, and from where the page follows what they write."""
    follows_from = last_message_id(session_id) if person.is_open else 0
    return {"person": person, "follows_from": follows_from}


def _is_followed(person: PersonShown, session_id: str) -> bool:
    """True when the open page needs no other stream: it has one, or there is nothing to follow."""
    return (request.form.get("live") or "") == (session_id if person.is_open else "")


def _frame() -> dict[str, Any]:
    return {
        "client_message_id": new_id(),
        "max_content": MAX_CONTENT,
        "is_builtin": not settings().llm_is_configured,
    }


def _sessions(actor: Actor) -> list[queries.Session]:
    return queries.list_sessions(actor) if not actor.is_guest or actor.guest_id else []


def _follow(actor: Actor, run: RunKey) -> Response:
    """Show the answer that has begun: in the open page, or as the page again."""
    remember(run.conversation_id)
    if not is_partial():
        wait_for(run.id, actor.locale, PATIENCE_SECONDS)
        return go_to(f"{_address(run.conversation_id)}#latest")
    # The stream's forms carry the token of this session, which must exist before the stream begins.
    generate_csrf()
    answer = get_answer(actor, run.id)
    # A quick answer is complete by now: what its stream would have told is told here.
    has_changed_cart = any(line.card.changes_cart for line in answer.lines)
    person = person_of(run.conversation_id)
    response = page(
        "chat/_asked.html",
        is_followed=_is_followed(person, run.conversation_id),
        **_followed(person, run.conversation_id),
        said=queries.said_in(run.id),
        shown=answer,
        active=answer if answer.is_running else None,
        questions=earlier_questions(run.conversation_id, run.id),
        session_id=run.conversation_id,
        is_page=request.form.get("place") == "page",
        sessions=_sessions(actor),
        pieces=count_pieces(actor) if has_changed_cart else None,
        **_frame(),
    )
    if request.form.get("place") == "page":
        response.headers["HX-Replace-Url"] = _address(run.conversation_id)
    return trigger(response, "chat-sent", *(["cart-changed"] if has_changed_cart else []))


def _keep(kept: Kept) -> Response:
    """Show a message that a consultant answers: in the open page, or as the page again."""
    remember(kept.conversation_id)
    if not is_partial():
        return go_to(f"{_address(kept.conversation_id)}#latest")
    person = person_of(kept.conversation_id)
    response = page(
        "chat/_kept.html",
        items=[queries.said_of(get_message(kept.conversation_id, kept.message_id), {})],
        active=None,
        session_id=kept.conversation_id,
        is_followed=_is_followed(person, kept.conversation_id),
        **_followed(person, kept.conversation_id),
        **_frame(),
    )
    return trigger(response, "chat-sent")


def _refuse(error: DomainError, confirmation_id: str | None = None) -> Response:
    """Why something was not done: beside what the person did, where there is such a place."""
    if error.status not in TOLD_BY_FLASH:
        raise error
    if not is_partial():
        flash(reason_text(error), "danger")
        session_id = request.form.get("session_id")
        return go_to(_address(session_id) if session_id else "/chat")
    question = queries.confirmation_view(current_actor(), confirmation_id) if confirmation_id else None
    response = page("chat/_refused.html", status=error.status, reason=reason_text(error), question=question)
    response.headers["HX-Reswap"] = "none"
    return response


def _address(session_id: str) -> str:
    return f"/chat?session={quote(session_id)}"


def _comes_from_here() -> bool:
    """True when a page of this shop led here: only then a question in the address is asked without a click.

    Somebody else's link could otherwise say things in the customer's name.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.referrer or "").netloc == request.host
