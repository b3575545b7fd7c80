"""Orders in words, for pages: the way of an order, its sums, the pictures of its lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from flask_babel import gettext
from sqlalchemy import select

from app.catalogue.models import Product
from app.core.clock import now
from app.core.errors import N_
from app.coupons.models import Coupon, CustomerCoupon
from app.db import db
from app.orders.models import Order, OrderItem
from app.orders.states import LABELS, REASONS, Action, Status, can
from app.web.i18n import current_locale, show_datetime

CHANNELS = {
    "online": N_("Pick up in the store"),
    "delivery": N_("Delivery"),
    "offline": N_("Bought in the store"),
}
# The way of an order: what a step is called once reached, and while it is the next one.
WAY = (
    (Status.PENDING, N_("Placed"), N_("Placed")),
    (Status.PAID, N_("Paid"), N_("Waiting for payment")),
    (Status.SHIPPED, N_("Shipped"), N_("Being prepared")),
    (Status.COMPLETED, N_("Completed"), N_("On its way")),
)
READY_IN_STORE = N_("Ready for pick-up")


class Step(NamedTuple):
    """One step for `ui.timeline`."""

    label: str
    time: str
    state: str


class Row(NamedTuple):
    """A line of an order with its product's picture, as `ui.product_row` reads it."""

    item: OrderItem
    sku: str
    name: str
    image_url: str
    category_id: int | None


def status_label(status: str) -> str:
    """The status in the reader's language."""
    return str(gettext(LABELS[Status(status)]))


def cancel_reason(order: Order, *, for_staff: bool = False) -> str:
    """Why it was cancelled, in the reader's language; what somebody typed stays as it is."""
    reason = order.cancel_reason
    if for_staff and reason == "customer":
        return str(gettext("Cancelled by the customer"))
    return str(gettext(REASONS[reason])) if reason in REASONS else reason


def is_payable(order: Order) -> bool:
    """True while it waits for payment and its time is not over."""
    return can(Action.PAY, order.status) and order.expires_at is not None and order.expires_at > now()


def timeline(order: Order) -> list[Step]:
    """The steps an order has taken, and those to come."""
    if order.status in (Status.CANCELLED, Status.REFUNDED):
        return _ended(order)
    reached = [status for status, _, _ in WAY].index(Status(order.status))
    times = {
        0: show_datetime(order.created_at),
        1: show_datetime(order.paid_at),
        3: show_datetime(order.closed_at),
    }
    steps = []
    for number, (step, done, next_) in enumerate(WAY):
        state = "done" if number <= reached else "now" if number == reached + 1 else "todo"
        text = next_ if state == "now" else done
        if state == "now" and step is Status.COMPLETED and order.channel == "online":
            text = READY_IN_STORE
        label = gettext(text)
        steps.append(Step(label, times.get(number, "") if state == "done" else "", state))
    return steps


def _ended(order: Order) -> list[Step]:
    steps = [Step(gettext("Placed"), show_datetime(order.created_at), "done")]
    if order.paid_at:
        steps.append(Step(gettext("Paid"), show_datetime(order.paid_at), "done"))
    return [*steps, Step(status_label(order.status), show_datetime(order.closed_at), "stopped")]


def coupon_title(order: Order) -> str:
    """The coupon's name in the reader's language; empty without one."""
    if order.customer_coupon_id is None or current_locale() != "en":
        return order.coupon_name
    statement = select(Coupon.name_en).join(CustomerCoupon, CustomerCoupon.coupon_id == Coupon.id)
    return (
        db.session.scalar(statement.where(CustomerCoupon.id == order.customer_coupon_id)) or order.coupon_name
    )


def rows_of(orders: Iterable[Order]) -> dict[int, list[Row]]:
    """The lines of orders by order id, with pictures. One statement."""
    orders, locale = list(orders), current_locale()
    pictures = _pictures({item.sku for order in orders for item in order.items})
    return {
        order.id: [
            Row(item, item.sku, item.title(locale), *pictures.get(item.sku, ("", None)))
            for item in order.items
        ]
        for order in orders
    }


def _pictures(skus: set[str]) -> dict[str, tuple[str, int]]:
    if not skus:
        return {}
    columns = select(Product.sku, Product.image_url, Product.category_id).where(Product.sku.in_(skus))
    return {sku: (image_url, category_id) for sku, image_url, category_id in db.session.execute(columns)}
