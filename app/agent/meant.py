"""Which products and coupons a customer's words can mean: named by them, in the list that they saw, or pointed at."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import cast

from app.agent.heard import Heard
from app.agent.wishes import Want
from app.cart.queries import get_cart
from app.catalogue.filters import MAX_LIMIT, MAX_QUERY, ProductFilter, Sort
from app.catalogue.queries import ProductView, find_products
from app.core.actor import Actor
from app.core.errors import NotFound
from app.coupons.queries import find_by_code
from app.language.concepts import analyse
from app.language.normalise import normalise
from app.language.ranking import product_text, tier
from app.llm.builtin.intents import SORTS, Item
from app.llm.builtin.shelves import on_shelf

BY_NAME = 3
NEAR_EXTREME = 3
_NOISE = re.compile(r"[\W_]|元|块|yuan|rmb")


@dataclass(frozen=True, slots=True)
class Meant:
    """Tells for one conversation what its wishes are about."""

    actor: Actor
    heard: Heard

    def pieces(self) -> dict[str, int]:
        """The cart now: pieces by SKU."""
        return {line.sku: line.quantity for line in get_cart(self.actor).lines}

    def is_meant(self, want: Want, product: ProductView) -> bool:
        """True when the wish is about the product."""
        if want.deed == "clear":
            return True
        if want.deed == "order":
            # "Buy it", with nothing in the cart, is first to be put there.
            return not self.pieces() and self._is_pointed_at(want, product)
        is_it = any(self._is_item(want, item, product) for item in (want.item, *want.also))
        return not is_it if want.deed == "keep" else is_it

    def _is_item(self, want: Want, item: Item, product: ProductView) -> bool:
        if not _is_in_price(item, product):
            return False
        if _says(want.text, product.sku) or item.sku == product.sku:
            return True
        if item.sku:
            return False
        if item.ordinal:
            return self._nth(item.ordinal) == product.sku
        if item.extreme and (item.phrase or item.category_id is not None):
            return self._is_extreme(on_shelf(item), product)
        if item.category_id is not None and item.category_id == product.category_id:
            return True
        found = self._by_words(item.phrase, product) if item.phrase else None
        return self._is_pointed_at(want, product) if found is None else found

    def _by_words(self, phrase: str, product: ProductView) -> bool | None:
        """Whether the words mean this product; None when they mean nothing that the shop knows.

        Its description counts only among products that the customer has seen: it might claim anything.
        """
        terms = analyse(phrase)
        if not terms.concepts and not terms.free_tokens:
            return None
        names = {"sku": product.sku, "name_zh": product.name, "name_en": product.name_en}
        if tier(terms, product_text(names)) == BY_NAME:
            return True
        about = {"description_zh": product.description, "description_en": product.description_en}
        if product.sku in self.heard.shown and tier(terms, product_text({**names, **about})):
            return True
        # A description can be written to lie near to anything, so likeness proves nothing here.
        found = find_products(
            ProductFilter(q=phrase[:MAX_QUERY], best_only=True, words_only=True, limit=MAX_LIMIT)
        ).items
        return any(hit.sku == product.sku for hit in found) if found else None

    def _is_extreme(self, item: Item, product: ProductView) -> bool:
        """One of the first few that the shop lists for "the cheapest sunscreen": the very first may be sold out."""
        asked = ProductFilter(
            q=item.phrase[:MAX_QUERY],
            category_id=item.category_id,
            sort=cast(Sort, SORTS[item.extreme or "best_selling"]),
            best_only=True,
            words_only=True,
            limit=NEAR_EXTREME,
        )
        return any(hit.sku == product.sku for hit in find_products(asked).items)

    def _is_pointed_at(self, want: Want, product: ProductView) -> bool:
        """ "It": what else the message names, else what was shown, just changed, or lies alone in the cart."""
        if want.named:
            return any(self._is_item(replace(want, named=()), item, product) for item in want.named)
        pieces = self.pieces()
        return product.sku in {
            *self.heard.shown,
            *self.heard.touched,
            *(pieces if len(pieces) == 1 else ()),
        }

    def _nth(self, ordinal: int) -> str | None:
        shown = self.heard.shown
        place = ordinal - 1 if ordinal > 0 else len(shown) + ordinal
        return shown[place] if 0 <= place < len(shown) else None


def is_coupon(want: Want, code: str) -> bool:
    """A code or a name that was said; any when none was ("claim it", "the best one")."""
    if want.coupon in (None, "best") or code.casefold() in want.text:
        return True
    try:
        coupon = find_by_code(code)
    except NotFound:
        return False
    wanted = _bare(str(want.coupon))
    return any(wanted in _bare(name) for name in (code, coupon.name, coupon.name_en))


def _bare(name: str) -> str:
    """A coupon's name without signs and currencies: ¥20 off ¥200 and 20 off 200 are the same."""
    return _NOISE.sub("", normalise(name))


def _says(text: str, sku: str) -> bool:
    """True when the SKU itself was said."""
    return len(sku) > 1 and f" {normalise(sku)} " in f" {text} "


def _is_in_price(item: Item, product: ProductView) -> bool:
    if item.price is None:
        return True
    low, high = item.price.min_cents, item.price.max_cents
    return (low is None or product.price_cents >= low) and (high is None or product.price_cents <= high)
