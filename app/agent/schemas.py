"""The shapes of the assistant's API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from app.conversations.models import Message
from app.core.errors import N_
from app.llm.gateway import ModelOptions
from app.web.api import Schema

MAX_CONTENT = 4_000
# What a caller may bring along: as much as a long talk, which is then cut to the model's budget.
MAX_TOLD = 200
MAX_TOLD_CONTENT = 16_000
MAX_TOLD_CHARS = 200_000
SESSION_ID = Field(default=None, min_length=1, max_length=32)


class ModelConfig(Schema):
    """What a caller may ask of the model; an address only where LLM_ALLOWED_BASE_URLS allows it."""

    model_name: str | None = Field(default=None, min_length=1, max_length=80)
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1, le=32_000)
    api_key: str | None = Field(default=None, min_length=1, max_length=400)
    base_url: str | None = Field(default=None, min_length=1, max_length=400)

    def options(self) -> ModelOptions:
        return ModelOptions(**self.model_dump())


class Saying(Schema):
    """What every way to say something takes. `client_message_id` makes a repeated request harmless."""

    session_id: str | None = SESSION_ID
    # pydantic keeps the name model_config for itself.
    wanted: ModelConfig | None = Field(default=None, alias="model_config")
    client_message_id: str | None = Field(default=None, min_length=1, max_length=64)

    def options(self) -> ModelOptions:
        """What is asked of the model."""
        return self.wanted.options() if self.wanted is not None else ModelOptions()


class StreamBody(Saying):
    """A message to the assistant."""

    content: str = Field(min_length=1, max_length=MAX_CONTENT)


class ToldBody(Schema):
    """A message that the caller keeps. The shop's own instructions come from nobody else: no system messages."""

    role: Literal["user", "assistant"]
    content: str = Field(min_length=1, max_length=MAX_TOLD_CONTENT)


class DirectBody(Saying):
    """A talk that the caller keeps, oldest message first; the last one is the customer's and is answered."""

    messages: list[ToldBody] = Field(min_length=1, max_length=MAX_TOLD)

    @field_validator("messages")
    @classmethod
    def _check(cls, messages: list[ToldBody]) -> list[ToldBody]:
        if messages[-1].role != "user":
            raise ValueError(N_("The last message must be the customer's."))
        if len(messages[-1].content) > MAX_CONTENT:
            raise ValueError(N_("The last message may have 4000 characters."))
        if sum(len(each.content) for each in messages) > MAX_TOLD_CHARS:
            raise ValueError(N_("The messages may have 200000 characters together."))
        return messages


class ActionBody(BaseModel):
    """A tool call that the assistant made."""

    tool_name: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    status: str


class ReplyBody(BaseModel):
    """The assistant's answer; `cart` has the form of GET /api/cart.

    `answered_by` is "consultant" where a person has taken over: the message is kept for them, there is no run.
    """

    reply: str
    actions: list[ActionBody]
    cart: list[Any]
    session_id: str
    run_id: str | None
    confirmation_id: str | None = None
    answered_by: str = "assistant"


class AbortBody(Schema):
    """Which answer to stop."""

    session_id: str | None = SESSION_ID
    run_id: str | None = SESSION_ID


class AbortedBody(BaseModel):
    """False when there was nothing to stop."""

    aborted: bool


class ConfirmBody(Schema):
    """A person's yes or no."""

    confirmation_id: str = Field(min_length=1, max_length=64)
    approve: bool


class EventsQuery(Schema):
    """From where to replay."""

    after: str | None = Field(default=None, pattern=r"^\d{1,19}(-\d{1,19})?$")


class SessionsQuery(Schema):
    """Which conversations, counted from the newest."""

    limit: int = Field(default=50, ge=1, le=200)
    offset: int = Field(default=0, ge=0, le=10_000)


class MessagesQuery(Schema):
    """The newest messages; `before` is the id of the oldest that one has, to get those that came earlier."""

    limit: int = Field(default=1_000, ge=1, le=1_000)
    before: int | None = Field(default=None, ge=1, le=2**31 - 1)


class SessionBody(BaseModel):
    """A conversation."""

    session_id: str
    title: str
    created_at: datetime
    updated_at: datetime


class CallBody(BaseModel):
    """A tool call of a message."""

    tool_call_id: str
    tool_name: str
    arguments: dict[str, Any]


class MessageBody(BaseModel):
    """A message; `tool_call_id`, `tool_name` and `result` belong to tool messages."""

    id: int
    session_id: str
    run_id: str | None
    role: Literal["user", "assistant", "tool", "consultant", "system"]
    content: str
    status: str
    tool_calls: list[CallBody]
    usage: dict[str, Any] | None
    model: str
    created_at: datetime
    tool_call_id: str | None = None
    tool_name: str | None = None


def message_body(message: Message, calls: Sequence[dict[str, Any]] | None = None) -> MessageBody:
    """A message as the API shows it; `calls` instead of its own (the last message names all of its run's)."""
    own = message.tool_calls if calls is None else calls
    return MessageBody(
        id=message.id,
        session_id=message.conversation_id,
        run_id=message.run_id,
        role=message.role,
        content=message.content,
        status=message.status,
        tool_calls=[
            CallBody(tool_call_id=call["id"], tool_name=call["name"], arguments=call["arguments"])
            for call in own
        ],
        usage=message.usage,
        model=message.model,
        created_at=message.created_at,
        tool_call_id=message.tool_call_id,
        tool_name=message.tool_name,
    )
