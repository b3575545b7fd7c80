"""Looking at the cart and changing what is in it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from app.language.concepts import analyse
from app.llm.builtin.acts.buying import say_total
from app.llm.builtin.desk import Act, Call, Desk, Result, cart_lines, error_of
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.lookup import in_cart
from app.llm.builtin.products import Product
from app.llm.builtin.replies import yuan


def view_cart(desk: Desk, intent: Intent) -> Act:
    """List the cart."""
    if not desk.can("view_cart"):
        return
    (result,) = yield [Call("view_cart")]
    if desk.fail(result):
        return
    cart = _cart(result)
    lines = cart_lines(result)
    if not lines:
        desk.say("cart_empty")
        return
    if intent.name == "cart_total":
        desk.say("cart_total", count=cart.get("count"), total=yuan(int(cart.get("total_cents") or 0)))
        return
    text = [
        desk.phrase("cart_line", name=desk.name(p), qty=p.qty, total=yuan(p.price_cents * p.qty))
        for p in lines
    ]
    desk.say(
        "cart", lines="\n".join(text), count=cart.get("count"), total=yuan(int(cart.get("total_cents") or 0))
    )
    desk.memory.show(lines)


def _cart(result: Result) -> dict[str, Any]:
    cart = result.get("cart")
    return cart if isinstance(cart, dict) else {}


def clear(desk: Desk, intent: Intent) -> Act:
    """Empty the cart."""
    if not desk.can("clear_cart"):
        return
    (result,) = yield [Call("clear_cart")]
    if not desk.fail(result):
        desk.say("cleared")
        desk.memory.touched = None
        desk.memory.undo = ()


def undo(desk: Desk, intent: Intent) -> Act:
    """Take back the last change of the cart; what was in an emptied cart is not known any more."""
    calls = list(desk.memory.undo)
    if not calls:
        desk.say("undo_nothing")
        return
    desk.memory.undo, desk.memory.touched = (), None
    results = yield calls
    if not any(desk.fail(result) for result in results):
        desk.say("undone")
    _say_rest(desk, results)


Line = Generator[list[Call], list[Result], Product | None]


def line_of(desk: Desk, intent: Intent) -> Line:
    """The cart line an intent means, read from the cart; None (and the question in the answer) when unclear."""
    (result,) = yield [Call("view_cart")]
    if desk.fail(result):
        return None
    lines = cart_lines(result)
    if not lines:
        desk.say("cart_empty")
        return None
    touched = desk.memory.touched
    if intent.items and not (touched and _says_nothing(lines, intent.items[0])):
        return named_line(desk, lines, intent.items[0])
    known = [line for line in lines if touched and line.sku == touched.sku] or (
        lines if len(lines) == 1 else []
    )
    if not known:
        desk.say(
            "remove_what" if intent.name == "remove" else "set_what",
            names=desk.join([desk.name(p) for p in lines]),
        )
    return known[0] if known else None


def _says_nothing(lines: Sequence[Product], item: Item) -> bool:
    """Words that name neither a product type nor anything in the cart: the customer still means the last thing."""
    return (
        bool(item.phrase)
        and not item.sku
        and not analyse(item.phrase).required
        and in_cart(lines, item).kind == "none"
    )


def named_line(desk: Desk, lines: Sequence[Product], item: Item) -> Product | None:
    choice = in_cart(lines, item)
    if choice.kind == "one":
        return choice.best
    if choice.kind == "many":
        desk.say("choose_for", q=desk.quote(item.phrase))
        desk.rows(choice.products, numbered=True)
    else:
        desk.say("not_in_cart", q=desk.quote(item.phrase)) if item.phrase else desk.say("not_in_cart_plain")
    return None


def change(desk: Desk, line: Product, qty: int) -> Act:
    if qty == 0:
        yield from take_out(desk, [line])
        return
    (result,) = yield [Call("update_cart", {"sku": line.sku, "qty": qty})]
    if _short_of_stock(desk, line, result) or desk.fail(result):
        return
    desk.say("set_qty", name=desk.name(line), qty=qty)
    if line.qty:
        desk.memory.undo = (Call("update_cart", {"sku": line.sku, "qty": line.qty}),)
    desk.memory.touched = desk.memory.focus = line
    say_total(desk, [result])


def _short_of_stock(desk: Desk, line: Product, result: Result) -> bool:
    error = error_of(result)
    if error is None or error.get("code") != "INSUFFICIENT_STOCK" or line.stock < 0:
        return False
    desk.say("not_enough_update", name=desk.name(line), stock=line.stock)
    return True


def take_out(desk: Desk, lines: Sequence[Product]) -> Act:
    if not lines:
        return
    results = yield [Call("remove_from_cart", {"sku": line.sku}) for line in lines]
    gone = [line for line, result in zip(lines, results, strict=True) if error_of(result) is None]
    if gone:
        desk.say("removed", names=desk.join([desk.name(line) for line in gone]))
        desk.memory.focus = gone[-1]
        desk.memory.touched = None
        desk.memory.undo = tuple(putting_back(line) for line in gone)
    for result in results:
        desk.fail(result)
    _say_rest(desk, results)


def putting_back(line: Product) -> Call:
    return Call("add_to_cart", {"sku": line.sku, "qty": line.qty or 1})


def _say_rest(desk: Desk, results: Sequence[Result]) -> None:
    carts = [_cart(result) for result in results if error_of(result) is None and _cart(result)]
    if not carts:
        return
    last = min(carts, key=lambda cart: int(cart.get("count") or 0))
    if last.get("count"):
        desk.say("cart_now", count=last["count"], total=yuan(int(last.get("total_cents") or 0)))
    else:
        desk.say("cart_emptied")


ACTS = {"view_cart": view_cart, "cart_total": view_cart, "clear": clear, "undo": undo}
