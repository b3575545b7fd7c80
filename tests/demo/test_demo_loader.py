"""Loading the demo shop into a real database."""

import json

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import User
from app.accounts.passwords import is_right_password
from app.catalogue.filters import ProductFilter
from app.catalogue.models import Product
from app.catalogue.queries import find_products
from app.config import PROJECT_ROOT
from app.core.errors import Forbidden
from app.db import db
from app.demo.loader import CATALOGUE, is_empty, load_demo
from app.members.models import Member
from app.orders.models import Order
from app.runtime import settings


def load(app: Flask, orders: int = 2_000) -> list[str]:
    lines: list[str] = []
    load_demo(settings(), echo=lines.append, orders=orders, members=200)
    return lines


def test_it_loads_on_both_engines_and_prints_the_figures(each_app: Flask) -> None:
    with each_app.app_context():
        assert is_empty()
        lines = load(each_app)
        assert not is_empty()
        paid = db.session.scalar(select(func.count()).where(Order.pay_status == 1))
        assert lines[1] == f"orders 2000, paid {paid}"
        assert lines[2].startswith("last 7 days")
        assert lines[3].startswith("repeat rate")


def test_stock_is_the_catalogues_and_every_product_has_a_picture(app: Flask) -> None:
    products = {p["sku"]: p for p in json.loads(CATALOGUE.read_text(encoding="utf-8"))["products"]}
    with app.app_context():
        load(app)
        for product in db.session.scalars(select(Product)):
            assert product.stock == products[product.sku]["stock"]
            assert (PROJECT_ROOT / product.image_url.lstrip("/")).exists(), product.sku
        assert len(products) == db.session.scalar(select(func.count()).select_from(Product))


def test_members_spending_is_the_sum_of_their_paid_orders(app: Flask) -> None:
    with app.app_context():
        load(app)
        spent = dict(
            db.session.execute(
                select(Order.member_id, func.sum(Order.amount_cents))
                .where(Order.pay_status == 1, Order.member_id.is_not(None))
                .group_by(Order.member_id)
            ).all()
        )
        for member in db.session.scalars(select(Member)):
            assert member.total_spent_cents == spent.get(member.id, 0)


def test_the_demo_accounts_are_there(app: Flask) -> None:
    with app.app_context():
        load(app)
        can_sign_in = select(User.username).where(User.password_hash.startswith("$argon2"))
        assert set(db.session.scalars(can_sign_in)) == {"demo", "consultant", "operator", "admin"}


def test_two_of_three_members_have_an_account_that_nobody_can_use(app: Flask) -> None:
    with app.app_context():
        load(app)
        shoppers = (
            select(Member.id).join(User, Member.user_id == User.id).where(User.username.like("member%"))
        )
        with_account = set(db.session.scalars(shoppers))
        others = set(db.session.scalars(select(Member.id).where(Member.user_id.is_(None))))
        assert all(member % 3 for member in with_account) and not any(member % 3 for member in others)
        someone = db.session.scalar(select(User.password_hash).where(User.username.like("member%")).limit(1))
        assert not is_right_password(someone, "!")


def test_what_was_loaded_can_be_found(app: Flask) -> None:
    with app.app_context():
        load(app, orders=500)
        assert "SKN-002" in [product.sku for product in find_products(ProductFilter(q="防晒")).items]


def test_it_is_refused_in_production(app: Flask) -> None:
    with app.app_context(), pytest.raises(Forbidden):
        load_demo(settings().model_copy(update={"app_env": "production"}), echo=print)
