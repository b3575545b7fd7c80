"""The shapes of the assistant's API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.conversations.models import Message
from app.llm.gateway import ModelOptions
from app.web.api import Schema

MAX_CONTENT = 4_000
SESSION_ID = Field(default=None, min_length=1, max_length=32)


class ModelConfig(Schema):
    """What a caller may ask of the model; an address only where LLM_ALLOWED_BASE_URLS allows it."""

    model_name: str | None = Field(default=None, max_length=80)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1, le=32_000)
    api_key: str | None = Field(default=None, max_length=400)
    base_url: str | None = Field(default=None, max_length=400)

    def options(self) -> ModelOptions:
        return ModelOptions(**self.model_dump())


class StreamBody(Schema):
    """A message to the assistant. `client_message_id` makes a repeated request harmless."""

    session_id: str | None = SESSION_ID
    content: str = Field(min_length=1, max_length=MAX_CONTENT)
    # pydantic keeps the name model_config for itself.
    wanted: ModelConfig | None = Field(default=None, alias="model_config")
    client_message_id: str | None = Field(default=None, min_length=1, max_length=64)


class ChatBody(Schema):
    """A message that is answered at once."""

    session_id: str | None = SESSION_ID
    text: str = Field(min_length=1, max_length=MAX_CONTENT)
    client_message_id: str | None = Field(default=None, min_length=1, max_length=64)


class ActionBody(BaseModel):
    """A tool call that the assistant made."""

    tool_name: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    status: str


class ReplyBody(BaseModel):
    """The assistant's answer; `cart` has the form of GET /api/cart."""

    reply: str
    actions: list[ActionBody]
    cart: list[Any]
    session_id: str
    run_id: str
    confirmation_id: str | None = None


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
    """How many conversations."""

    limit: int = Field(default=50, ge=1, le=200)


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
