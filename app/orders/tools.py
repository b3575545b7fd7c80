"""What agents may do with orders. Placing and cancelling wait for the customer's yes."""

from __future__ import annotations

from typing import Any

from flask_babel import force_locale, gettext
from pydantic import Field

from app.core.actor import Actor, Role
from app.core.money import yuan
from app.orders import queries, service
from app.orders.models import Order
from app.orders.placing import PlaceOrder
from app.orders.quoting import Quote, quote
from app.orders.schemas import order_out
from app.orders.states import LABELS, Action, Status, after
from app.tools.spec import Arguments, Summary, ToolSpec, tool

MINE = (Role.CUSTOMER,)


class PlaceArguments(Arguments):
    """Which coupon to use."""

    coupon_code: str | None = Field(
        default=None, max_length=32, description="A code from list_coupons; without it no coupon is used"
    )


class ListArguments(Arguments):
    """How many."""

    limit: int = Field(default=5, ge=1, le=20, description="How many orders, newest first")


class OrderArguments(Arguments):
    """Which order."""

    order_id: int = Field(
        ge=1, le=2**31 - 1, description="The order's number, from list_orders or place_order"
    )


def _preview_order(actor: Actor, arguments: PlaceArguments) -> Summary:
    """What will be bought and paid. Raises what stands in the way: nobody agrees to the impossible."""
    quoted = quote(actor, coupon_code=arguments.coupon_code)
    quoted.require_no_problem()
    with force_locale(actor.locale):
        return _summary(quoted, actor.locale)


def _summary(quoted: Quote, locale: str) -> Summary:
    return {
        "title": gettext("Place this order?"),
        "items": [
            {
                "sku": line.sku,
                "name": line.title(locale),
                "qty": line.quantity,
                "line_total": yuan(line.line_total_cents),
                "line_total_cents": line.line_total_cents,
            }
            for line in quoted.cart.lines
        ],
        "coupon": quoted.offer.title(locale) if quoted.offer else None,
        "discount": yuan(quoted.price.discount_cents),
        "discount_cents": quoted.price.discount_cents,
        "total": yuan(quoted.price.amount_cents),
        "total_cents": quoted.price.amount_cents,
    }


@tool(
    category="order",
    zh="把购物车里的商品下单,可用一张优惠券。先请顾客确认商品、价格和总额,确认后才下单;"
    "之后顾客在 pay_url 付款。",
    en="Order what is in the cart, with one coupon if given. The customer is first asked to agree to items, "
    "prices and total; afterwards they pay at pay_url.",
    arguments=PlaceArguments,
    roles=MINE,
    writes=True,
    confirm=True,
    preview=_preview_order,
)
def place_order(actor: Actor, arguments: PlaceArguments) -> dict[str, Any]:
    order = service.place_order(actor, PlaceOrder(coupon_code=arguments.coupon_code))
    return {"order": _order(order, actor.locale)}


@tool(
    category="order",
    zh="列出顾客最近的订单:编号、状态、金额、商品。",
    en="List the customer's latest orders: number, status, total, items.",
    arguments=ListArguments,
    roles=MINE,
)
def list_orders(actor: Actor, arguments: ListArguments) -> dict[str, Any]:
    page = queries.list_orders(actor, arguments.limit)
    return {"orders": [_order(order, actor.locale) for order in page.items], "total": page.total}


@tool(
    category="order",
    zh="查看顾客自己的一笔订单。",
    en="Show one of the customer's own orders.",
    arguments=OrderArguments,
    roles=MINE,
)
def get_order(actor: Actor, arguments: OrderArguments) -> dict[str, Any]:
    return {"order": _order(queries.get_own_order(actor, arguments.order_id), actor.locale)}


def _preview_cancel(actor: Actor, arguments: OrderArguments) -> Summary:
    """Which order will be given up, and what comes back."""
    order = queries.get_own_order(actor, arguments.order_id)
    after(Action.CANCEL, order.status)
    with force_locale(actor.locale):
        return {
            "title": gettext("Cancel order %(number)s?", number=order.id),
            "order_id": order.id,
            "items": [
                {
                    "sku": item.sku,
                    "name": item.title(actor.locale),
                    "qty": item.qty,
                    "line_total": yuan(item.subtotal_cents),
                    "line_total_cents": item.subtotal_cents,
                }
                for item in order.items
            ],
            "coupon": order.coupon_name or None,
            "discount": yuan(order.discount_cents),
            "discount_cents": order.discount_cents,
            "total": yuan(order.amount_cents),
            "total_cents": order.amount_cents,
        }


@tool(
    category="order",
    zh="取消顾客自己一笔尚未发货的订单;已付款的会全额退回。会先请顾客确认。",
    en="Cancel one of the customer's own orders that was not shipped; what was paid is paid back. "
    "The customer is asked to agree first.",
    arguments=OrderArguments,
    roles=MINE,
    writes=True,
    confirm=True,
    preview=_preview_cancel,
)
def cancel_order(actor: Actor, arguments: OrderArguments) -> dict[str, Any]:
    own = queries.get_own_order(actor, arguments.order_id)
    return {"order": _order(service.cancel(actor, own.id), actor.locale)}


def _order(order: Order, locale: str) -> dict[str, Any]:
    told = order_out(order).model_dump(mode="json")
    with force_locale(locale):
        label = gettext(LABELS[Status(order.status)])
    return {
        "order_id": order.id,
        "status": order.status,
        "status_label": label,
        "total": yuan(order.amount_cents),
        "total_cents": order.amount_cents,
        "discount": yuan(order.discount_cents),
        "discount_cents": order.discount_cents,
        "refunded": yuan(order.refunded_cents),
        "refunded_cents": order.refunded_cents,
        "created_at": told["created_at"],
        "pay_url": told["pay_url"],
        "items": [
            {
                "sku": item.sku,
                "name": item.title(locale),
                "name_zh": item.name,
                "name_en": item.name_en,
                "quantity": item.qty,
                "price": yuan(item.price_cents),
                "price_cents": item.price_cents,
            }
            for item in order.items
        ],
    }


TOOLS: tuple[ToolSpec, ...] = (place_order, list_orders, get_order, cancel_order)
