"""`flask demo load`: catalogue, members, 90 days of orders, accounts; prints the check figures."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Insert, func, insert, select, update

from app.accounts.models import User
from app.accounts.passwords import hash_password
from app.catalogue.models import Category, Product
from app.catalogue.search import reindex
from app.config import Settings
from app.core.clock import business_day, now
from app.core.errors import N_, Forbidden
from app.db import db, transaction
from app.demo.figures import check_figures
from app.demo.history import Article, History, Person, Sale
from app.demo.people import add_accounts, add_coupons
from app.mcp.demo_groups import add_demo_groups
from app.members.levels import level_for
from app.members.models import Member, Store
from app.orders.models import Order, OrderItem
from app.sales.jobs import add_up_stale_days

SEED = 42
MEMBERS = 3_000
ORDERS = 40_000
CATALOGUE = Path(__file__).with_name("catalogue.json")
STORE_WEIGHTS = {1: 1.5, 2: 1.4, 3: 1.3, 4: 1.0, 5: 1.1, 6: 1.1, 7: 0.9, 8: 1.0, 9: 0.7, 10: 0.6}
BATCH = 2_000
# No hash at all: no password fits it.
NO_PASSWORD = "!"  # noqa: S105
Echo = Callable[[str], None]
Row = dict[str, Any]


def is_empty() -> bool:
    """True when there is no product yet."""
    empty = db.session.scalar(select(Product.sku).limit(1)) is None
    db.session.rollback()
    return empty


def load_demo(settings: Settings, *, echo: Echo, orders: int = ORDERS, members: int = MEMBERS) -> None:
    """Load the demo shop into an empty database, relative to today. Raises Forbidden in production."""
    if settings.app_env == "production":
        raise Forbidden(N_("The demo shop is not loaded in production."))
    today = business_day(now(), settings.shop_timezone)
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    echo("Loading the demo shop: catalogue, members, 90 days of orders ...")
    history = make_history(catalogue, today, settings.shop_timezone, orders=orders, members=members)
    sales = history.sales()
    # All or nothing: a load that was interrupted leaves an empty shop, which the next start fills.
    with transaction():
        _add_catalogue(catalogue, _start_of(today - timedelta(days=120), settings.shop_timezone))
        reindex()
        _add_members(history.people, sales, settings.shop_timezone)
        _add_sales(sales)
        _count_units(sales)
        _add_people(settings, today)
        _open_accounts()
        add_demo_groups()
    add_up_stale_days(everything=True)
    for line in check_figures(today):
        echo(line)


def _start_of(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time(9), ZoneInfo(timezone)).astimezone(UTC)


def _add_catalogue(catalogue: Row, at: datetime) -> None:
    db.session.execute(insert(Store), catalogue["stores"])
    db.session.execute(insert(Category), catalogue["categories"])
    rows = [
        {
            **product,
            "image_url": f"/static/img/products/{product['sku']}.svg",
            "created_at": at + timedelta(days=position * 23 % len(catalogue["products"])),
            "updated_at": at + timedelta(days=position * 23 % len(catalogue["products"])),
        }
        for position, product in enumerate(catalogue["products"])
    ]
    db.session.execute(insert(Product), rows)


def make_history(catalogue: Row, today: date, timezone: str, *, orders: int, members: int) -> History:
    categories = {category["id"]: category["name"] for category in catalogue["categories"]}
    articles = [
        Article(
            sku=product["sku"],
            name=product["name"],
            name_en=product["name_en"],
            category=categories[product["category_id"]],
            price_cents=product["price_cents"],
            weight=_popularity(product),
        )
        for product in catalogue["products"]
        if product["stock"] > 0
    ]
    stores = {store["id"]: STORE_WEIGHTS.get(store["id"], 1.0) for store in catalogue["stores"]}
    return History(
        seed=SEED,
        today=today,
        timezone=timezone,
        articles=articles,
        store_weights=stores,
        members=members,
        orders=orders,
    )


def _popularity(product: Row) -> float:
    """Cheaper things sell more often; the SKU gives each its own, repeatable liking."""
    liking = 0.5 + zlib.crc32(product["sku"].encode()) % 100 / 66
    return float(liking * (10_000 / product["price_cents"]) ** 0.6)


def _add_members(people: Sequence[Person], sales: Sequence[Sale], timezone: str) -> None:
    spent: Counter[int] = Counter()
    first: dict[int, datetime] = {}
    for sale in sales:
        if sale.member_number is None:
            continue
        first.setdefault(sale.member_number, sale.created_at)
        if sale.paid_at:
            spent[sale.member_number] += sale.original_cents - sale.discount_cents
    _insert(
        insert(Member),
        (
            {
                "id": person.number + 1,
                "store_id": person.store_id,
                "level": level_for(spent[person.number]),
                "total_spent_cents": spent[person.number],
                "contact_name": f"会员{person.number + 1:04d}",
                "contact_phone": f"139{person.number + 1:08d}",
                "created_at": first[person.number] - timedelta(minutes=5 + person.number % 50),
            }
            for person in people
        ),
    )


def _open_accounts() -> None:
    """Two of three members shop online too: coupons of a campaign reach them. Nobody can sign in as one of them."""
    wanted = select(Member.id, Member.created_at).where(Member.user_id.is_(None), Member.id % 3 != 0)
    members = db.session.execute(wanted.order_by(Member.id)).all()
    if not members:
        return
    newest = db.session.scalar(select(func.max(User.id))) or 0
    ids = {row.id: newest + place for place, row in enumerate(members, 1)}
    _insert(insert(User), (_user_row(ids[row.id], row.id, row.created_at) for row in members))
    db.session.execute(update(Member), [{"id": row.id, "user_id": ids[row.id]} for row in members])


def _user_row(user_id: int, member_id: int, at: datetime) -> Row:
    name = f"member{member_id:04d}"
    return {
        "id": user_id,
        "username": name,
        "username_key": name,
        "email": f"{name}@example.com",
        "password_hash": NO_PASSWORD,
        "created_at": at,
        "updated_at": at,
    }


def _add_sales(sales: Sequence[Sale]) -> None:
    _insert(insert(Order), (_order_row(number, sale) for number, sale in enumerate(sales, 1)))
    _insert(
        insert(OrderItem),
        (row for number, sale in enumerate(sales, 1) for row in _item_rows(number, sale)),
    )


def _order_row(number: int, sale: Sale) -> Row:
    is_paid = sale.paid_at is not None
    is_old = sale.channel == "offline" or sale.created_at < now() - timedelta(days=3)
    return {
        "id": number,
        "store_id": sale.store_id,
        "member_id": None if sale.member_number is None else sale.member_number + 1,
        "status": ("COMPLETED" if is_old else "PAID") if is_paid else "CANCELLED",
        "pay_status": int(is_paid),
        "channel": sale.channel,
        "original_amount_cents": sale.original_cents,
        "amount_cents": sale.original_cents - sale.discount_cents,
        "coupon_discount_cents": sale.discount_cents,
        "coupon_name": sale.coupon_name,
        "cancel_reason": "" if is_paid else "payment_failed",
        "created_at": sale.created_at,
        "updated_at": sale.paid_at or sale.created_at,
        "paid_at": sale.paid_at,
        "paid_on": sale.day if is_paid else None,
    }


def _item_rows(number: int, sale: Sale) -> Iterable[Row]:
    for (article, qty), discount in zip(sale.lines, sale.line_discounts, strict=True):
        yield {
            "order_id": number,
            "sku": article.sku,
            "name": article.name,
            "name_en": article.name_en,
            "category": article.category,
            "qty": qty,
            "price_cents": article.price_cents,
            "discount_cents": discount,
        }


def _insert(statement: Insert, rows: Iterable[Row]) -> None:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        db.session.execute(statement, batch)


def _count_units(sales: Sequence[Sale]) -> None:
    units: Counter[str] = Counter()
    for sale in sales:
        if sale.paid_at:
            units.update({article.sku: qty for article, qty in sale.lines})
    for sku, sold in sorted(units.items()):
        db.session.execute(
            update(Product).where(Product.sku == sku).values(units_sold=sold, updated_at=Product.updated_at)
        )


def _add_people(settings: Settings, today: date) -> None:
    at = _start_of(today - timedelta(days=30), settings.shop_timezone)
    users = add_accounts(hash_password(settings.demo_password), at)
    add_coupons(users["demo"], _start_of(today, settings.shop_timezone))
    for user in users.values():
        db.session.add(Member(store_id=1, user_id=user.id, created_at=at))
