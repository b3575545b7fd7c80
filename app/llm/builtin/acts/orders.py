"""Placing, following and cancelling orders."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from app.llm.builtin.acts.buying import add
from app.llm.builtin.acts.coupons import usable_code
from app.llm.builtin.desk import Act, Call, Desk, Result, error_of
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.replies import has_reply, yuan

_OPEN = ("PENDING", "PAID")


def place_order(desk: Desk, intent: Intent) -> Act:
    """Order the cart, with the coupon that was asked for; the customer confirms before it counts."""
    if not desk.can("place_order"):
        return
    if _means_the_product(desk, intent):
        yield from add(desk, replace(intent, name="add", items=(Item(pronoun=True),)))
        return
    arguments: dict[str, Any] = {}
    if intent.coupon:
        code = yield from usable_code(desk, intent.coupon)
        if code is None:
            return
        arguments["coupon_code"] = code
    (result,) = yield [Call("place_order", arguments)]
    comment_on_order(desk, "place_order", result)


_BUY_IT = re.compile(
    r"^(?:[a-z']+ ){0,3}(?:buy|order|purchase) (?:it|this|that)(?: one)?(?: (?:please|now))?$"
)


def _means_the_product(desk: Desk, intent: Intent) -> bool:
    """ "Buy it" right after a product was talked of that is not in the cart yet."""
    focus, touched = desk.memory.focus, desk.memory.touched
    is_new = focus is not None and (touched is None or touched.sku != focus.sku)
    return is_new and bool(_BUY_IT.match(intent.text))


def comment_on_order(desk: Desk, tool: str, result: Result) -> None:
    """Say what became of place_order or cancel_order: to be confirmed, done, declined or failed."""
    status = result.get("status")
    if status == "confirmation_required":
        _ask_to_confirm(desk, tool, result.get("summary") or {})
    elif status in ("denied", "cancelled", "expired") and "order" not in result:
        desk.say("order_denied" if tool == "place_order" else "cancel_denied")
    elif (error_of(result) or {}).get("code") == "CART_EMPTY":
        desk.say("order_empty")
    elif (error_of(result) or {}).get("code") == "NOT_FOUND" and tool != "place_order":
        desk.say("order_unknown")
    elif not desk.fail(result):
        _done(desk, tool, result.get("order") or {})


def _done(desk: Desk, tool: str, order: dict[str, Any]) -> None:
    number, total = order.get("order_id"), yuan(int(order.get("total_cents") or 0))
    if tool == "cancel_order":
        desk.say("order_cancelled", id=number)
        return
    desk.memory.touched = None
    if order.get("pay_url"):
        desk.say("order_placed", id=number, total=total, url=order["pay_url"])
    else:
        desk.say("order_placed_plain", id=number, total=total)


def _ask_to_confirm(desk: Desk, tool: str, summary: dict[str, Any]) -> None:
    if tool == "cancel_order":
        desk.say("confirm_cancel", title=_title(desk, summary))
        return
    items = summary.get("items") or []
    if not items:
        desk.say("confirm_order_plain")
        return
    lines = desk.join(
        [desk.phrase("added_line", name=item.get("name"), qty=item.get("qty")) for item in items]
    )
    coupon = ""
    if summary.get("coupon") and summary.get("discount"):
        name = summary["coupon"]
        coupon = desk.phrase(
            "confirm_coupon",
            coupon=name.get("name") if isinstance(name, dict) else name,
            discount=_money(summary["discount"]),
        )
    desk.say("confirm_order", lines=lines, coupon=coupon, total=_money(summary.get("total")))


def _title(desk: Desk, summary: dict[str, Any]) -> str:
    number = summary.get("order_id")
    title = desk.phrase("order_title", id=number) if number else str(summary.get("title") or "")
    return f" {title} " if desk.language == "zh" and title[:1].isascii() else title


def _money(value: object) -> str:
    """¥258 from "258.00", 25800 cents stay with ``yuan``."""
    text = str(value or "0").replace("¥", "").replace(",", "").strip()
    try:
        return yuan(round(float(text) * 100))
    except ValueError:
        return text


def order_status(desk: Desk, intent: Intent) -> Act:
    """One order by its number, or the latest ones."""
    if not desk.can("list_orders"):
        return
    if intent.order_id is not None:
        (result,) = yield [Call("get_order", {"order_id": intent.order_id})]
        orders = [result["order"]] if isinstance(result.get("order"), dict) else []
        if not orders:
            desk.say("order_unknown")
            return
    else:
        (result,) = yield [Call("list_orders")]
        if desk.fail(result):
            return
        orders = [order for order in result.get("orders") or [] if isinstance(order, dict)]
    _tell_orders(desk, orders)


def _tell_orders(desk: Desk, orders: list[dict[str, Any]]) -> None:
    if not orders:
        desk.say("orders_none")
        return
    if len(orders) == 1:
        desk.say("order_one", **_order_slots(desk, orders[0]))
        if orders[0].get("status") == "PENDING":
            url = orders[0].get("pay_url") or f"/orders/{orders[0].get('order_id')}/pay"
            desk.say("order_pay", url=url)
        return
    desk.say(
        "orders",
        lines="\n".join(desk.phrase("order_line", **_order_slots(desk, order)) for order in orders[:5]),
    )


def _order_slots(desk: Desk, order: dict[str, Any]) -> dict[str, object]:
    items = [
        f"{item.get('name') or item.get('sku')} × {item.get('quantity')}" for item in order.get("items") or []
    ]
    return {
        "id": order.get("order_id"),
        "status": _status(desk, order),
        "total": yuan(int(order.get("total_cents") or 0)),
        "items": desk.join(items),
    }


def _status(desk: Desk, order: dict[str, Any]) -> str:
    key = f"status_{order.get('status')}"
    return (
        desk.phrase(key)
        if has_reply(desk.language, key)
        else str(order.get("status_label") or order.get("status"))
    )


def cancel_order(desk: Desk, intent: Intent) -> Act:
    """Cancel the order with that number, else the latest that can still be cancelled; the customer confirms."""
    if not desk.can("cancel_order"):
        return
    number: object = intent.order_id
    if number is None:
        (result,) = yield [Call("list_orders")]
        if desk.fail(result):
            return
        still_open = [order for order in result.get("orders") or [] if order.get("status") in _OPEN]
        if not still_open:
            desk.say("cancel_none")
            return
        number = still_open[0].get("order_id")
    (result,) = yield [Call("cancel_order", {"order_id": number})]
    comment_on_order(desk, "cancel_order", result)


ACTS = {
    "place_order": place_order,
    "order_status": order_status,
    "cancel_order": cancel_order,
}
