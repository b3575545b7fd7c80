"""Agents (an admin's configurations of models), their versions, and what customers thought of the answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.db import Model, UtcDateTime


class Agent(Model):
    """A configuration under one name. Of those for one purpose the enabled one with the lowest priority answers.

    `purpose` is shop, welcome, operations or consultant. `monthly_budget_cents` is NULL without a limit.
    `deleted_at` keeps the row for the runs that name its versions.
    """

    __tablename__ = "agents"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    purpose: Mapped[str] = mapped_column(String(16), index=True)
    priority: Mapped[int] = mapped_column(default=100)
    enabled: Mapped[bool] = mapped_column(default=True)
    monthly_budget_cents: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    versions: Mapped[list[AgentVersion]] = relationship(
        back_populates="agent", order_by="AgentVersion.number", cascade="all, delete-orphan"
    )


class AgentVersion(Model):
    """One immutable version of an agent; only `weight`, its share of the traffic, ever changes.

    `provider` is openai, dify or builtin. `sealed_key` is the sealed API key. `app_id` names a Dify application.
    `tools` lists tool names and categories the model may use, NULL all that the customer may. `weight` 0 gets
    no traffic.
    """

    __tablename__ = "agent_versions"
    __table_args__ = (UniqueConstraint("agent_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    number: Mapped[int]
    provider: Mapped[str] = mapped_column(String(16))
    base_url: Mapped[str] = mapped_column(String(400), default="")
    model: Mapped[str] = mapped_column(String(80), default="")
    app_id: Mapped[str] = mapped_column(String(80), default="")
    sealed_key: Mapped[str] = mapped_column(Text, default="")
    system_prompt: Mapped[str] = mapped_column(Text, default="")
    temperature: Mapped[float | None]
    max_tokens: Mapped[int | None]
    tools: Mapped[list[str] | None] = mapped_column(JSON)
    weight: Mapped[int] = mapped_column(default=100)
    note: Mapped[str] = mapped_column(String(200), default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    agent: Mapped[Agent] = relationship(back_populates="versions")

    def settings(self) -> dict[str, Any]:
        """Everything of a version but its number, share and dates: what a new one is made from."""
        names = (
            "provider", "base_url", "model", "app_id", "sealed_key", "system_prompt", "temperature", "max_tokens", "tools",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


class Rating(Model):
    """What a customer thought of a conversation: `score` 1 to 5, `thumb` 1 or -1, a comment; one each."""

    __tablename__ = "ratings"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), unique=True
    )
    agent_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("agent_versions.id", ondelete="SET NULL"), index=True
    )
    score: Mapped[int | None]
    thumb: Mapped[int | None]
    comment: Mapped[str] = mapped_column(String(1000), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
