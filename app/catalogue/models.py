"""Categories and products."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.db import Cents, Model, UtcDateTime


class Category(Model):
    """A shelf of the shop; `id` also chooses its pastel (tint)."""

    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    name_en: Mapped[str] = mapped_column(String(60))


class Product(Model):
    """Something one can buy. A retired product cannot be found or bought, but old orders still name it."""

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        CheckConstraint("price_cents >= 0", name="price_not_negative"),
        # One index per order of the list; the SKU breaks ties, so no page needs a sort.
        Index(
            "ix_products_is_retired_category_id_price_cents",
            "is_retired",
            "category_id",
            "price_cents",
            "sku",
        ),
        Index("ix_products_is_retired_price_cents", "is_retired", "price_cents", "sku"),
        Index("ix_products_is_retired_units_sold", "is_retired", "units_sold", "sku"),
        Index("ix_products_is_retired_created_at", "is_retired", "created_at", "sku"),
    )

    sku: Mapped[str] = mapped_column(String(32), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"))
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    description_en: Mapped[str] = mapped_column(Text, default="")
    price_cents: Mapped[Cents]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2), Computed("price_cents / 100.0", persisted=False))
    stock: Mapped[int] = mapped_column(default=0)
    units_sold: Mapped[int] = mapped_column(default=0)
    image_url: Mapped[str] = mapped_column(String(200), default="")
    is_retired: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)

    category: Mapped[Category] = relationship(lazy="joined", innerjoin=True)

    def title(self, locale: str) -> str:
        """The name in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name

    def text(self, locale: str) -> str:
        """The description in the reader's language."""
        return self.description_en if locale == "en" and self.description_en else self.description
