"""Sentences in two languages, and what a plan makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from app.campaigns.audience import ShopNames
from app.campaigns.drafting import Facts, draft_plan
from app.campaigns.estimates import budget_problem

NAMES = ShopNames(
    cities={"上海": "上海", "shanghai": "上海", "北京": "北京", "beijing": "北京"},
    categories={"护肤": "护肤", "skin care": "护肤", "彩妆": "彩妆", "make-up": "彩妆"},
    stores={"上海静安店": 1, "北京国贸店": 2, "国贸店": 2, "shanghai jing'an": 1, "店3": 3},
    english={"上海": "Shanghai", "护肤": "Skin care"},
)
FACTS = Facts(NAMES, basket=320)
FULL, DISCOUNT, POINTS = "full_reduction", "discount", "points"
LAPSED = ("days_since_last_order", ">=")

CASES: list[tuple[str, int, int, tuple[str, float, float], list[tuple[str, str, Any]]]] = [
    ("预算3万,给60天没下单的会员发满300减50,做7天", 30_000, 7, (FULL, 300, 50), [(*LAPSED, 60)]),
    ("8,000元预算,两周,85折,上海会员", 8_000, 14, (DISCOUNT, 0, 85), [("city", "==", "上海")]),
    ("给等级3以上会员双倍积分,一周", 30_000, 7, (POINTS, 0, 320), [("level", ">=", 3)]),
    ("提升复购率", 30_000, 7, (FULL, 400, 65), []),
    ("3号店搞个半个月的活动,八五折", 30_000, 15, (DISCOUNT, 0, 85), [("store", "==", 3)]),
    ("北京国贸店 满200打9折 花5000元", 5_000, 7, (DISCOUNT, 200, 90), [("store", "==", 2)]),
    ("买过护肤的会员,送200积分,10天,预算一万五", 15_000, 10, (POINTS, 0, 200), [("category_bought", "==", "护肤")]),
    ("累计消费超过2000元的会员 立减20元", 30_000, 7, (FULL, 0, 20), [("total_spent", ">", 2_000)]),
    ("累计消费满1000元以上的会员打8折,预算12000", 12_000, 7, (DISCOUNT, 0, 80), [("total_spent", ">=", 1_000)]),
    ("无门槛20元券,限量500张,预算1万", 10_000, 7, (FULL, 0, 20), []),
    ("用2万块做一个月的活动,拉新,满100减20", 20_000, 30, (FULL, 100, 20), [("customer_type", "==", "new")]),
    ("两个月没来的VIP,半价,3天", 30_000, 3, (DISCOUNT, 0, 50), [(*LAPSED, 60), ("level", ">=", 3)]),
    ("下单超过5次的会员,八折,经费8000", 8_000, 7, (DISCOUNT, 0, 80), [("orders_count", ">", 5)]),
    ("至少买过3次的会员满500减80,预算4万", 40_000, 7, (FULL, 500, 80), [("orders_count", ">=", 3)]),
    ("只买过一次的会员 满100减20 周末", 30_000, 2, (FULL, 100, 20), [("orders_count", "==", 1)]),
    ("唤醒沉睡会员,满200减30,预算5k,10天", 5_000, 10, (FULL, 200, 30), [(*LAPSED, 60)]),
    ("老客三倍积分 五天", 30_000, 5, (POINTS, 0, 640), [("customer_type", "==", "returning")]),
    ("9.5折,2级会员,20天", 30_000, 20, (DISCOUNT, 0, 95), [("level", "==", 2)]),
    ("上海和北京的会员,满300立减40,投入2万", 20_000, 7, (FULL, 300, 40), [("city", "in", ["上海", "北京"])]),
    ("最近30天买过东西的会员打九折", 30_000, 7, (DISCOUNT, 0, 90), [("days_since_last_order", "<=", 30)]),
    ("入会满90天的会员,满200减25,三周", 30_000, 21, (FULL, 200, 25), [("member_days", ">=", 90)]),
    ("预算是¥6,000,满150减15", 6_000, 7, (FULL, 150, 15), []),
    ("budget 20k for 14 days, 15% off for customers who haven't bought in 60 days", 20_000, 14, (DISCOUNT, 0, 85), [(*LAPSED, 60)]),
    ("spend 300 get 50 off for new customers, two weeks, budget of ¥8,000", 8_000, 14, (FULL, 300, 50), [("customer_type", "==", "new")]),
    ("50 off 300 for level 3 and above in Beijing", 30_000, 7, (FULL, 300, 50), [("level", ">=", 3), ("city", "==", "北京")]),
    ("win back lapsed members with 20% off orders over 200, 1.5k budget", 1_500, 7, (DISCOUNT, 200, 80), [(*LAPSED, 60)]),
    ("double points for returning customers for a month, with 12,000 yuan", 12_000, 30, (POINTS, 0, 320), [("customer_type", "==", "returning")]),
    ("customers who ordered at least 3 times: ¥30 off ¥200 for a weekend", 30_000, 2, (FULL, 200, 30), [("orders_count", ">=", 3)]),
    ("no orders in 30 days, triple points, 5 days", 30_000, 5, (POINTS, 0, 640), [(*LAPSED, 30)]),
    ("raise the repeat rate", 30_000, 7, (FULL, 400, 65), []),
    ("10 percent off in Shanghai for three weeks, budget 9000", 9_000, 21, (DISCOUNT, 0, 90), [("city", "==", "上海")]),
    ("half price for VIPs, 3 days, 10k budget", 10_000, 3, (DISCOUNT, 0, 50), [("level", ">=", 3)]),
    ("100 points for members who bought skin care, ten days", 30_000, 10, (POINTS, 0, 100), [("category_bought", "==", "护肤")]),
    ("40 yuan off orders over 250 for regulars, budget: 16,000", 16_000, 7, (FULL, 250, 40), [("customer_type", "==", "returning")]),
    ("level 2+ members get 25% off for a fortnight", 30_000, 14, (DISCOUNT, 0, 75), [("level", ">=", 2)]),
    ("customers who spent more than 1,000: 20 off 100, 5 days", 30_000, 5, (FULL, 100, 20), [("total_spent", ">", 1_000)]),
    ("a 12% discount for customers who bought in the last 30 days", 30_000, 7, (DISCOUNT, 0, 88), [("days_since_last_order", "<=", 30)]),
    ("one-time buyers: save, 15 off 80, two weeks, 2,500 yuan budget", 2_500, 14, (FULL, 80, 15), [("orders_count", "==", 1)]),
    ("members who joined in the last 30 days, 10% off, 4k budget", 4_000, 7, (DISCOUNT, 0, 90), [("member_days", "<=", 30)]),
    ("store 2: 30% off for 6 days", 30_000, 6, (DISCOUNT, 0, 70), [("store", "==", 2)]),
    ("inactive for 90 days, spend ¥200 save ¥30, one month, budget 1.2万", 12_000, 30, (FULL, 200, 30), [(*LAPSED, 90)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "budget", "days", "offer", "rules"), CASES, ids=[case[0] for case in CASES])
def test_a_sentence_becomes_its_plan(
    text: str, budget: int, days: int, offer: tuple[str, float, float], rules: list[tuple[str, str, Any]]
) -> None:
    plan = draft_plan(text, FACTS).plan
    assert (plan.budget, plan.duration_days) == (budget, days)
    assert (plan.offer.type, plan.offer.threshold, plan.offer.value) == offer
    found = [(rule.field, rule.op, rule.value) for rule in plan.target_segment.rules]
    assert sorted(found, key=str) == sorted(rules, key=str)


def test_there_are_at_least_forty_of_them() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("text", [case[0] for case in CASES])
def test_a_draft_can_always_be_paid_for(text: str) -> None:
    assert budget_problem(draft_plan(text, FACTS).plan) is None


def test_what_was_not_said_is_named() -> None:
    assert draft_plan("提升复购率", FACTS).plan_fixed == [
        "budget",
        "duration_days",
        "target_segment",
        "offer",
    ]
    assert draft_plan("预算3万,老客满300减50,7天", FACTS).plan_fixed == []


def test_a_limit_on_uses_is_kept() -> None:
    assert draft_plan("无门槛20元券,限量100张,预算1万", FACTS).plan.offer.max_redemptions == 100
    assert draft_plan("满300减50,限量9000张,预算1万", FACTS).plan.offer.max_redemptions == 200


def test_the_plan_speaks_the_sentence_language() -> None:
    chinese, english = (
        draft_plan("唤醒沉睡会员", FACTS).plan,
        draft_plan("win back lapsed members in Shanghai", FACTS).plan,
    )
    assert chinese.goal == "唤醒久未下单的会员"
    assert english.goal == "Win back members who stopped ordering"
    assert english.target_segment.definition == "Members: last order ≥ 60 days ago, in Shanghai"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "满50减300",
        "预算0元",
        "0折 0天",
        "9" * 500,
        "减减减减" * 100,
        "满" * 300,
        "\\'; DROP TABLE members",
    ],
)
def test_nonsense_still_makes_a_sound_plan(text: str) -> None:
    plan = draft_plan(text, FACTS).plan
    assert plan.budget > 0
    assert budget_problem(plan) is None
