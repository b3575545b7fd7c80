"""Coupons and orders."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from app.language.normalise import normalise
from app.llm.builtin.desk import Act, Call, Desk, Result, error_of
from app.llm.builtin.intents import Intent
from app.llm.builtin.replies import has_reply, yuan

_OPEN = ("PENDING", "PAID")


def list_coupons(desk: Desk, intent: Intent) -> Act:
    """All coupons with what each needs, and the best for this cart."""
    if not desk.can("list_coupons"):
        return
    (result,) = yield [Call("list_coupons")]
    if desk.fail(result):
        return
    coupons = _coupons(result)
    if not coupons:
        desk.say("coupons_none")
        return
    desk.say("coupons", lines="\n".join(_coupon_line(desk, coupon) for coupon in coupons[:8]))
    best = next((coupon for coupon in coupons if coupon.get("code") == result.get("best")), None)
    if best:
        desk.say("coupon_best", name=_coupon_name(best))
    desk.memory.coupons = tuple(str(coupon.get("code")) for coupon in coupons)


def _coupons(result: Result) -> list[dict[str, Any]]:
    return [coupon for coupon in result.get("coupons") or [] if isinstance(coupon, dict)]


def _coupon_name(coupon: dict[str, Any]) -> str:
    name, label = str(coupon.get("name") or coupon.get("code")), str(coupon.get("label") or "")
    return f"{name} ({label})" if label and label not in name else name


def _coupon_line(desk: Desk, coupon: dict[str, Any]) -> str:
    return desk.phrase(
        "coupon_line", name=_coupon_name(coupon), code=coupon.get("code"), state=_state(desk, coupon)
    )


def _state(desk: Desk, coupon: dict[str, Any]) -> str:
    status = str(coupon.get("status"))
    if status in ("held", "used"):
        return desk.phrase(f"coupon_{status}")
    if coupon.get("applicable"):
        off = int(coupon.get("discount_cents") or 0)
        return (
            desk.phrase("coupon_applicable", discount=yuan(off))
            if off
            else desk.phrase("coupon_applicable_plain")
        )
    if status == "claimable":
        return desk.phrase("coupon_claimable")
    missing = int(coupon.get("missing_cents") or 0)
    return desk.phrase("coupon_missing", missing=yuan(missing)) if missing else desk.phrase("coupon_claimed")


def _matching(coupons: list[dict[str, Any]], wanted: str) -> dict[str, Any] | None:
    """The coupon a customer names: by code, by its figures (满300减50) or by a part of its name."""
    target = _plain(wanted)
    figures = re.findall(r"\d+(?:\.\d+)?", target)
    for coupon in coupons:
        said = [_plain(str(coupon.get(key) or "")) for key in ("code", "name", "label")]
        if any(target == text or (target and target in text) for text in said):
            return coupon
    for coupon in coupons:
        text = _plain(f"{coupon.get('name')} {coupon.get('label')}")
        if figures and all(figure in re.findall(r"\d+(?:\.\d+)?", text) for figure in figures):
            return coupon
    return None


def _plain(text: str) -> str:
    return re.sub(r"[\s\-_元块]", "", normalise(text))


def claim(desk: Desk, intent: Intent) -> Act:
    """Claim the coupon that was named, or the only ones there are to claim."""
    if not desk.can("claim_coupon"):
        return
    (result,) = yield [Call("list_coupons")]
    if desk.fail(result):
        return
    claimable = [coupon for coupon in _coupons(result) if coupon.get("status") == "claimable"]
    wanted = intent.coupon if intent.coupon != "best" else None
    if wanted:
        named = _matching(_coupons(result), wanted)
        claimable = [named] if named else []
        if not named:
            desk.say("coupon_unknown", q=wanted)
            return
    if not claimable:
        desk.say("claim_none")
        return
    yield from _claim_all(desk, claimable)


def _claim_all(desk: Desk, coupons: list[dict[str, Any]]) -> Act:
    results = yield [Call("claim_coupon", {"code": coupon["code"]}) for coupon in coupons[:5]]
    names = [
        _coupon_name(coupon)
        for coupon, result in zip(coupons, results, strict=False)
        if error_of(result) is None
    ]
    if names:
        desk.say("claimed", name=desk.join(names))
    for result in results:
        desk.fail(result)


def place_order(desk: Desk, intent: Intent) -> Act:
    """Order the cart, with the coupon that was asked for; the customer confirms before it counts."""
    if not desk.can("place_order"):
        return
    arguments: dict[str, Any] = {}
    if intent.coupon:
        code = yield from _usable_code(desk, intent.coupon)
        if code is None:
            return
        arguments["coupon_code"] = code
    (result,) = yield [Call("place_order", arguments)]
    comment_on_order(desk, "place_order", result)


def _usable_code(desk: Desk, wanted: str) -> Generator[list[Call], list[Result], str | None]:
    (result,) = yield [Call("list_coupons")]
    coupons = _coupons(result)
    best = next((c for c in coupons if c.get("code") == result.get("best")), None) or next(
        (c for c in coupons if c.get("applicable")), None
    )
    coupon = best if wanted == "best" else _matching(coupons, wanted)
    if coupon is None:
        desk.say("coupon_none_usable") if wanted == "best" else desk.say("coupon_unknown", q=wanted)
        return None
    if not coupon.get("applicable") and int(coupon.get("missing_cents") or 0) > 0:
        desk.say("coupon_not_usable", name=_coupon_name(coupon), missing=yuan(int(coupon["missing_cents"])))
        return None
    if coupon.get("status") == "claimable":
        (claimed,) = yield [Call("claim_coupon", {"code": coupon["code"]})]
        if desk.fail(claimed):
            return None
    return str(coupon["code"])


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
    "list_coupons": list_coupons,
    "claim": claim,
    "place_order": place_order,
    "order_status": order_status,
    "cancel_order": cancel_order,
}
