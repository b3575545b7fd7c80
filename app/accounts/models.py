"""Users, their login sessions, delivery contacts, wallet and messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.actor import Role, roles_from
from app.core.clock import now
from app.db import Cents, Model, UtcDateTime


class User(Model):
    """A person who can sign in. `points` are pieces, `credit_cents` is store credit."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(50))
    username_key: Mapped[str] = mapped_column(String(100), unique=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(32))
    password_hash: Mapped[str] = mapped_column(String(200))
    role_names: Mapped[str] = mapped_column(String(100), default=Role.CUSTOMER.value)
    is_active: Mapped[bool] = mapped_column(default=True)
    password_changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    locale: Mapped[str] = mapped_column(String(8), default="zh")
    points: Mapped[int] = mapped_column(default=0)
    credit_cents: Mapped[Cents] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)

    @property
    def roles(self) -> frozenset[Role]:
        return roles_from(self.role_names.split())


class LoginSession(Model):
    """One signed-in browser; deleting the row ends it, whatever cookie is presented."""

    __tablename__ = "login_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    user_agent: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeliveryContact(Model):
    """Where and to whom an order is delivered."""

    __tablename__ = "delivery_contacts"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    recipient: Mapped[str] = mapped_column(String(60))
    phone: Mapped[str] = mapped_column(String(32))
    city: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(200))
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class WalletEntry(Model):
    """One movement of the wallet. `kind` is points (pieces) or credit (cents); rows are only added."""

    __tablename__ = "wallet_entries"
    __table_args__ = (Index("ix_wallet_entries_user_id_kind_id", "user_id", "kind", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    delta: Mapped[Cents]
    balance_after: Mapped[Cents]
    reason: Mapped[str] = mapped_column(String(40))
    order_id: Mapped[int | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AccountMessage(Model):
    """What a shop would mail: a template's key and its values, rendered in the reader's language."""

    __tablename__ = "account_messages"
    __table_args__ = (
        UniqueConstraint("user_id", "dedupe_key"),
        Index("ix_account_messages_user_id_id", "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    template: Mapped[str] = mapped_column(String(40))
    values: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    dedupe_key: Mapped[str] = mapped_column(String(80))
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
