"""Reading what the desk has answered; whose it is is part of every query."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.conversations.models import Conversation
from app.core.actor import Actor
from app.core.errors import NotFound
from app.db import db
from app.insights.question import Question
from app.operations.models import DeskRecord
from app.operations.schemas import DeskAnswer


def get_record(actor: Actor, run_id: str) -> DeskRecord:
    """The actor's own answer. Raises NotFound."""
    found = db.session.scalar(
        select(DeskRecord)
        .join(Conversation, Conversation.id == DeskRecord.conversation_id)
        .where(DeskRecord.run_id == run_id, Conversation.owner == actor.subject)
    )
    if found is None:
        raise NotFound()
    return found


def find_record(run_id: str) -> DeskRecord | None:
    """The answer of a run. The caller checks whose it is."""
    return db.session.scalar(select(DeskRecord).where(DeskRecord.run_id == run_id))


def find_newest_plan(actor: Actor) -> DeskRecord | None:
    """The plan that the actor has had drafted last."""
    return db.session.scalar(
        select(DeskRecord)
        .join(Conversation, Conversation.id == DeskRecord.conversation_id)
        .where(Conversation.owner == actor.subject, DeskRecord.intent == "plan")
        .order_by(DeskRecord.id.desc())
        .limit(1)
    )


def get_answer(actor: Actor, run_id: str) -> DeskAnswer:
    """The actor's own answer as it was given. Raises NotFound."""
    return read(get_record(actor, run_id))


def read(record: DeskRecord) -> DeskAnswer:
    """The answer in a row."""
    return DeskAnswer.model_validate_json(record.body)


def list_records(session_id: str, limit: int = 100) -> Sequence[DeskRecord]:
    """The newest answers of a conversation, oldest of them first. The caller checks whose it is."""
    newest = db.session.scalars(
        select(DeskRecord)
        .where(DeskRecord.conversation_id == session_id)
        .order_by(DeskRecord.id.desc())
        .limit(limit)
    ).all()
    return list(reversed(newest))


def find_previous(session_id: str) -> Question | None:
    """The question that the next sentence of a conversation may change: the last one that was understood."""
    found = db.session.scalar(
        select(DeskRecord.question)
        .where(DeskRecord.conversation_id == session_id, DeskRecord.question.is_not(None))
        .order_by(DeskRecord.id.desc())
        .limit(1)
    )
    return Question.model_validate(found) if found else None


def find_question_back(session_id: str) -> DeskAnswer | None:
    """The newest answer of a conversation, where it asked back."""
    record = next(iter(list_records(session_id, 1)), None)
    return read(record) if record is not None and record.intent == "clarify" else None
