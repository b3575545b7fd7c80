"""Looking at the cart and changing what is in it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from app.language.concepts import analyse
from app.llm.builtin.acts.buying import add, pick, put_in, say_total
from app.llm.builtin.acts.finding import kind_of
from app.llm.builtin.desk import Act, Call, Desk, Result, error_of, products_in, search_call
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.lookup import in_cart, look_up
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


def cart_lines(result: Result) -> list[Product]:
    """The cart's lines as products, with their quantities."""
    return [Product.read(row) for row in _cart(result).get("items") or [] if isinstance(row, dict)]


def clear(desk: Desk, intent: Intent) -> Act:
    """Empty the cart."""
    if not desk.can("clear_cart"):
        return
    (result,) = yield [Call("clear_cart")]
    if not desk.fail(result):
        desk.say("cleared")
        desk.memory.touched = None


Line = Generator[list[Call], list[Result], Product | None]


def _line(desk: Desk, intent: Intent) -> Line:
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
        return _named_line(desk, lines, intent.items[0])
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


def _named_line(desk: Desk, lines: Sequence[Product], item: Item) -> Product | None:
    choice = in_cart(lines, item)
    if choice.kind == "one":
        return choice.best
    if choice.kind == "many":
        desk.say("choose_for", q=item.phrase)
        desk.rows(choice.products, numbered=True)
    else:
        desk.say("not_in_cart", q=item.phrase) if item.phrase else desk.say("not_in_cart_plain")
    return None


def set_quantity(desk: Desk, intent: Intent) -> Act:
    """ "Make it four": what was last put in, or the line that was named."""
    if not desk.can("update_cart"):
        return
    if (
        desk.pending
        and not intent.items
        and (yield from pick(desk, replace(intent, items=(Item(qty=intent.qty),))))
    ):
        return
    line = desk.memory.touched if not intent.items else None
    if line is None:
        if intent.items and intent.qty and (yield from _is_new(intent)):
            yield from add(
                desk, replace(intent, name="add", items=(replace(intent.items[0], qty=intent.qty),))
            )
            return
        line = yield from _line(desk, intent)
    if line is None:
        return
    if intent.qty is None or intent.qty < 0:
        desk.say("set_to_what", name=desk.name(line))
        return
    yield from _change(desk, line, intent.qty)


def _is_new(intent: Intent) -> Generator[list[Call], list[Result], bool]:
    """Whether the named product is not in the cart yet, so that "make it three shampoos" adds them."""
    (result,) = yield [Call("view_cart")]
    item = intent.items[0]
    known = bool(item.sku) or bool(item.phrase and analyse(item.phrase).of_kind("product"))
    return known and error_of(result) is None and in_cart(cart_lines(result), item).kind == "none"


def _change(desk: Desk, line: Product, qty: int) -> Act:
    if qty == 0:
        yield from _take_out(desk, [line])
        return
    (result,) = yield [Call("update_cart", {"sku": line.sku, "qty": qty})]
    if _short_of_stock(desk, line, result) or desk.fail(result):
        return
    desk.say("set_qty", name=desk.name(line), qty=qty)
    desk.memory.touched = desk.memory.focus = line
    say_total(desk, [result])


def _short_of_stock(desk: Desk, line: Product, result: Result) -> bool:
    error = error_of(result)
    if error is None or error.get("code") != "INSUFFICIENT_STOCK" or line.stock < 0:
        return False
    desk.say("not_enough_update", name=desk.name(line), stock=line.stock)
    return True


def less(desk: Desk, intent: Intent) -> Act:
    """ "One less"."""
    if not desk.can("update_cart"):
        return
    line = yield from _line(desk, intent)
    if line is not None:
        yield from _change(desk, line, max(0, line.qty + (intent.delta or -1)))


def remove(desk: Desk, intent: Intent) -> Act:
    """Take out what was named, or what was last put in."""
    if not desk.can("remove_from_cart"):
        return
    named = [
        item
        for item in intent.items
        if item.phrase or item.sku or item.ordinal or item.relative or item.extreme
    ]
    if any(item.every for item in intent.items) and not named:
        yield from clear(desk, intent)
        return
    if not named:
        yield from _remove_last(desk, intent)
        return
    (result,) = yield [Call("view_cart")]
    lines = cart_lines(result)
    if len(named) == 1 and named[0].pronoun and in_cart(lines, named[0]).kind == "none":
        yield from _remove_last(desk, intent)
        return
    found = [(item, _named_line(desk, lines, item)) for item in named] if lines else []
    if not lines:
        desk.say("cart_empty")
    fewer = [(line, line.qty - item.qty) for item, line in found if line and item.qty and item.qty < line.qty]
    if len(found) == 1 and fewer:
        yield from _change(desk, *fewer[0])
        return
    yield from _take_out(desk, [line for _, line in found if line])


def _remove_last(desk: Desk, intent: Intent) -> Act:
    touched = desk.memory.touched
    if touched is None:
        touched = yield from _line(desk, replace(intent, items=()))
    if touched:
        yield from _take_out(desk, [touched])


def _take_out(desk: Desk, lines: Sequence[Product]) -> Act:
    if not lines:
        return
    results = yield [Call("remove_from_cart", {"sku": line.sku}) for line in lines]
    gone = [line for line, result in zip(lines, results, strict=True) if error_of(result) is None]
    if gone:
        desk.say("removed", names=desk.join([desk.name(line) for line in gone]))
        desk.memory.focus = gone[-1]
        desk.memory.touched = None
    for result in results:
        desk.fail(result)
    _say_rest(desk, results)


def _say_rest(desk: Desk, results: Sequence[Result]) -> None:
    carts = [_cart(result) for result in results if error_of(result) is None and _cart(result)]
    if not carts:
        return
    last = min(carts, key=lambda cart: int(cart.get("count") or 0))
    if last.get("count"):
        desk.say("cart_now", count=last["count"], total=yuan(int(last.get("total_cents") or 0)))
    else:
        desk.say("cart_emptied")


def swap(desk: Desk, intent: Intent) -> Act:
    """One product for another, in the same quantity."""
    if not desk.can("add_to_cart"):
        return
    old = yield from _line(desk, intent)
    if old is None:
        return
    new = yield from _successor(desk, intent, old)
    if new is None or new.sku == old.sku:
        if new is not None:
            desk.say("replace_none")
        return
    if new.stock == 0:
        desk.say("out_of_stock", name=desk.name(new))
        return
    qty = (intent.new.qty if intent.new else None) or old.qty or 1
    yield from _exchange(desk, old, new, qty)


def _exchange(desk: Desk, old: Product, new: Product, qty: int) -> Act:
    """The new one goes in first: when it cannot, the old one stays."""
    (added,) = yield [Call("add_to_cart", {"sku": new.sku, "qty": qty})]
    if desk.fail(added):
        return
    (removed,) = yield [Call("remove_from_cart", {"sku": old.sku})]
    if desk.fail(removed):
        return
    desk.say("replaced", old=desk.name(old), new=desk.name(new), qty=qty)
    desk.memory.touched = desk.memory.focus = new
    say_total(desk, [removed])


def _successor(desk: Desk, intent: Intent, old: Product) -> Line:
    item = intent.new or Item()
    if item.is_empty and not item.pronoun:
        desk.say("replace_what")
        return None
    if item.relative and not item.phrase:
        return (yield from _relative_successor(desk, item, old))
    (found,) = yield from look_up(desk, [item], intent.text)
    if found.choice.kind == "one":
        return found.choice.best
    if found.choice.kind == "none":
        desk.say("not_found", q=item.phrase) if item.phrase else desk.say("replace_what")
        return None
    desk.say("choose_for", q=item.phrase)
    desk.rows(found.choice.products, numbered=True)
    desk.memory.show(found.choice.products)
    return None


def _relative_successor(desk: Desk, item: Item, old: Product) -> Line:
    """The cheaper (or dearer) one: of those on the table, else of the same kind in the shop."""
    cheaper = item.relative == "cheaper"
    others = [product for product in desk.memory.shown if product.sku != old.sku and product.qty == 0]
    if not others:
        kind = kind_of(old)
        (result,) = yield [search_call(Item(phrase=kind, category_id=old.category_id), in_stock=True)]
        others = [product for product in products_in(result) if product.sku != old.sku]
    fitting = [p for p in others if (p.price_cents < old.price_cents) == cheaper and p.stock != 0]
    if not fitting:
        desk.say("replace_none")
        return None
    return sorted(fitting, key=lambda product: product.price_cents, reverse=not cheaper)[0]


def count(desk: Desk, intent: Intent) -> Act:
    """Just a number: the answer to "which one?" or "how many?", or a new quantity for what was last put in."""
    if desk.pending:
        if len(desk.pending.products) > 1 and intent.qty and not _has_measure(intent.text):
            intent = replace(intent, items=(Item(ordinal=intent.qty),))
        if (yield from pick(desk, intent)):
            return
    if desk.memory.touched and desk.memory.focus == desk.memory.touched:
        yield from set_quantity(desk, replace(intent, name="set_qty", items=()))
    elif desk.memory.focus and intent.qty is not None and intent.qty > 0:
        yield from put_in(desk, [(desk.memory.focus, intent.qty)])
    else:
        yield from add(desk, replace(intent, name="add", items=(Item(pronoun=True, qty=intent.qty),)))


def _has_measure(text: str) -> bool:
    return not text.strip().removesuffix(".").isdigit()


ACTS = {
    "view_cart": view_cart,
    "cart_total": view_cart,
    "clear": clear,
    "set_qty": set_quantity,
    "less": less,
    "remove": remove,
    "replace": swap,
    "count": count,
}
