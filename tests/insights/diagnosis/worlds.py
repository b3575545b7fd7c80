"""Small shops made for diagnoses: twelve steady weeks, and in the last one what was planted, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from shutil import copy
from typing import Any

from flask import Flask
from sqlalchemy import insert

from app.catalogue.models import Category, Product
from app.core.clock import frozen
from app.coupons.models import Coupon
from app.db import db, in_transaction, transaction
from app.insights.knowledge.files import read_documents
from app.insights.knowledge.service import load_documents
from app.members.models import Member, Store
from app.orders.models import Order, OrderItem
from tests.insights.shop_data import NOON, TODAY, open_app

DAYS = 84
FIRST = TODAY - timedelta(days=DAYS - 1)
STORES = ((1, "上海店", "上海"), (2, "北京店", "北京"), (3, "杭州店", "杭州"), (4, "上海二店", "上海"))
CATEGORIES = ("护肤", "彩妆", "洗护", "器械")
CHANNELS = ("offline", "online", "delivery")
REGULARS, NEW_A_DAY, GUESTS_A_DAY = 420, 6, 55


@dataclass(frozen=True)
class Sale:
    """One order in the making."""

    day: int
    store: int
    member: int | None
    channel: str
    product: int
    is_new: bool

    @property
    def is_last_week(self) -> bool:
        return self.day >= DAYS - 7

    @property
    def category(self) -> str:
        return CATEGORIES[self.product % len(CATEGORIES)]

    @property
    def city(self) -> str:
        return STORES[self.store - 1][2]


def always(_sale: Sale) -> float:
    return 1.0


@dataclass(frozen=True)
class World:
    """What is planted: how often a sale happens, whether its payment fails, its price, its discount; stock; coupons that ended."""

    happens: Callable[[Sale], float] = always
    fails: Callable[[Sale], float] = lambda _sale: 0.03
    price: Callable[[Sale], float] = always
    discounted: Callable[[Sale], float] = lambda _sale: 0.2
    out_of_stock: tuple[int, ...] = ()
    new_factor: float = 1.0
    coupons: tuple[Mapping[str, Any], ...] = field(default=())


def sales(world: World, seed: int) -> Iterator[Sale]:
    """Every sale that happens, in order of days."""
    chance = Random(seed)
    homes = [chance.randint(1, len(STORES)) for _ in range(REGULARS)]
    numbers = REGULARS
    for day in range(DAYS):
        drawn: list[tuple[int | None, int, bool]] = [
            (number + 1, home, False) for number, home in enumerate(homes) if chance.random() < 0.09
        ]
        factor = world.new_factor if day >= DAYS - 7 else 1.0
        for _ in range(round(NEW_A_DAY * factor + chance.gauss(0, 1.5))):
            numbers += 1
            drawn.append((numbers, chance.randint(1, len(STORES)), True))
        drawn += [
            (None, chance.randint(1, len(STORES)), False) for _ in range(_poisson(chance, GUESTS_A_DAY))
        ]
        for member, store, is_new in drawn:
            sale = Sale(day, store, member, chance.choice(CHANNELS), chance.randrange(16), is_new)
            if chance.random() < world.happens(sale):
                yield sale


def _poisson(chance: Random, mean: float) -> int:
    count, left = 0, chance.expovariate(mean)
    while left < 1:
        count, left = count + 1, left + chance.expovariate(mean)
    return count


def fill(world: World, seed: int = 1) -> None:
    """Write the world into the current application's database."""
    chance = Random(seed + 1_000)
    orders, items, members = [], [], set()
    for number, sale in enumerate(sales(world, seed), start=1):
        made = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(
            days=sale.day, minutes=chance.randint(0, 230)
        )
        price = round((4_000 + 700 * sale.product) * world.price(sale))
        qty = chance.choice((1, 1, 2))
        discount = price * qty // 10 if chance.random() < world.discounted(sale) else 0
        paid = chance.random() >= world.fails(sale)
        orders.append(_order(number, sale, made, price * qty, discount, is_paid=paid))
        items.append(
            {
                "id": number,
                "order_id": number,
                "sku": f"P{sale.product}",
                "name": f"商品{sale.product}",
                "category": sale.category,
                "qty": qty,
                "price_cents": price,
            }
        )
        if sale.member is not None:
            members.add((sale.member, sale.store))
    with transaction() as session:
        session.execute(
            insert(Store),
            [
                {"id": i, "name": n, "name_en": f"Store {i}", "city": c, "city_en": f"City {c}"}
                for i, n, c in STORES
            ],
        )
        session.execute(
            insert(Category),
            [{"id": i, "name": n, "name_en": f"Shelf {i}"} for i, n in enumerate(CATEGORIES, 1)],
        )
        session.execute(insert(Product), [_product(i, world) for i in range(16)])
        homes = dict(members)
        session.execute(
            insert(Member),
            [
                {"id": i, "store_id": s, "level": 1 + i % 3, "created_at": NOON - timedelta(days=100)}
                for i, s in homes.items()
            ],
        )
        session.execute(insert(Order), orders)
        session.execute(insert(OrderItem), items)
        for row in world.coupons:
            session.add(Coupon(**row))
    in_transaction(lambda: load_documents(list(read_documents())))
    db.session.remove()


def _product(number: int, world: World) -> dict[str, Any]:
    return {
        "sku": f"P{number}",
        "category_id": 1 + number % len(CATEGORIES),
        "name": f"商品{number}",
        "name_en": f"Product {number}",
        "price_cents": 4_000 + 700 * number,
        "stock": 0 if number in world.out_of_stock else 50,
    }


def _order(
    number: int, sale: Sale, made: datetime, original: int, discount: int, *, is_paid: bool
) -> dict[str, Any]:
    return {
        "id": number,
        "store_id": sale.store,
        "member_id": sale.member,
        "status": "PAID" if is_paid else "PENDING",
        "pay_status": int(is_paid),
        "channel": sale.channel,
        "original_amount_cents": original,
        "amount_cents": original - discount,
        "created_at": made,
        "paid_at": made if is_paid else None,
        "paid_on": FIRST + timedelta(days=sale.day) if is_paid else None,
    }


@contextmanager
def shop_of(
    world: World, folder: Path, redis_url: str, template: Path, *, seed: int = 1, database_url: str = ""
) -> Iterator[Flask]:
    """An application context over a database that holds the world, at noon of its last day."""
    folder.mkdir(exist_ok=True)
    if not database_url:
        copy(template, folder / "mcpshop.db")
    app = open_app(folder, redis_url, database_url)
    with app.app_context(), frozen(NOON):
        fill(world, seed)
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def business_day(offset: int) -> date:
    """The day so many days before the last."""
    return TODAY - timedelta(days=offset)
