"""What is in a cart; a cart itself is just its owner's rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalogue.models import Product
from app.core.clock import now
from app.db import Cents, Model, UtcDateTime


class CartItem(Model):
    """One SKU in a cart; `owner` is Actor.subject.

    `price_seen_cents` is the price when the customer last agreed to it.
    """

    __tablename__ = "cart_items"
    __table_args__ = (
        UniqueConstraint("owner", "sku"),
        CheckConstraint("quantity >= 1", name="quantity_positive"),
        Index("ix_cart_items_updated_at", "updated_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"))
    quantity: Mapped[int]
    price_seen_cents: Mapped[Cents]
    added_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)

    product: Mapped[Product] = relationship(lazy="joined", innerjoin=True)
