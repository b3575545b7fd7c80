"""How many: "make it four", "one less", "double it", or just a number."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from app.language.concepts import analyse
from app.llm.builtin.acts.buying import add, pick, put_in
from app.llm.builtin.acts.cart import change, line_of
from app.llm.builtin.desk import Act, Call, Desk, Pending, Result, cart_lines, error_of
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.lookup import in_cart


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
    if desk.pending and not intent.items:
        _ask_again(desk, desk.pending, intent)
        return
    line = desk.memory.touched if not intent.items else None
    if line is None:
        if intent.items and intent.qty and (yield from _is_new(intent)):
            yield from add(
                desk, replace(intent, name="add", items=(replace(intent.items[0], qty=intent.qty),))
            )
            return
        line = yield from line_of(desk, intent)
    if line is None:
        return
    if intent.qty is None or intent.qty < 0:
        desk.say("set_to_what", name=desk.name(line))
        return
    yield from change(desk, line, intent.qty)


def _ask_again(desk: Desk, pending: Pending, intent: Intent) -> None:
    """ "Make it four" while "which one?" is still open: the count is kept for the answer."""
    desk.say("choose")
    desk.rows(pending.products, numbered=True)
    desk.memory.pending = replace(pending, qty=intent.qty)


def _is_new(intent: Intent) -> Generator[list[Call], list[Result], bool]:
    """Whether the named product is not in the cart yet, so that "make it three shampoos" adds them."""
    (result,) = yield [Call("view_cart")]
    item = intent.items[0]
    known = bool(item.sku) or bool(item.phrase and analyse(item.phrase).of_kind("product"))
    return known and error_of(result) is None and in_cart(cart_lines(result), item).kind == "none"


def less(desk: Desk, intent: Intent) -> Act:
    """ "One less"."""
    if not desk.can("update_cart"):
        return
    line = yield from line_of(desk, intent)
    if line is not None:
        yield from change(desk, line, max(0, line.qty + (intent.delta or -1)))


def double(desk: Desk, intent: Intent) -> Act:
    """Twice as many of what was last put in, or of the line that is named."""
    if not desk.can("update_cart"):
        return
    line = yield from line_of(desk, intent)
    if line is not None:
        yield from change(desk, line, line.qty * 2)


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


ACTS = {"set_qty": set_quantity, "less": less, "double": double, "count": count}
