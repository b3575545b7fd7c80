"""The shop under load: 10,000 products, one web process, 8 requests in flight, on SQLite and MariaDB."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from flask import Flask
from sqlalchemy import insert, select

from app.accounts.models import User
from app.accounts.tokens import issue_token
from app.cart.models import CartItem
from app.catalogue.models import Category, Product
from app.catalogue.search import reindex
from app.core.clock import now
from app.db import db, transaction
from app.demo.loader import load_demo
from app.members.models import Member
from app.runtime import settings
from benchmarks.load import Call, Outcome, drive
from benchmarks.program import build_app, databases, redis_server, web_process
from benchmarks.table import print_table

PRODUCTS = 10_000
BUYERS = 1_500
CALLS = 1_200
IN_FLIGHT = 8
TARGETS = {"list": 150, "product": 200, "search": 150, "add to cart": 200, "order": 150}
WORDS = ("轻盈", "保湿", "修护", "舒缓", "亮肤", "控油", "滋润", "清透", "玫瑰", "积雪草", "烟酰胺", "海盐")
KINDS = (
    "精华",
    "面霜",
    "防晒乳",
    "洁面乳",
    "面膜",
    "爽肤水",
    "护手霜",
    "身体乳",
    "洗发水",
    "护发精油",
    "口红",
)
QUERIES = ("防晒", "保湿精华", "玫瑰护手霜", "sunscreen", "hand cream", "敏感肌洁面", "口红", "洗发水")


def main() -> None:
    """Print one table."""
    rows: list[list[object]] = []
    with redis_server() as redis_url, databases() as found:
        for engine, database_url in found.items():
            with tempfile.TemporaryDirectory() as home:
                rows += _measure(engine, Path(home), database_url, redis_url)
    head = ("what", "engine", "target/s", "calls/s", "p50 ms", "p95 ms", "statuses")
    print_table(f"Shop: {PRODUCTS:,} products, one web process, {IN_FLIGHT} in flight", head, rows)


def _measure(engine: str, home: Path, database_url: str, redis_url: str) -> Iterator[list[object]]:
    app = build_app(home, database_url, redis_url)
    tokens, skus = _fill(app)
    with web_process(home, database_url, redis_url) as url:
        for name, calls in _scenarios(tokens, skus).items():
            drive(url, list(calls)[:40] if name in ("list", "product", "search") else [], in_flight=4)
            outcome = drive(url, calls, in_flight=IN_FLIGHT)
            yield _row(name, engine, outcome)


def _row(name: str, engine: str, outcome: Outcome) -> list[object]:
    return [
        name,
        engine,
        TARGETS.get(name.removesuffix(" (JSON)"), ""),
        f"{outcome.rate:.0f}",
        f"{outcome.percentile(0.5):.1f}",
        f"{outcome.percentile(0.95):.1f}",
        outcome.statuses,
    ]


def _scenarios(tokens: list[str], skus: list[str]) -> dict[str, list[Call]]:
    chance = random.Random(7)
    pages = [f"category_id={chance.randint(1, 8)}&offset={20 * chance.randint(0, 5)}" for _ in range(CALLS)]
    picks = [chance.choice(skus) for _ in range(CALLS)]
    words = [quote(chance.choice(QUERIES)) for _ in range(CALLS)]
    return {
        "list": [Call(f"/products?{page}") for page in pages],
        "list (JSON)": [Call(f"/api/products?{page}") for page in pages],
        "product": [Call(f"/products/{sku}") for sku in picks],
        "product (JSON)": [Call(f"/api/products/{sku}") for sku in picks],
        "search": [Call(f"/products?q={word}") for word in words],
        "search (JSON)": [Call(f"/api/products?q={word}") for word in words],
        "add to cart": [
            _post("/api/cart", tokens[i % BUYERS], {"sku": sku, "quantity": 1}) for i, sku in enumerate(picks)
        ],
        "order": [_post("/api/orders", token, {}) for token in tokens],
    }


def _post(path: str, token: str, body: dict[str, object]) -> Call:
    return Call(path, "POST", (("Authorization", f"Bearer {token}"),), json.dumps(body))


def _fill(app: Flask) -> tuple[list[str], list[str]]:
    """The demo shop, products up to 10,000, and buyers with one or two things in the cart."""
    with app.app_context():
        load_demo(settings(), echo=lambda _line: None, orders=5_000, members=500)
        with transaction():
            _add_products()
            reindex()
        with transaction():
            skus = list(db.session.scalars(select(Product.sku).where(Product.stock > 1000)))
            users = _add_buyers(skus)
        tokens = [issue_token(user)[0] for user in users]
        db.session.remove()
        db.engine.dispose()
        return tokens, skus


def _add_products() -> None:
    chance = random.Random(1)
    categories = list(db.session.scalars(select(Category.id)))
    rows = []
    for number in range(PRODUCTS - 60):
        name = f"{chance.choice(WORDS)}{chance.choice(WORDS)}{chance.choice(KINDS)} {number}"
        rows.append(
            {
                "sku": f"GEN-{number:05d}",
                "category_id": chance.choice(categories),
                "name": name,
                "name_en": f"Generated product {number}",
                "description": f"{name}，适合日常使用",
                "description_en": "For every day",
                "price_cents": chance.randint(1_000, 90_000),
                "stock": 100_000,
                "units_sold": chance.randint(0, 5_000),
            }
        )
    db.session.execute(insert(Product), rows)


def _add_buyers(skus: list[str]) -> list[int]:
    chance = random.Random(2)
    people = [
        {
            "id": 10_000 + n,
            "username": f"buyer{n}",
            "username_key": f"buyer{n}",
            "email": f"buyer{n}@example.com",
            "password_hash": "!",
            "role_names": "customer",
        }
        for n in range(BUYERS)
    ]
    db.session.execute(insert(User), people)
    ids = [int(person["id"]) for person in people]
    db.session.execute(insert(Member), [{"store_id": 1, "user_id": user_id} for user_id in ids])
    prices = dict(db.session.execute(select(Product.sku, Product.price_cents)).all())
    items = []
    for user_id in ids:
        for sku in chance.sample(skus, chance.randint(1, 3)):
            items.append(
                {
                    "owner": f"user:{user_id}",
                    "user_id": user_id,
                    "sku": sku,
                    "quantity": 1,
                    "price_seen_cents": prices[sku],
                    "added_at": now(),
                }
            )
    db.session.execute(insert(CartItem), items)
    return ids


if __name__ == "__main__":
    main()
