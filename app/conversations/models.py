"""Conversations, their messages, runs of the assistant and what waits for a person's yes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import business_day, now
from app.core.ids import new_id
from app.db import Model, UtcDateTime
from app.runtime import settings

ASSISTANT = "assistant"
# The customer has asked for a person, who is still to come; and a person answers, the assistant is silent.
WAITING, CONSULTANT = "waiting", "consultant"
# The role of lines that nobody has said ("a consultant has joined"); their `status` says which.
SYSTEM = "system"
# The status of a conversation whose program keeps what is said: it is not listed, and its messages go after a day.
TEMPORARY = "temporary"
# What a conversation is for: the shop's assistant, or the operators' desk (app.operations). Neither shows the other's.
SHOP = "shop"
OPERATIONS = "operations"
LongText = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


class Conversation(Model):
    """A talk; its id is the API's `session_id`. `owner` is Actor.subject.

    `summary` tells what was said up to and with the message `summary_until`, for models that cannot read it all.
    `agent_version_id` is the agent version that answered last; the gateway, which is above, keeps every version.
    `handback_note` is what the latest consultant has told the assistant; the customer does not see it.
    """

    __tablename__ = "conversations"
    __table_args__ = (Index("ix_conversations_owner_updated_at", "owner", "updated_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    owner: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(80), default="")
    status: Mapped[str] = mapped_column(String(12), default=ASSISTANT)
    purpose: Mapped[str] = mapped_column(String(12), default=SHOP, server_default=SHOP)
    agent_version_id: Mapped[int | None] = mapped_column(index=True)
    summary: Mapped[str] = mapped_column(LongText, default="")
    summary_until: Mapped[int] = mapped_column(default=0)
    handback_note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Message(Model):
    """One message in the order of `id`.

    An answer of the assistant is any number of messages with `tool_calls` ([{id, name, arguments}]), each
    call answered by one tool message (`content` is the uncut result as JSON, `status` and `duration_ms` the
    call's, `streamed` what the tool said while it worked or a summary of its long result), and one last message
    with all of the answer's text. `author_id` is the consultant who has written it (role consultant).
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "client_message_id"),
        Index("ix_messages_conversation_id_id", "conversation_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    run_id: Mapped[str | None] = mapped_column(String(32), index=True)
    role: Mapped[str] = mapped_column(String(10))
    content: Mapped[str] = mapped_column(LongText, default="")
    tool_calls: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    tool_call_id: Mapped[str | None] = mapped_column(String(64))
    tool_name: Mapped[str | None] = mapped_column(String(64))
    streamed: Mapped[str] = mapped_column(LongText, default="")
    duration_ms: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(24), default="done")
    usage: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    model: Mapped[str] = mapped_column(String(80), default="")
    client_message_id: Mapped[str | None] = mapped_column(String(64))
    author_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


def _day_of(context: Any) -> date:
    """The business day on which a run starts."""
    return business_day(context.get_current_parameters()["started_at"], settings().shop_timezone)


class Run(Model):
    """One answer of the assistant.

    `active_in` holds the conversation's id while the run lives and NULL afterwards: its unique key is what
    allows only one active run per conversation. `agent_version_id` is NULL for the model of the settings and
    the built-in one. `cost_micros` is in millionths of a yuan; `first_token_ms` and `duration_ms` count from the
    start of the run; `attempts` counts the agents that were asked. `day` is the business day of the start: usage and
    budgets are counted by it, from the indexes alone.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_status_started_at", "status", "started_at"),
        Index("ix_runs_conversation_id_started_at", "conversation_id", "started_at"),
        Index("ix_runs_agent_version_id_started_at", "agent_version_id", "started_at"),
        Index("ix_runs_agent_version_id_day_cost_micros", "agent_version_id", "day", "cost_micros"),
        Index(
            "ix_runs_usage",
            *("day", "agent_version_id", "model", "provider", "status", "attempts"),
            *("prompt_tokens", "completion_tokens", "cost_micros", "first_token_ms", "duration_ms"),
        ),
        Index(
            "ix_runs_spending",
            *("owner", "day", "provider", "active_in", "cost_micros", "prompt_tokens", "completion_tokens"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    owner: Mapped[str] = mapped_column(String(64))
    active_in: Mapped[str | None] = mapped_column(String(32), unique=True)
    status: Mapped[str] = mapped_column(String(12), default="running")
    error_code: Mapped[str] = mapped_column(String(32), default="")
    model: Mapped[str] = mapped_column(String(80), default="")
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    agent_version_id: Mapped[int | None]
    provider: Mapped[str] = mapped_column(String(16), default="")
    cost_micros: Mapped[int] = mapped_column(BigInteger, default=0)
    first_token_ms: Mapped[int | None]
    duration_ms: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    day: Mapped[date] = mapped_column(Date, default=_day_of)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Confirmation(Model):
    """A tool call that waits for a person's yes.

    Its id never passes through a model. `fingerprint` is a hash of what was shown; when the cart or a price
    has changed since, the confirmation is void.
    """

    __tablename__ = "confirmations"
    __table_args__ = (Index("ix_confirmations_conversation_id_status", "conversation_id", "status"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    run_id: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(64))
    tool_call_id: Mapped[str] = mapped_column(String(64))
    tool_name: Mapped[str] = mapped_column(String(64))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(10), default="pending")
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
