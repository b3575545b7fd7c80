"""What sells and what is new: the home page and "from the same shelf"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, select

from app.catalogue.cache import cached
from app.catalogue.models import Product
from app.catalogue.queries import cards_by_sku
from app.catalogue.reading import on_the_shelf, order_of
from app.catalogue.records import Card, ProductView, service_category_id
from app.db import db

# Which products these are may be this old; their price and stock are read now.
KEEP_SECONDS = 60.0
TOP_PER_CATEGORY = 9


class Top(NamedTuple):
    """A product that sells well on its shelf."""

    sku: str
    image_url: str


def top_by_category() -> dict[int, list[Top]]:
    """The best-selling products of each category; kept for a minute."""
    return cached("top", KEEP_SECONDS, _top_by_category)


def _top_by_category() -> dict[int, list[Top]]:
    place = func.row_number().over(
        partition_by=Product.category_id, order_by=(Product.units_sold.desc(), Product.sku)
    )
    ranked = (
        select(Product.sku, Product.image_url, Product.category_id, place.label("place"))
        .where(on_the_shelf(), Product.stock > 0)
        .subquery()
    )
    statement = (
        select(ranked.c.category_id, ranked.c.sku, ranked.c.image_url)
        .where(ranked.c.place <= TOP_PER_CATEGORY)
        .order_by(ranked.c.category_id, ranked.c.place)
    )
    top: dict[int, list[Top]] = {}
    for category_id, sku, image_url in db.session.execute(statement):
        top.setdefault(category_id, []).append(Top(sku, image_url))
    return top


@dataclass(frozen=True, slots=True)
class Front:
    """What the home page shows."""

    popular: list[Card]
    newest: list[Card]
    services: list[Card]


def get_front(locale: str, *, popular: int = 8, newest: int = 4, services: int = 4) -> Front:
    """What sells, what is new, and services. Which ones is kept for a minute; price and stock are read now."""
    best = cached(("best", popular), KEEP_SECONDS, lambda: _first_skus("-sales", popular))
    new = cached(("new", newest), KEEP_SECONDS, lambda: _first_skus("-created_at", newest))
    done_in_store = [each.sku for each in top_by_category().get(service_category_id(), [])[:services]]
    found = {card.sku: card for card in cards_by_sku([*best, *new, *done_in_store], locale)}
    return Front(*([found[sku] for sku in skus if sku in found] for skus in (best, new, done_in_store)))


def _first_skus(sort: str, limit: int) -> list[str]:
    statement = select(Product.sku).where(on_the_shelf(), Product.stock > 0).order_by(*order_of(sort))
    return list(db.session.scalars(statement.limit(limit)))


def list_related(product: Product | ProductView, locale: str = "zh", limit: int = 4) -> list[Card]:
    """Other well-selling products of the same shelf."""
    top = top_by_category().get(product.category_id, [])
    return cards_by_sku([each.sku for each in top if each.sku != product.sku][:limit], locale)
