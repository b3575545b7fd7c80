"""The JSON of orders (api.md): what comes in and what goes out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from app.orders.models import Order, OrderItem
from app.orders.payment import provider
from app.orders.states import Status
from app.web.api import Schema

Channel = Literal["offline", "online", "delivery"]
Id = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]


class PlaceBody(Schema):
    """`POST /api/orders`. The customer's own store and default contact stand in for what is not given."""

    coupon_code: Annotated[str, StringConstraints(max_length=32)] | None = None
    store_id: Id | None = None
    channel: Channel = "online"
    contact_id: Id | None = None
    points: int = Field(
        default=0, ge=0, le=10**9, strict=True, description="Points to use; 100 points are one yuan"
    )
    credit_cents: int = Field(
        default=0, ge=0, le=10**12, strict=True, description="Store credit to use, in cents"
    )
    accept_changes: bool = Field(
        default=False, description="Agree to prices that changed since the cart was filled"
    )


class PayBody(Schema):
    outcome: Literal["success", "failure"] = Field(default="success", description="What the sandbox shall do")


class RefundItem(Schema):
    sku: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    quantity: int = Field(ge=1, le=999, strict=True)


class RefundBody(Schema):
    """`POST /api/orders/{id}/refund`. Without `items` everything that is left."""

    items: Annotated[list[RefundItem], Field(min_length=1, max_length=50)] | None = None


class ListQuery(Schema):
    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=100_000)


class OrderLineOut(BaseModel):
    sku: str
    name: str
    name_en: str
    quantity: int
    unit_price: int = Field(description="Price of one piece, in cents")
    discount_cents: int = Field(description="This line's share of the order's discount")
    refunded_quantity: int
    refunded_cents: int


class OrderOut(BaseModel):
    """An order. `total_cents` is what is owed after discounts, `due_cents` what the provider is asked for."""

    order_id: int
    status: Status
    pay_status: int | None
    total_cents: int
    original_cents: int
    discount_cents: int
    coupon_name: str
    points_used: int
    points_earned: int
    credit_used_cents: int
    due_cents: int
    refunded_cents: int
    store_id: int
    channel: str
    created_at: datetime
    expires_at: datetime | None
    paid_at: datetime | None
    pay_url: str | None = Field(description="Where the customer pays, while the order waits for payment")
    items: list[OrderLineOut]


def order_out(order: Order, items: Sequence[OrderItem] | None = None) -> OrderOut:
    """The JSON form of an order; `items` when they are at hand, else they are loaded."""
    return OrderOut(
        order_id=order.id,
        status=Status(order.status),
        pay_status=order.pay_status,
        total_cents=order.amount_cents,
        original_cents=order.original_amount_cents,
        discount_cents=order.discount_cents,
        coupon_name=order.coupon_name,
        points_used=order.points_used,
        points_earned=order.points_awarded,
        credit_used_cents=order.credit_used_cents,
        due_cents=order.due_cents,
        refunded_cents=order.refunded_cents,
        store_id=order.store_id,
        channel=order.channel,
        created_at=order.created_at,
        expires_at=order.expires_at,
        paid_at=order.paid_at,
        pay_url=provider.pay_url(order.id) if order.status == Status.PENDING else None,
        items=[_line_out(item) for item in (order.items if items is None else items)],
    )


def _line_out(item: OrderItem) -> OrderLineOut:
    return OrderLineOut(
        sku=item.sku,
        name=item.name,
        name_en=item.name_en,
        quantity=item.qty,
        unit_price=item.price_cents,
        discount_cents=item.discount_cents,
        refunded_quantity=item.refunded_qty,
        refunded_cents=item.refunded_cents,
    )
