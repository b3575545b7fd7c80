"""Orders, their lines, payments, refunds, and the record of idempotency keys."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Computed, ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.db import Cents, Model, UtcDateTime


class Order(Model):
    """An order.

    `amount_cents` is what the customer owes: original amount less the coupon's and the points' discount.
    `credit_used_cents` of it is paid from store credit, the rest through the payment provider. `pay_status`
    is NULL while nothing was tried, 0 after a failed payment, 1 once paid (and it stays 1 after a refund).
    `paid_on` is the business day (shop's zone). `points_awarded` is what the payment earns, known from the
    start. Each line keeps its own share of the discount.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_pay_status_paid_on_store_id", "pay_status", "paid_on", "store_id"),
        Index("ix_orders_member_id_pay_status_paid_on", "member_id", "pay_status", "paid_on"),
        Index("ix_orders_user_id_id", "user_id", "id"),
        Index("ix_orders_status_expires_at", "status", "expires_at"),
        # Payment success by day, store, channel and member without looking at the rows themselves.
        Index("ix_orders_created_at", "created_at", "pay_status", "member_id", "store_id", "channel"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    status: Mapped[str] = mapped_column(String(12), default="PENDING")
    pay_status: Mapped[int | None]
    channel: Mapped[str] = mapped_column(String(10), default="online")
    original_amount_cents: Mapped[Cents]
    original_amount: Mapped[Decimal] = mapped_column(
        Numeric(14, 2), Computed("original_amount_cents / 100.0", persisted=False)
    )
    amount_cents: Mapped[Cents]
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2), Computed("amount_cents / 100.0", persisted=False))
    coupon_discount_cents: Mapped[Cents] = mapped_column(default=0)
    points_used: Mapped[int] = mapped_column(default=0)
    points_discount_cents: Mapped[Cents] = mapped_column(default=0)
    points_awarded: Mapped[int] = mapped_column(default=0)
    credit_used_cents: Mapped[Cents] = mapped_column(default=0)
    refunded_cents: Mapped[Cents] = mapped_column(default=0)
    customer_coupon_id: Mapped[int | None] = mapped_column(ForeignKey("customer_coupons.id"))
    coupon_name: Mapped[str] = mapped_column(String(80), default="")
    contact: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    cancel_reason: Mapped[str] = mapped_column(String(40), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_on: Mapped[date | None]
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    items: Mapped[list[OrderItem]] = relationship(
        back_populates="order", order_by="OrderItem.id", lazy="selectin", cascade="all, delete-orphan"
    )

    @property
    def discount_cents(self) -> int:
        return self.original_amount_cents - self.amount_cents

    @property
    def due_cents(self) -> int:
        """What the payment provider is asked for."""
        return self.amount_cents - self.credit_used_cents


class OrderItem(Model):
    """One line: names and price as they were, and the line's own share of the order's discount."""

    __tablename__ = "order_items"
    __table_args__ = (Index("ix_order_items_sku", "sku"), Index("ix_order_items_order_id", "order_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    sku: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120), default="")
    category: Mapped[str] = mapped_column(String(40))
    qty: Mapped[int]
    price_cents: Mapped[Cents]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2), Computed("price_cents / 100.0", persisted=False))
    discount_cents: Mapped[Cents] = mapped_column(default=0)
    refunded_qty: Mapped[int] = mapped_column(default=0)
    refunded_cents: Mapped[Cents] = mapped_column(default=0)

    order: Mapped[Order] = relationship(back_populates="items")

    def title(self, locale: str) -> str:
        """The product's name as it was, in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name

    @property
    def subtotal_cents(self) -> int:
        return self.qty * self.price_cents

    @property
    def paid_cents(self) -> int:
        """The line's amount after its share of the discount."""
        return self.subtotal_cents - self.discount_cents


class Payment(Model):
    """One attempt to pay through a provider."""

    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(64), unique=True)
    status: Mapped[str] = mapped_column(String(10))
    amount_cents: Mapped[Cents]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Refund(Model):
    """Money paid back: `credit_cents` to the store credit, `provider_cents` through the provider."""

    __tablename__ = "refunds"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    amount_cents: Mapped[Cents]
    credit_cents: Mapped[Cents]
    provider_cents: Mapped[Cents]
    points_returned: Mapped[int] = mapped_column(default=0)
    points_taken: Mapped[int] = mapped_column(default=0)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    refunded_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class IdempotencyRecord(Model):
    """The stored answer to a request that carried an Idempotency-Key."""

    __tablename__ = "idempotency_records"
    __table_args__ = (UniqueConstraint("owner", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(128))
    request_hash: Mapped[str] = mapped_column(String(64))
    order_id: Mapped[int | None]
    response: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
