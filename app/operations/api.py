"""JSON and event-stream API of the desk, and `POST /api/chat`, whose two assistants only this package knows both."""

from __future__ import annotations

from typing import Any, Self

from flask import Blueprint, Response
from pydantic import Field, model_validator

from app.agent import api as agent_api
from app.agent.api import CHAT_LIMIT, EVENTS
from app.agent.reader import Reader
from app.agent.schemas import MAX_CONTENT, ReplyBody, Saying
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.core.errors import N_, Conflict, DomainError, RateLimited, Unavailable
from app.db import db
from app.operations import queries, service
from app.operations.schemas import MAX_QUERY, DeskReply, QueryBody
from app.web.api import endpoint
from app.web.auth import OPERATOR, VISITOR, acting_visitor, current_actor

bp = Blueprint("insights_api", __name__)


class ChatBody(Saying):
    """A message to the shop's assistant (`text`), or a sentence to the operators' desk (`query`): one of them."""

    text: str | None = Field(default=None, min_length=1, max_length=MAX_CONTENT)
    query: str | None = Field(default=None, min_length=1, max_length=MAX_QUERY)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.text is None) == (self.query is None):
            raise ValueError(N_("Give either text or query."))
        return self


@endpoint(
    bp, "/api/chat", method="POST", who=VISITOR, body=ChatBody, answers={200: ReplyBody | DeskReply},
    errors=(403, 404, 409, 422, 429, 502, 503, 504), limit=CHAT_LIMIT,
    summary="Say something to the shop's assistant (text) or to the operators' desk (query), and get the whole answer",
)  # fmt: skip
def chat(body: ChatBody) -> ReplyBody | DeskReply:
    """Waits for the answer; a failed one is an error of this request."""
    if body.query is None:
        return agent_api.reply_to(acting_visitor(), body.text or "", body)
    OPERATOR.check()
    actor = current_actor()
    return _wait(actor, service.ask(actor, body.query, body.session_id, body.client_message_id))


@endpoint(
    bp, "/api/insights/stream", method="POST", who=OPERATOR, body=QueryBody, answers=EVENTS,
    errors=(404, 409, 429, 503), limit=CHAT_LIMIT, summary="Ask the operators' desk and follow its steps",
)  # fmt: skip
def insights_stream(body: QueryBody) -> Response:
    """The form of /api/chat/stream, each step a tool call; `complete` has the answer beside the message."""
    actor = current_actor()
    return agent_api.follow(actor, service.ask(actor, body.query, body.session_id, body.client_message_id))


@endpoint(
    bp, "/api/insights/answers/<string(maxlength=32):run_id>", who=OPERATOR, answers={200: DeskReply},
    errors=(404,), summary="An answer of the operators' desk, as it was given",
)  # fmt: skip
def get_answer(run_id: str) -> DeskReply:
    return _reply(current_actor(), run_id)


def _wait(actor: Actor, run: RunKey) -> DeskReply:
    db.session.remove()
    last = None
    for event in Reader.of(run.id, actor.locale).events():
        last = event or last
    if last is None or last.type == "error":
        raise _failure(last.data if last is not None else {})
    if last.data["message"]["status"] != "done":
        raise Conflict(N_("The answer was stopped."), code="ABORTED")
    return _reply(actor, run.id)


def _reply(actor: Actor, run_id: str) -> DeskReply:
    record = queries.get_record(actor, run_id)
    body: dict[str, Any] = queries.read(record).model_dump()
    return DeskReply(**body, session_id=record.conversation_id, run_id=run_id)


def _failure(data: dict[str, Any]) -> DomainError:
    code = str(data.get("code", ""))
    if code == "RATE_LIMITED":
        return RateLimited(data.get("error"))
    error = Unavailable(data.get("error"))
    if code in STATUSES:
        error.code, error.status = code, STATUSES[code]
    return error


# Of what the desk itself may fail with; all else is 503.
STATUSES = {"SQL_FAILED": 422, "SQL_TIMEOUT": 504, "SQL_REJECTED": 422, "INVALID_PARAM": 422}
