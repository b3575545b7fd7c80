"""JSON and event-stream API of the assistant."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext

from app.agent import queries, service
from app.agent.reader import Reader
from app.agent.schemas import (
    AbortBody,
    AbortedBody,
    ActionBody,
    ConfirmBody,
    DirectBody,
    EventsQuery,
    MessageBody,
    MessagesQuery,
    ReplyBody,
    Saying,
    SessionBody,
    SessionsQuery,
    StreamBody,
    message_body,
)
from app.agent.service import Kept
from app.agent.stream import BEGINNING, EVENT_ID, Event
from app.conversations.models import CONSULTANT
from app.conversations.queries import (
    get_conversation,
    get_message,
    get_run,
    list_conversations,
    list_messages,
)
from app.conversations.service import ConsultantAnswers, RunKey
from app.core.actor import Actor
from app.core.errors import N_, DomainError, InvalidParam, RateLimited, Unavailable, Upstream
from app.db import db
from app.runtime import settings
from app.web import sse
from app.web.api import endpoint
from app.web.auth import VISITOR, acting_visitor, current_actor

bp = Blueprint("agent_api", __name__)
EVENTS = {200: "text/event-stream"}
CHAT_LIMIT = "120/minute"


@endpoint(
    bp, "/api/chat/stream", method="POST", who=VISITOR, body=StreamBody, answers=EVENTS,
    errors=(403, 404, 409, 429, 503), limit=CHAT_LIMIT, summary="Say something and follow the answer",
)  # fmt: skip
def chat_stream(body: StreamBody) -> Response:
    """Answers with the run's events; its id is in the header X-Run-Id.

    Where a consultant has taken over there is no run: `complete` has the customer's own message, which the consultant reads.
    """
    actor = acting_visitor()
    run = service.say(
        actor,
        body.session_id,
        body.content,
        body.client_message_id,
        options=body.options(),
    )
    return _kept(actor, run) if isinstance(run, Kept) else follow(actor, run)


@endpoint(
    bp, "/api/chat/stream/direct", method="POST", who=VISITOR, body=DirectBody, answers=EVENTS,
    errors=(403, 404, 409, 429, 503), limit=CHAT_LIMIT, summary="Let a talk that you keep yourself be answered",
)  # fmt: skip
def chat_stream_direct(body: DirectBody) -> Response:
    """The same stream; the messages are not saved. What the conversation of `session_id` says is not told to the model."""
    actor = acting_visitor()
    told = tuple((each.role, each.content) for each in body.messages)
    run = service.start_direct(actor, body.session_id, told, body.client_message_id, options=body.options())
    return follow(actor, run)


def reply_to(actor: Actor, text: str, saying: Saying) -> ReplyBody:
    """Say something and wait for the whole answer (`POST /api/chat`, see app.operations.api). Raises what went wrong."""
    run = service.say(actor, saying.session_id, text, saying.client_message_id, options=saying.options())
    if isinstance(run, Kept):
        return ReplyBody(
            reply=gettext(ConsultantAnswers.default_message),
            actions=[],
            cart=queries.cart_json(actor),
            session_id=run.conversation_id,
            run_id=None,
            answered_by=CONSULTANT,
        )
    db.session.remove()
    events = [event for event in Reader.of(run.id, actor.locale).events() if event is not None]
    return _reply(actor, run, events)


@endpoint(
    bp, "/api/chat/runs/<run_id>/events", who=VISITOR, query=EventsQuery, answers=EVENTS, errors=(404, 429),
    summary="Replay an answer from any point and follow it",
)  # fmt: skip
def run_events(run_id: str, query: EventsQuery) -> Response:
    """`Last-Event-ID` counts before `after`: it is what a browser sends when it comes back."""
    actor = current_actor()
    run = get_run(actor, run_id)
    return follow(actor, RunKey.of(run), _last_event_id() or query.after or BEGINNING)


@endpoint(
    bp, "/api/chat/abort", method="POST", who=VISITOR, body=AbortBody, answers={200: AbortedBody},
    errors=(404,), summary="Stop an answer",
)  # fmt: skip
def abort(body: AbortBody) -> AbortedBody:
    """What was said so far is kept."""
    is_aborted = service.abort(current_actor(), session_id=body.session_id, run_id=body.run_id)
    return AbortedBody(aborted=is_aborted)


@endpoint(
    bp, "/api/chat/confirm", method="POST", who=VISITOR, body=ConfirmBody, answers=EVENTS,
    errors=(404, 409, 429, 503), limit=CHAT_LIMIT, summary="Say yes or no to what the assistant asked",
)  # fmt: skip
def confirm(body: ConfirmBody) -> Response:
    """The events of the run that goes on."""
    actor = current_actor()
    return follow(actor, service.answer_confirmation(actor, body.confirmation_id, body.approve))


@endpoint(
    bp, "/api/chat/sessions", who=VISITOR, query=SessionsQuery, answers={200: list[SessionBody]},
    summary="The caller's conversations, newest first",
)  # fmt: skip
def sessions(query: SessionsQuery) -> list[SessionBody]:
    """Guests see those of their browser session."""
    return [
        SessionBody(session_id=row.id, title=row.title, created_at=row.created_at, updated_at=row.updated_at)
        for row in list_conversations(current_actor(), query.limit, query.offset)
    ]


@endpoint(
    bp, "/api/chat/sessions/<session_id>/messages", who=VISITOR, query=MessagesQuery,
    answers={200: list[MessageBody]}, errors=(404,), summary="The messages of a conversation, oldest first",
)  # fmt: skip
def messages(session_id: str, query: MessagesQuery) -> list[MessageBody]:
    """Tool messages have the uncut result as JSON text in `content`."""
    conversation = get_conversation(current_actor(), session_id)
    return [message_body(row) for row in list_messages(conversation.id, query.limit, before=query.before)]


def follow(actor: Actor, run: RunKey, after: str = BEGINNING) -> Response:
    """The event stream of a run. Raises RateLimited when the actor has too many open."""
    reader = Reader.of(run.id, actor.locale)
    # The connection goes back before the stream begins, which may last minutes.
    db.session.remove()
    return sse.stream(
        reader.frames(after),
        subject=actor.subject,
        limit=settings().sse_streams_per_user,
        headers={"X-Run-Id": run.id, "X-Session-Id": run.conversation_id},
    )


def _kept(actor: Actor, kept: Kept) -> Response:
    """A stream of one event: the message as it was kept."""
    body = message_body(get_message(kept.conversation_id, kept.message_id)).model_dump(mode="json")
    told = {"type": "complete", "data": {"message": body, "answered_by": CONSULTANT}}
    frames = iter([sse.OPENED, sse.frame(BEGINNING, json.dumps(told, ensure_ascii=False))])
    db.session.remove()
    return sse.stream(
        frames,
        subject=actor.subject,
        limit=settings().sse_streams_per_user,
        headers={"X-Session-Id": kept.conversation_id},
    )


def _last_event_id() -> str | None:
    given = request.headers.get("Last-Event-ID", "").strip()
    if given and not EVENT_ID.fullmatch(given):
        raise InvalidParam(fields={"Last-Event-ID": N_("This is not an event id of ours.")})
    return given or None


def _reply(actor: Actor, run: RunKey, events: list[Event]) -> ReplyBody:
    last = events[-1] if events else None
    if last is None or last.type == "error":
        raise _failure(last.data if last is not None else {})
    calls = {event.data["tool_call_id"]: event.data for event in events if event.type == "tool_call"}
    # A call has its question's id before it is known whether there is anything to ask.
    waiting = {
        event.data["tool_call_id"]
        for event in events
        if event.type == "tool_result" and event.data["status"] == "confirmation_required"
    }
    asked = next((calls[call_id].get("confirmation_id") for call_id in calls if call_id in waiting), None)
    actions = [
        ActionBody(
            tool_name=calls[data["tool_call_id"]]["tool_name"],
            arguments=calls[data["tool_call_id"]]["arguments"],
            result=data["result"],
            status=data["status"],
        )
        for data in (event.data for event in events if event.type == "tool_result")
    ]
    return ReplyBody(
        reply=last.data["message"]["content"],
        actions=actions,
        cart=queries.cart_json(actor),
        session_id=run.conversation_id,
        run_id=run.id,
        confirmation_id=asked,
    )


def _failure(data: dict[str, Any]) -> DomainError:
    kinds: dict[str, type[DomainError]] = {
        "RATE_LIMITED": RateLimited,
        "UPSTREAM": Upstream,
        "TIMEOUT": Upstream,
    }
    return kinds.get(str(data.get("code")), Unavailable)(data.get("error"))
