"""What a customer likes, by what they bought, put into the cart, opened and asked for. Nothing is guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from app.cart.queries import get_cart
from app.catalogue import queries as catalogue
from app.core.actor import Actor
from app.core.money import yuan
from app.customers import rules
from app.customers.history import Line, get_person, list_lines, list_purchases, read_talks
from app.customers.texts import label_of
from app.language.concepts import find_concepts
from app.language.lexicon import lexicon
from app.language.normalise import normalise

TOLD_KINDS = ("concern", "ingredient", "attribute", "recipient", "occasion", "product")
MOST_WISHES, MOST_PRODUCTS = 12, 5
MAX_READ = 2_000


def read_preferences(user_id: int, locale: str) -> dict[str, Any]:
    """The preferences as tools tell them, with what each rests on. Raises NotFound."""
    person = get_person(user_id)
    purchases = list_purchases(person)
    lines, said = list_lines(purchases), read_talks(user_id)
    cart = get_cart(Actor(user_id=user_id))
    return {
        "user_id": user_id,
        "language": person.locale,
        "favourite_categories": by_category(lines, locale)[:3],
        "favourite_products": by_product(lines, locale)[:MOST_PRODUCTS],
        "price_range": _price_range(lines),
        "uses_discounts": _share([purchase.discount_cents > 0 for purchase in purchases]),
        "wishes": wishes_of(said.words, locale),
        "opened": _opened(said.opened, locale),
        "in_cart": [
            {"sku": line.sku, "name": line.title(locale), "quantity": line.quantity} for line in cart.lines
        ],
        "based_on": {
            "orders": len(purchases),
            "lines": len(lines),
            "conversations": said.conversations,
            "messages": len(said.words),
        },
    }


def by_category(lines: Sequence[Line], locale: str) -> list[dict[str, Any]]:
    """Shelves by what was spent there; `share` is of everything spent."""
    spent: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    for line in lines:
        spent[line.category] += line.paid_cents
        pieces[line.category] += line.qty
    shelves = {category.name: category for category in catalogue.list_categories_cached()}
    total = sum(spent.values())
    return [
        {
            "category_id": shelves[name].id if name in shelves else None,
            "category": shelves[name].title(locale) if name in shelves else name,
            "quantity": pieces[name],
            "spend_cents": cents,
            "spend": yuan(cents),
            "share": round(cents / total, 3) if total else 0.0,
        }
        for name, cents in sorted(spent.items(), key=lambda item: (-item[1], item[0]))
    ]


def by_product(lines: Sequence[Line], locale: str) -> list[dict[str, Any]]:
    """Products by how many orders hold them, then by pieces."""
    orders: dict[str, set[int]] = {}
    pieces: Counter[str] = Counter()
    latest: dict[str, Line] = {}
    for line in lines:
        orders.setdefault(line.sku, set()).add(line.order_id)
        pieces[line.sku] += line.qty
        latest[line.sku] = line
    return [
        {
            "sku": sku,
            "name": latest[sku].title(locale),
            "orders": len(orders[sku]),
            "quantity": pieces[sku],
            "last_on": latest[sku].day.isoformat(),
        }
        for sku in sorted(orders, key=lambda sku: (-len(orders[sku]), -pieces[sku], sku))
    ]


def wishes_of(words: Iterable[str], locale: str) -> list[dict[str, Any]]:
    """What the customer's own messages speak of, the most often named first; `messages` counts those that do."""
    counts: Counter[str] = Counter()
    for text in words:
        counts.update({match.concept.key for match in find_concepts(normalise(text[:MAX_READ]))})
    known = lexicon().concepts
    told = [(key, count) for key, count in counts.most_common() if known[key].kind in TOLD_KINDS]
    return [
        {"wish": label_of(known[key], locale), "kind": known[key].kind, "messages": count}
        for key, count in told[:MOST_WISHES]
    ]


def _price_range(lines: Sequence[Line]) -> dict[str, Any] | None:
    """The middle half and the median of what a piece cost after discounts; None without orders."""
    prices = [line.paid_cents // line.qty for line in lines for _piece in range(min(line.qty, 20))]
    if not prices:
        return None
    low, middle, high = (rules.quantile(prices, share) for share in (0.25, 0.5, 0.75))
    return {
        "low_cents": low,
        "median_cents": middle,
        "high_cents": high,
        "low": yuan(low),
        "median": yuan(middle),
        "high": yuan(high),
    }


def _share(flags: Sequence[bool]) -> float | None:
    return round(sum(flags) / len(flags), 3) if flags else None


def _opened(skus: Sequence[str], locale: str) -> list[dict[str, str]]:
    """The products that were opened in talks and can still be bought."""
    found = catalogue.list_by_sku(skus[:MOST_PRODUCTS]) if skus else []
    return [{"sku": product.sku, "name": product.title(locale)} for product in found]
