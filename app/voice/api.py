"""The voice API (api.md, "Voice"): interpret, confirm, execute, tools."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint

from app.core.actor import Actor
from app.core.errors import N_, Forbidden
from app.tools.api import ToolBody, tool_bodies
from app.voice import service
from app.voice.schemas import (
    ConfirmBody,
    ErrorBody,
    ExecuteBody,
    ExecutedBody,
    InterpretBody,
    SpokenBody,
    UserId,
)
from app.voice.spoken import Executed, Spoken
from app.web.api import endpoint
from app.web.auth import VISITOR, acting_visitor

bp = Blueprint("voice_api", __name__)
LIMIT = "60/minute"


@endpoint(
    bp, "/v1/api/interpret", method="POST", who=VISITOR, body=InterpretBody, answers={200: SpokenBody},
    errors=(403, 409, 429), limit=LIMIT, summary="What a spoken sentence means; what changes anything is read back",
)  # fmt: skip
def interpret(body: InterpretBody) -> SpokenBody:
    """Reading actions are answered at once."""
    actor = _actor(body.userId, body.locale)
    return _spoken(service.interpret(actor, body.sessionId, body.text), body.sessionId)


@endpoint(
    bp, "/v1/api/confirm", method="POST", who=VISITOR, body=ConfirmBody, answers={200: SpokenBody},
    errors=(403, 409, 429), limit=LIMIT, summary="Yes, no, or a correction to what was read back",
)  # fmt: skip
def confirm(body: ConfirmBody) -> SpokenBody:
    """After `execute` comes the call that does it, with the same action and parameters."""
    actor = _actor(body.userId)
    spoken = service.confirm(
        actor,
        body.sessionId,
        text=body.text or "",
        approve=body.approve,
        confirmation_id=body.confirmationId,
    )
    return _spoken(spoken, body.sessionId)


@endpoint(
    bp, "/v1/api/execute", method="POST", who=VISITOR, body=ExecuteBody, answers={200: ExecutedBody, 409: ExecutedBody},
    errors=(403, 404, 429), limit=LIMIT, summary="Do what was agreed to, once",
)  # fmt: skip
def execute(body: ExecuteBody) -> tuple[ExecutedBody, int]:
    """409 when there is no yes for just this, 200 with `success` false when the action itself failed."""
    done = service.execute(_actor(body.userId), body.sessionId, body.action, body.params)
    return _executed(done), 409 if done.code and done.reason != "FAILED" else 200


@endpoint(
    bp,
    "/v1/api/tools",
    who=VISITOR,
    answers={200: list[ToolBody]},
    summary="The tools the caller's voice may use",
)
def tools() -> list[ToolBody]:
    """The same tools as the assistant's."""
    return tool_bodies(acting_visitor())


def _actor(user_id: UserId, locale: str | None = None) -> Actor:
    """The caller. Raises Forbidden when the request names somebody else."""
    actor = acting_visitor()
    if user_id not in (None, "") and str(user_id) != str(actor.user_id):
        raise Forbidden(N_("userId must be your own."))
    return actor if locale is None else replace(actor, locale=locale)


def _spoken(spoken: Spoken, key: str) -> SpokenBody:
    return SpokenBody.model_validate(
        {
            "type": spoken.type,
            "action": spoken.action,
            "params": spoken.params,
            "confirmText": spoken.text,
            "sessionId": key,
            "confirmationId": spoken.confirmation_id,
            "expiresAt": spoken.expires_at,
            "confidence": spoken.confidence,
            "missing": spoken.missing,
            "language": spoken.language,
            "source": spoken.source,
            "steps": spoken.steps,
        }
    )


def _executed(done: Executed) -> ExecutedBody:
    error = ErrorBody(code="EXEC_FAIL", message=done.text, reason=done.reason) if done.code else None
    return ExecutedBody(success=error is None, data=done.data, speakText=done.text, error=error)
