"""The demo's story, from the generator alone."""

import json
from collections import defaultdict
from datetime import UTC, date, datetime

import pytest

from app.core.clock import frozen
from app.demo.history import Sale
from app.demo.loader import CATALOGUE, MEMBERS, ORDERS, make_history

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)


def sales_of(today: date) -> list[Sale]:
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return make_history(catalogue, today, "Asia/Shanghai", orders=ORDERS, members=MEMBERS).sales()


@pytest.fixture(scope="module")
def sales() -> list[Sale]:
    return sales_of(TODAY)


def days_ago(sale: Sale) -> int:
    return (TODAY - sale.day).days


def share(selected: list[Sale]) -> float:
    return sum(sale.paid_at is not None for sale in selected) / len(selected)


def buyers_by_history(sales: list[Sale], first: int, last: int) -> dict[str, list[Sale]]:
    """Members' paid orders `first` to `last` days ago, by whether they had 0, 1 or 2+ earlier paid orders."""
    seen: dict[int, int] = defaultdict(int)
    found: dict[str, list[Sale]] = {"new": [], "second": [], "returning": []}
    for sale in sales:
        if sale.member_number is None or sale.paid_at is None:
            continue
        earlier = seen[sale.member_number]
        if last <= days_ago(sale) <= first:
            found["new" if earlier == 0 else "second" if earlier == 1 else "returning"].append(sale)
        seen[sale.member_number] += 1
    return found


def average(sales: list[Sale]) -> float:
    return sum(sale.original_cents - sale.discount_cents for sale in sales) / len(sales)


def test_there_are_forty_thousand_orders_of_ninety_days(sales: list[Sale]) -> None:
    assert len(sales) == 40_000
    assert {days_ago(sale) for sale in sales} == set(range(90))
    assert all(1 <= len(sale.lines) <= 5 for sale in sales)


def test_the_same_date_gives_the_same_orders(sales: list[Sale]) -> None:
    again = sales_of(TODAY)
    assert again == sales


def test_another_date_moves_the_story_along() -> None:
    assert max(sale.day for sale in sales_of(date(2027, 3, 1))) == date(2027, 3, 1)


def test_returning_customers_order_less_often_in_the_last_week(sales: list[Sale]) -> None:
    now, before = buyers_by_history(sales, 6, 0), buyers_by_history(sales, 13, 7)
    assert 0.6 < len(now["returning"]) / len(before["returning"]) < 0.85


def test_new_customers_come_more_often_and_buy_less(sales: list[Sale]) -> None:
    now, before = buyers_by_history(sales, 6, 0), buyers_by_history(sales, 13, 7)
    assert len(now["new"]) > 1.2 * len(before["new"])
    assert average(now["new"]) < 0.7 * average(before["new"])


def test_payments_of_store_three_fail_more(sales: list[Sale]) -> None:
    week = [sale for sale in sales if days_ago(sale) <= 6]
    assert share([sale for sale in week if sale.store_id == 3]) < 0.9
    assert share([sale for sale in week if sale.store_id != 3]) > 0.95
    assert share([s for s in sales if s.store_id == 3 and 7 <= days_ago(s) <= 30]) > 0.95


def test_line_discounts_add_up(sales: list[Sale]) -> None:
    assert all(sum(sale.line_discounts) == sale.discount_cents for sale in sales)


def test_the_business_day_is_the_day_of_payment_in_the_shops_zone(sales: list[Sale]) -> None:
    from app.core.clock import business_day

    with frozen(NOON):
        assert all(business_day(s.paid_at, "Asia/Shanghai") == s.day for s in sales if s.paid_at)
