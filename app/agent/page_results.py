"""What tool calls mean on a page: their names in words, what was asked, and the things worth showing in an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from app.agent.results import CART_TOOLS, ToolCard
from app.core.errors import N_

MAX_PRODUCTS = 6
MAX_ASKED = 80
# So much of a list line about a coupon, an order or a line of the cart is in its row as well.
SAID_BY_ROW = 80
TITLES = {
    "list_products": N_("Search products"),
    "get_product": N_("Read a product"),
    "list_stores": N_("List stores"),
    "service_info": N_("Read how the shop works"),
    "add_to_cart": N_("Add to cart"),
    "view_cart": N_("Look into the cart"),
    "update_cart": N_("Change a quantity"),
    "remove_from_cart": N_("Take out of the cart"),
    "clear_cart": N_("Empty the cart"),
    "list_coupons": N_("List coupons"),
    "claim_coupon": N_("Claim a coupon"),
    "place_order": N_("Place the order"),
    "list_orders": N_("List orders"),
    "get_order": N_("Read an order"),
    "cancel_order": N_("Cancel an order"),
    "talk_to_consultant": N_("Call a consultant"),
}
# Arguments that say how to look, not what for.
UNSPOKEN = frozenset({"top_k", "sort", "limit"})
# After one of these the products that were looked up on the way are no answer.
DEEDS = CART_TOOLS | {
    "place_order",
    "cancel_order",
    "claim_coupon",
    "list_orders",
    "get_order",
    "list_coupons",
}
Thing = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The things to show below an answer's text; each None or empty when there is nothing of it."""

    products: tuple[Thing, ...] = ()
    cart: Thing | None = None
    coupons: tuple[Thing, ...] = ()
    orders: tuple[Thing, ...] = ()
    stores: tuple[Thing, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.products or self.cart or self.coupons or self.orders or self.stores)


def title_of(name: str) -> str:
    """The tool's name in the reader's words; its own name when we have none."""
    known = TITLES.get(name)
    return gettext(known) if known else name


def asked_of(given: Thing) -> str:
    """The arguments in one short line."""
    spoken = (_say(key, value) for key, value in given.items() if key not in UNSPOKEN)
    line = " · ".join(part for part in spoken if part).replace(" · ×", " ×")
    return line if len(line) <= MAX_ASKED else line[: MAX_ASKED - 1] + "…"


def _say(key: str, value: Any) -> str:
    if value in (None, "", False):
        return ""
    known = _SPOKEN.get(key)
    if known is not None:
        return known(value)
    return key if value is True else str(value)


def _plain(value: Any) -> str:
    """A number without needless zeros; anything else a model may have said, as it is."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)


_SPOKEN: dict[str, Callable[[Any], str]] = {
    "qty": lambda value: f"× {value}",
    "min_price": lambda value: f"≥ ¥{_plain(value)}",
    "max_price": lambda value: f"≤ ¥{_plain(value)}",
    "in_stock": lambda _value: gettext("In stock"),
    "order_id": lambda value: f"#{value}",
}


def results_of(cards: Iterable[ToolCard], text: str, locale: str) -> Results:
    """What the calls brought that a person wants to see, the latest of each kind."""
    done = [card for card in cards if card.status == "ok"]
    has_done = any(card.name in DEEDS for card in done)
    orders = _latest(done, "orders", "order")
    return Results(
        products=() if has_done else tuple(_named(item, locale) for item in _mentioned(done, text)),
        cart=None if orders else _latest_cart(done),
        coupons=_latest(done, "coupons", "coupon"),
        orders=orders,
        stores=_latest(done, "stores"),
    )


def names_of(results: Results) -> dict[str, int]:
    """What list lines of the text need not repeat, in the form of `page_text.Shown`."""
    lines = results.cart.get("items", ()) if results.cart else ()
    orders = [str(order.get("order_id", "")) for order in results.orders]
    return {
        **{name: 0 for product in results.products for name in _names(product)},
        **{name: SAID_BY_ROW for thing in (*lines, *results.coupons) for name in _names(thing)},
        **{f"{word} #{number}": SAID_BY_ROW for number in orders for word in ("订单", "Order")},
    }


def _names(thing: Thing) -> set[str]:
    return {str(thing[key]) for key in ("name", "name_zh", "name_en") if thing.get(key)}


def _mentioned(cards: Iterable[ToolCard], text: str) -> list[Thing]:
    """The products that the text speaks of, in its order; all of them when it names none."""
    found = {product["sku"]: product for card in cards for product in card.products}
    places = {sku: _place(product, text) for sku, product in found.items()}
    named = sorted((sku for sku in found if places[sku] >= 0), key=lambda sku: places[sku])
    return [found[sku] for sku in (named or found)][:MAX_PRODUCTS]


def _place(product: Thing, text: str) -> int:
    return max((text.find(name) for name in _names(product)), default=-1)


def _named(product: Thing, locale: str) -> Thing:
    """The product under its name in the page's language, which may differ from the answer's."""
    return {**product, "name": product.get(f"name_{locale}") or product.get("name", product["sku"])}


def _latest_cart(cards: list[ToolCard]) -> Thing | None:
    carts = [card.data.get("cart") for card in cards if card.name in CART_TOOLS]
    return next((cart for cart in reversed(carts) if isinstance(cart, dict)), None)


def _latest(cards: list[ToolCard], many: str, one: str = "") -> tuple[Thing, ...]:
    for card in reversed(cards):
        found = card.data.get(many) if many in card.data else [card.data.get(one)]
        things = tuple(item for item in found or () if isinstance(item, dict))
        if things:
            return things
    return ()
