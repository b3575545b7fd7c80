"""Builders of rows with few arguments. Each commits; use inside an application context.

The cast: Alice owns, Bob helps, Charlie must see nothing.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from app.accounts.models import User
from app.catalogue.models import Category, Product
from app.core.actor import Actor, Role
from app.core.clock import now
from app.coupons.models import Coupon
from app.db import db, transaction
from app.members.models import Member, Store

_numbers = count(1)


def save(row: Any) -> Any:
    """Commit one row and return it."""
    with transaction() as session:
        session.add(row)
    return row


def make_store(**values: Any) -> Store:
    existing = db.session.get(Store, values.get("id", 1))
    if existing is not None:
        return existing
    defaults = {
        "id": 1,
        "name": "上海静安店",
        "name_en": "Shanghai Jing'an",
        "city": "上海",
        "city_en": "Shanghai",
    }
    return save(Store(**{**defaults, **values}))


def make_category(**values: Any) -> Category:
    existing = db.session.get(Category, values.get("id", 1))
    if existing is not None:
        return existing
    number = values.get("id", 1)
    defaults = {
        "id": number,
        "name": "护肤" if number == 1 else f"类{number}",
        "name_en": "Skin care" if number == 1 else f"Shelf {number}",
    }
    return save(Category(**{**defaults, **values}))


def make_product(
    sku: str | None = None, *, price_cents: int = 10_000, stock: int = 10, **values: Any
) -> Product:
    """A product; its search entry is made through the catalogue's service once that exists."""
    category = make_category(id=values.pop("category_id", 1))
    sku = sku or f"SKU-{next(_numbers):03d}"
    defaults = {
        "name": f"产品{sku}",
        "name_en": f"Product {sku}",
        "description": "",
        "description_en": "",
        "category_id": category.id,
    }
    return save(Product(sku=sku, price_cents=price_cents, stock=stock, **{**defaults, **values}))


def make_user(
    username: str | None = None, *, roles: tuple[Role, ...] = (Role.CUSTOMER,), **values: Any
) -> User:
    """A user with a member row; the password cannot be used (log in through `sign_in`)."""
    store = make_store()
    username = username or f"user{next(_numbers)}"
    user = User(
        username=username,
        username_key=username.casefold(),
        email=f"{username}@example.com",
        password_hash=values.pop("password_hash", "!"),
        role_names=" ".join(roles),
        **values,
    )
    with transaction() as session:
        session.add(user)
        session.flush()
        session.add(Member(store_id=store.id, user_id=user.id))
    return user


def actor_of(user: User, **values: Any) -> Actor:
    return Actor(user_id=user.id, roles=user.roles, **values)


def make_coupon(code: str | None = None, **values: Any) -> Coupon:
    """A published coupon, 50 yuan off from 300, valid now."""
    defaults = {
        "code": code or f"C{next(_numbers)}",
        "name": "满300减50",
        "name_en": "50 off 300",
        "type": "full_reduction",
        "threshold_cents": 30_000,
        "benefit": 5_000,
        "status": "published",
        "start_at": now() - timedelta(days=1),
        "end_at": now() + timedelta(days=30),
    }
    return save(Coupon(**{**defaults, **values}))
