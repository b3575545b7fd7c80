"""A small shop with canaries: values that no query may show and no query may touch."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from app.accounts.models import User
from app.catalogue.models import Category, Product
from app.coupons.models import Coupon
from app.db import db, transaction
from app.members.models import Member, Store
from app.orders.models import Order, OrderItem

CANARY = "CANARY"
TODAY = datetime(2026, 11, 21, 4, tzinfo=UTC)
STORES = [(1, "上海徐汇店", "上海"), (2, "北京国贸店", "北京"), (3, "杭州湖滨店", "杭州")]
CHANNELS = ("online", "offline", "delivery")


def fill_shop(orders: int = 300) -> list[dict[str, Any]]:
    """Write the same shop into the current application's database; the rows of its orders."""
    chance = random.Random(7)
    rows = [_order(number, chance) for number in range(1, orders + 1)]
    with transaction() as session:
        session.execute(
            insert(Store),
            [{"id": i, "name": n, "name_en": n, "city": c, "city_en": c} for i, n, c in STORES],
        )
        session.execute(
            insert(Category), [{"id": i, "name": f"品类{i}", "name_en": f"K{i}"} for i in (1, 2, 3)]
        )
        session.execute(insert(Product), [_product(number) for number in range(1, 10)])
        session.execute(insert(User), [_user(number) for number in range(1, 4)])
        session.execute(insert(Member), [_member(number, chance) for number in range(1, 41)])
        session.execute(insert(Order), rows)
        session.execute(insert(OrderItem), [item for row in rows for item in _items(row, chance)])
        session.execute(insert(Coupon), [_coupon(number) for number in (1, 2)])
    db.session.remove()
    return rows


def _product(number: int) -> dict[str, Any]:
    return {
        "sku": f"SKU-{number}",
        "category_id": number % 3 + 1,
        "name": f"{'保湿霜' if number % 2 else '爽肤水'}{number}号",
        "name_en": f"Cream {number}",
        "description": CANARY,
        "price_cents": number * 1_990,
        "stock": number * 10,
        "created_at": TODAY - timedelta(days=number),
    }


def _user(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "username": f"{CANARY}{number}",
        "username_key": f"{CANARY}{number}",
        "email": f"{CANARY}{number}@example.com",
        "phone": f"{CANARY}138",
        "password_hash": f"{CANARY}-hash",
    }


def _member(number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "id": number,
        "store_id": number % 3 + 1,
        "level": chance.randint(1, 5),
        "total_spent_cents": chance.randint(0, 500_000),
        "contact_name": f"{CANARY} Li",
        "contact_phone": f"{CANARY}{number:04d}",
        "created_at": TODAY - timedelta(days=chance.randint(0, 200), hours=chance.randint(0, 23)),
    }


def _order(number: int, chance: random.Random) -> dict[str, Any]:
    created = TODAY - timedelta(days=chance.randint(0, 59), minutes=chance.randint(0, 1_439))
    paid = chance.random() < 0.9
    original = chance.randint(2_000, 90_000)
    return {
        "id": number,
        "store_id": number % 3 + 1,
        "member_id": chance.choice([None, *range(1, 41)]),
        "status": "PAID" if paid else "CANCELLED",
        "pay_status": int(paid),
        "channel": chance.choice(CHANNELS),
        "original_amount_cents": original,
        "amount_cents": original - chance.choice([0, 0, 500]),
        "contact": {"name": CANARY},
        "coupon_name": CANARY,
        "created_at": created,
        "paid_at": created + timedelta(minutes=3) if paid else None,
        "paid_on": (created + timedelta(hours=8, minutes=3)).date() if paid else None,
    }


def _items(order: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    skus = chance.sample(range(1, 10), chance.randint(1, 3))
    return [
        {
            "order_id": order["id"],
            "sku": f"SKU-{sku}",
            "name": CANARY,
            "category": f"品类{sku % 3 + 1}",
            "qty": chance.randint(1, 3),
            "price_cents": sku * 1_990,
        }
        for sku in skus
    ]


def _coupon(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "code": f"{CANARY}{number}",
        "name": f"满减{number}",
        "type": "full_reduction",
        "benefit": 1_000,
        "start_at": TODAY - timedelta(days=20 * number),
        "end_at": TODAY + timedelta(days=10),
        "status": "published",
    }
