"""In a shop where nothing was planted no cause is claimed; where something was, that is found, and little else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app.insights.diagnosis.model import Diagnosis
from app.insights.diagnosis.service import diagnose
from app.insights.queries import current_context
from app.insights.question import Filter, Question
from app.insights.steps import Steps
from tests.insights.diagnosis.worlds import World, business_day, shop_of
from tests.insights.shop_data import NOON

METRICS = (
    "gmv",
    "orders",
    "aov",
    "repeat_rate",
    "payment_success_rate",
    "units",
    "buyers",
    "discount_rate",
    "units_per_order",
)


def why(metric: str, sentence: str = "", filters: tuple[Filter, ...] = (), locale: str = "zh") -> Diagnosis:
    context = current_context("Asia/Shanghai", locale)
    return diagnose(Question(metrics=(metric,), filters=filters), context, Steps(), sentence=sentence)


def kinds(diagnosis: Diagnosis) -> set[tuple[str, str]]:
    return {(cause.kind, cause.subject) for cause in diagnosis.causes}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_where_nothing_was_planted_no_cause_is_claimed(
    seed: int, tmp_path: Path, redis_url: str, sqlite_template: Path
) -> None:
    with shop_of(World(), tmp_path, redis_url, sqlite_template, seed=seed):
        for metric in METRICS:
            found = why(metric)
            assert kinds(found) == set(), metric
            assert found.dropped == (), metric
            assert not any(claim.section == "hypothesis" and "可能" in claim.text for claim in found.claims)
            assert any("不认定任何原因" in claim.text for claim in found.claims)


WORLDS = {
    "a city halves": (
        World(happens=lambda s: 0.5 if s.is_last_week and s.city == "上海" else 1.0),
        "gmv",
        {("group:city", "上海")},
    ),
    "one category sells nothing": (
        World(
            happens=lambda s: 0.0 if s.day >= 84 - 6 and s.category == "彩妆" else 1.0,
            out_of_stock=(1, 5, 9, 13),
        ),
        "gmv",
        {
            ("group:category", "彩妆"),
            ("stock_out", "商品1"),
            ("stock_out", "商品5"),
            ("stock_out", "商品9"),
            ("stock_out", "商品13"),
        },
    ),
    "a product is out of stock": (
        World(happens=lambda s: 0.0 if s.day >= 84 - 7 and s.product == 6 else 1.0, out_of_stock=(6,)),
        "units",
        {("stock_out", "商品6")},
    ),
    "online payments fail": (
        World(fails=lambda s: 0.25 if s.is_last_week and s.channel == "online" else 0.03),
        "payment_success_rate",
        {("payment_failures:channel", "线上"), ("group:channel", "线上")},
    ),
    "returning customers stay away": (
        World(happens=lambda s: 0.55 if s.is_last_week and s.member is not None and not s.is_new else 1.0),
        "gmv",
        {("frequency", "regular")},
    ),
    "new customers come in numbers": (World(new_factor=3.0), "repeat_rate", {("people", "new")}),
    "a coupon ended": (
        World(
            discounted=lambda s: 0.02 if s.is_last_week else 0.3,
            coupons=(
                {
                    "code": "GONE",
                    "name": "九折券",
                    "type": "discount",
                    "benefit": 90,
                    "status": "published",
                    "start_at": NOON - timedelta(days=40),
                    "end_at": NOON - timedelta(days=7),
                },
            ),
        ),
        "discount_rate",
        {("discounts", "用了优惠的订单占比")},
    ),
    "a price rose and pieces fell": (
        World(
            happens=lambda s: 0.25 if s.is_last_week and s.product == 3 else 1.0,
            price=lambda s: 1.5 if s.is_last_week and s.product == 3 else 1.0,
        ),
        "units",
        {("price", "商品3")},
    ),
    "a store was closed": (
        World(happens=lambda s: 0.0 if 84 - 6 <= s.day <= 84 - 3 and s.store == 2 else 1.0),
        "orders",
        {("closed_days", "北京店"), ("group:store", "北京店"), ("group:city", "北京")},
    ),
    "today has only begun": (
        World(happens=lambda s: 0.2 if s.day == 83 else 1.0),
        "orders",
        {("today_partial", business_day(0).isoformat())},
    ),
    "customers move to delivery": (
        World(
            happens=lambda s: (
                {"offline": 0.45, "delivery": 1.0, "online": 0.8}[s.channel] if s.is_last_week else 1.0
            )
        ),
        "aov",
        {("channel_mix", "线下")},
    ),
}


@pytest.mark.parametrize("name", WORLDS)
def test_what_was_planted_is_found(name: str, tmp_path: Path, redis_url: str, sqlite_template: Path) -> None:
    world, metric, planted = WORLDS[name]
    with shop_of(world, tmp_path, redis_url, sqlite_template, seed=11):
        found = why(metric)
        assert planted <= kinds(found), kinds(found)
        assert found.dropped == ()
        assert any(claim.section == "check" and claim.tag == "data" for claim in found.claims)
        assert any(claim.section == "next" for claim in found.claims)
        assert any(claim.section == "hypothesis" and claim.tag == "kb" for claim in found.claims)
