"""Words that name a whole category, and the category where a kind of product stands."""

from __future__ import annotations

from dataclasses import replace

from app.language.concepts import analyse
from app.llm.builtin.intents import Item


def category_of(text: str) -> int | None:
    """The category that is named (护肤品, devices, gift sets), when no product type is."""
    query = analyse(text)
    if not all(concept.is_shelf for concept in query.of_kind("product")):
        return None
    has_need = bool(query.of_kind("concern"))
    named = (
        c for c in query.concepts if c.is_shelf or (c.kind == "category" and not (c.is_weak and has_need))
    )
    return next((concept.category_ids[0] for concept in named), None)


def shelf_of(phrase: str) -> int | None:
    """The one category where the product types of ``phrase`` stand: the cheapest face mask is no foot mask."""
    ids = {number for concept in analyse(phrase).of_kind("product") for number in concept.category_ids}
    return ids.pop() if len(ids) == 1 else None


def on_shelf(item: Item) -> Item:
    """ "Gift sets" and nothing more names a whole category: all that stands there is meant, whatever it is called."""
    query = analyse(item.phrase)
    names_shelf_alone = all(concept.is_shelf for concept in query.concepts) and not query.free_tokens
    if item.category_id is not None and names_shelf_alone:
        return replace(item, phrase="")
    return (
        replace(item, category_id=shelf_of(item.phrase))
        if item.extreme and item.category_id is None
        else item
    )
