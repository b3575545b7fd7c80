"""The conversation page of the consultants' desk. Every step is a plain form; with htmx it answers with what changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, make_response, request, stream_with_context
from flask_babel import gettext
from flask_wtf.csrf import generate_csrf

from app.agent.consultant_page import TalkShown, frames, get_talk
from app.consultants import attending, canned, service, talking
from app.consultants.queries import get_desk, list_canned, list_notes
from app.consultants.states import MAX_MESSAGE, MAX_NOTE
from app.core.actor import Actor, Role
from app.core.errors import DomainError
from app.core.ids import new_id
from app.db import db, in_transaction
from app.extensions import limiter
from app.runtime import settings
from app.tools.executor import execute
from app.web import sse
from app.web.auth import CONSULTANT, access, current_actor
from app.web.htmx import go_to, is_partial, page, trigger
from app.web.i18n import error_text
from app.web.routing import read_row_id

bp = Blueprint("consultant_talk", __name__, url_prefix="/consultant/conversations")
ONE = "/<string(maxlength=32):conversation_id>"
WRITE_LIMIT = "120/minute"
CALLER = "desk"
MAX_CLIENT_ID = 64


@bp.get(ONE)
@access(CONSULTANT)
def show(conversation_id: str) -> Response:
    actor = current_actor()
    talk = get_talk(actor, conversation_id)
    if talk.desk.is_mine:
        db.session.rollback()
        in_transaction(partial(_attend, actor, talk.session_id, talk.follows_from))
    return page("consultants/conversation.html", **_shown(talk))


def _attend(actor: Actor, conversation_id: str, until: int) -> None:
    """Who opens their customer's conversation is there, and reads it."""
    attending.show_life(actor)
    talking.mark_read(conversation_id, talking.DESK_SIDE, until)


def _shown(talk: TalkShown) -> dict[str, Any]:
    return {
        "talk": talk,
        "desk": talk.desk,
        "standing": talk.standing,
        "session_id": talk.session_id,
        "notes": list_notes(talk.session_id),
        "canned": list_canned() if talk.desk.is_mine else [],
        "client_message_id": new_id(),
        "max_content": MAX_MESSAGE,
        "max_note": MAX_NOTE,
    }


@bp.get(f"{ONE}/live")
@access(CONSULTANT)
def follow(conversation_id: str) -> Response:
    """What is said and done there, as it happens; `after` is the last message that the page shows."""
    actor = current_actor()
    talk_id = get_desk(actor, conversation_id).conversation.id
    after = read_row_id(request.headers.get("Last-Event-ID") or request.args.get("after")) or 0
    # The stream's forms carry the token of this session, which must exist before the stream begins.
    generate_csrf()
    db.session.remove()
    return sse.stream(
        stream_with_context(frames(actor, talk_id, after)),
        subject=actor.subject,
        limit=settings().sse_streams_per_user,
    )


@bp.post(f"{ONE}/claim")
@access(CONSULTANT)
def claim(conversation_id: str) -> Response:
    actor = current_actor()
    user_id = get_desk(actor, conversation_id).consultation.user_id
    return _done(conversation_id, partial(service.claim, actor, user_id))


@bp.post(f"{ONE}/takeover")
@access(CONSULTANT)
def take_over(conversation_id: str) -> Response:
    return _done(conversation_id, partial(service.take_over, current_actor(), conversation_id))


@bp.post(f"{ONE}/handback")
@access(CONSULTANT)
def hand_back(conversation_id: str) -> Response:
    note = request.form.get("note", "")
    back = partial(service.hand_back, current_actor(), conversation_id, note)
    return _done(conversation_id, back, told=gettext("The assistant answers again."))


@bp.post(f"{ONE}/release")
@access(CONSULTANT)
def release(conversation_id: str) -> Response:
    again = partial(service.release, current_actor(), conversation_id)
    return _done(conversation_id, again, told=gettext("The customer waits for another consultant."))


@bp.post(f"{ONE}/notes")
@access(CONSULTANT)
@limiter.limit(WRITE_LIMIT)
def add_note(conversation_id: str) -> Response:
    actor = current_actor()
    desk = get_desk(actor, conversation_id)
    talk_id, text = desk.conversation.id, request.form.get("text", "")
    db.session.rollback()
    problem = ""
    try:
        in_transaction(lambda: talking.add_note(actor, talk_id, text))
    except DomainError as error:
        problem = _reason(error)
    if not is_partial():
        if problem:
            flash(problem, "warn")
        return go_to(_address(talk_id))
    return page(
        "consultants/_notes.html",
        status=422 if problem else 200,
        notes=list_notes(talk_id),
        session_id=talk_id,
        problem=problem,
        typed=text if problem else "",
        max_note=MAX_NOTE,
    )


@bp.post(f"{ONE}/messages")
@access(CONSULTANT)
@limiter.limit(WRITE_LIMIT)
def send(conversation_id: str) -> Response:
    """The message itself comes by the page's stream, once; without JavaScript with the page."""
    actor = current_actor()
    try:
        text = canned.expand(actor, conversation_id, request.form.get("content", ""))
        key = request.form.get("client_message_id", "")[:MAX_CLIENT_ID] or None
        in_transaction(lambda: talking.send(actor, conversation_id, text, key))
    except DomainError as error:
        return _refuse(error, conversation_id)
    if not is_partial():
        return go_to(f"{_address(conversation_id)}#latest")
    response = page("consultants/_sent.html", session_id=conversation_id, client_message_id=new_id())
    return trigger(response, "chat-sent")


def _refuse(error: DomainError, conversation_id: str) -> Response:
    if error.status == 404:
        raise error
    if not is_partial():
        flash(_reason(error), "danger")
        return go_to(_address(conversation_id))
    response = page("chat/_refused.html", status=error.status, reason=_reason(error), question=None)
    response.headers["HX-Reswap"] = "none"
    return response


@bp.post(f"{ONE}/typing")
@access(CONSULTANT)
def show_typing(conversation_id: str) -> Response:
    mine = service.get_own(current_actor().require_user(), conversation_id)
    talking.show_typing(mine.conversation_id, talking.DESK_SIDE)
    return make_response("", 204)


@bp.post(f"{ONE}/read")
@access(CONSULTANT)
def mark_read(conversation_id: str) -> Response:
    talk_id = service.get_own(current_actor().require_user(), conversation_id).conversation_id
    message_id = read_row_id(request.form.get("message_id"))
    db.session.rollback()
    if message_id:
        in_transaction(partial(talking.mark_read, talk_id, talking.DESK_SIDE, message_id))
    return make_response("", 204)


@bp.get(f"{ONE}/customer")
@access(CONSULTANT)
def show_customer(conversation_id: str) -> Response:
    """What is known of the customer, by the tools that consultants' agents use."""
    actor = current_actor()
    desk = get_desk(actor, conversation_id)
    user_id, talk_id, name = desk.consultation.user_id, desk.conversation.id, desk.username
    db.session.rollback()
    profile = _call(actor, "get_user_profile", {"user_id": user_id, "include_details": True})
    analysis = _call(actor, "analyze_customer", {"user_id": user_id, "analysis_type": "predictive"})
    preferences = _call(actor, "get_customer_preferences", {"user_id": user_id})
    return page(
        "consultants/customer.html",
        block="panel",
        session_id=talk_id,
        username=name,
        profile=profile.get("profile"),
        analysis=analysis.get("analysis"),
        preferences=preferences.get("preferences"),
    )


@bp.post(f"{ONE}/plan")
@access(CONSULTANT)
@limiter.limit(WRITE_LIMIT)
def make_plan(conversation_id: str) -> Response:
    """A care plan for what was typed; with the products of an earlier one, that one made better."""
    actor = current_actor()
    desk = get_desk(actor, conversation_id)
    user_id, talk_id = desk.consultation.user_id, desk.conversation.id
    db.session.rollback()
    goals = [line.strip() for line in request.form.get("goals", "").splitlines() if line.strip()]
    budget = request.form.get("budget", type=float)
    arguments: dict[str, Any] = {"user_id": user_id, "goals": goals, "budget": budget}
    name = "generate_plan"
    if request.form.get("action") == "optimize":
        kept = [{"sku": sku, "quantity": number} for sku, number in _kept()]
        name = "optimize_plan"
        arguments = {
            "plan": {"user_id": user_id, "goals": goals, "budget": budget, "items": kept},
            "budget": budget,
        }
    told = _call(actor, name, arguments)
    return page(
        "consultants/plan.html",
        block="panel",
        status=200 if "plan" in told else 422,
        session_id=talk_id,
        username=desk.username,
        plan=told.get("plan"),
        problem=_problem(told),
        goals="\n".join(goals),
        budget=request.form.get("budget", "")[:20],
    )


def _kept() -> list[tuple[str, int]]:
    """The products of the plan on the page."""
    skus, numbers = request.form.getlist("sku")[:20], request.form.getlist("quantity")[:20]
    pairs = zip(skus, numbers, strict=False)
    return [(sku[:32], int(number) if number.isdecimal() and len(number) < 4 else 1) for sku, number in pairs]


def _call(actor: Actor, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """By the executor, logged like every call; who may see the conversation, an admin too, asks as a consultant."""
    reader = replace(actor, roles=frozenset({*actor.roles, Role.CONSULTANT}))
    return dict(execute(reader, name, arguments, caller=CALLER).result)


def _problem(told: dict[str, Any]) -> str:
    error = told.get("error")
    if not isinstance(error, dict):
        return ""
    return str(error.get("message") or gettext("Please check the values you entered."))


def _done(conversation_id: str, work: Callable[[], Any], told: str = "") -> Response:
    """Do it, say why when it cannot be done, and show the page anew: who may do what has changed."""
    db.session.rollback()
    try:
        in_transaction(work)
    except DomainError as error:
        if error.status == 404:
            raise
        flash(_reason(error), "warn")
        return go_to("/consultant" if error.code == "ALREADY_CLAIMED" else _address(conversation_id))
    if told:
        flash(told, "success")
    return go_to(_address(conversation_id))


def _reason(error: DomainError) -> str:
    return " ".join(gettext(text) for text in error.fields.values()) or error_text(error)


def _address(conversation_id: str) -> str:
    return f"/consultant/conversations/{conversation_id}"
