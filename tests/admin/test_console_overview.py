"""The figures of the console's first page, on both engines, and its navigation."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from flask import Flask

from app.admin.figures import get_figures, list_low_stock
from app.admin.navigation import entries_for
from app.core.actor import Actor, Role
from app.core.clock import frozen
from app.orders.models import Order
from tests.builders import make_product, make_store, save

# 01:30 on 20 November in Shanghai.
NIGHT = datetime(2026, 11, 19, 17, 30, tzinfo=UTC)


def order(created_at: datetime, **values: object) -> Order:
    return save(
        Order(
            store_id=make_store().id,
            original_amount_cents=5_000,
            amount_cents=5_000,
            created_at=created_at,
            **values,
        )
    )


def test_today_is_the_shops_day(each_app: Flask) -> None:
    with each_app.app_context(), frozen(NIGHT):
        today = date(2026, 11, 20)
        order(NIGHT - timedelta(hours=1), status="PAID", pay_status=1, paid_on=today)
        order(NIGHT - timedelta(hours=2), status="PENDING")
        order(NIGHT, status="REFUNDED", pay_status=1, paid_on=today)
        order(NIGHT, status="PENDING", pay_status=0)
        make_product("A", stock=0)
        make_product("B", stock=20)
        make_product("C", stock=21)
        make_product("D", stock=0, is_retired=True)
        figures = get_figures("Asia/Shanghai")
        assert (figures.orders_today, figures.revenue_today_cents, figures.unpaid) == (3, 10_000, 2)
        assert (figures.low_stock, figures.sold_out) == (2, 1)
        assert [product.sku for product in list_low_stock()] == ["A", "B"]


def test_the_rail_shows_what_one_may_open_and_where_one_is(app: Flask) -> None:
    operator = Actor(user_id=1, roles=frozenset({Role.OPERATOR}))
    with app.test_request_context():
        entries = list(entries_for(operator, "/admin/products/A"))
        assert [entry.url for entry in entries if entry.active] == ["/admin/products"]
        assert list(entries_for(Actor(user_id=1, roles=frozenset({Role.CUSTOMER})), "/admin")) == []
