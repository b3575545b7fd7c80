"""Taking out of the cart, and putting something else in its place."""

from __future__ import annotations

from dataclasses import replace

from app.llm.builtin.acts.buying import add, say_total
from app.llm.builtin.acts.cart import Line, change, clear, line_of, named_line, putting_back, take_out
from app.llm.builtin.acts.finding import kind_of
from app.llm.builtin.desk import Act, Call, Desk, cart_lines, products_in, search_call
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.lookup import in_cart, look_up
from app.llm.builtin.products import Product


def keep(desk: Desk, intent: Intent) -> Act:
    """Take out everything but what is named."""
    if not desk.can("remove_from_cart"):
        return
    (result,) = yield [Call("view_cart")]
    lines = cart_lines(result)
    kept = [line for item in intent.items if (line := named_line(desk, lines, item))] if lines else []
    if not lines:
        desk.say("cart_empty")
    if not kept:
        return
    names = desk.join([desk.name(line) for line in kept])
    others = [line for line in lines if line not in kept]
    if not others:
        desk.say("kept_alone", name=names)
        return
    yield from take_out(desk, others)
    desk.memory.touched = desk.memory.focus = kept[-1]


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
    found = [(item, named_line(desk, lines, item)) for item in named] if lines else []
    if not lines:
        desk.say("cart_empty")
    fewer = [(line, line.qty - item.qty) for item, line in found if line and item.qty and item.qty < line.qty]
    if len(found) == 1 and fewer:
        yield from change(desk, *fewer[0])
        return
    yield from take_out(desk, [line for _, line in found if line])


def _remove_last(desk: Desk, intent: Intent) -> Act:
    touched = desk.memory.touched
    if touched is None:
        touched = yield from line_of(desk, replace(intent, items=()))
    if touched:
        yield from take_out(desk, [touched])


def swap(desk: Desk, intent: Intent) -> Act:
    """One product for another, in the same quantity."""
    if not desk.can("add_to_cart"):
        return
    old = yield from line_of(desk, intent)
    if old is None:
        if intent.items and intent.new and not intent.new.is_empty:
            yield from add(desk, Intent("add", intent.text, items=(intent.new,)))
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
    desk.memory.undo = (putting_back(old), Call("remove_from_cart", {"sku": new.sku}))
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
        desk.say("not_found", q=desk.quote(item.phrase)) if item.phrase else desk.say("replace_what")
        return None
    desk.say("choose_for", q=desk.quote(item.phrase))
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


ACTS = {"remove": remove, "keep": keep, "replace": swap}
