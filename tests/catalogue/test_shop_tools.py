"""The shop's tools as agents see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from pydantic import ValidationError

from app.catalogue import tools
from app.catalogue.topics import all_topics, find_topics
from app.core.actor import Actor
from app.core.errors import InvalidParam, NotFound
from tests.builders import make_category, make_product, make_store

ZH, EN = Actor(guest_id="g"), Actor(guest_id="g", locale="en")


@pytest.fixture
def shop(app: Flask) -> Iterator[None]:
    with app.app_context():
        make_category(id=2, name="彩妆", name_en="Make-up")
        make_product("SUN", price_cents=13_900, stock=4, name="轻盈防晒乳", name_en="Featherlight Sunscreen")
        make_product("LIP", category_id=2, price_cents=8_950, name="豆沙口红", name_en="Rosewood Lipstick")
        make_product("GIFT", price_cents=1_000, name="小样", name_en="Sample", description="防晒小样礼")
        make_store()
        make_store(id=2, name="北京国贸店", name_en="Beijing Guomao", city="北京", city_en="Beijing")
        yield


def ask(spec: Any, actor: Actor = ZH, **arguments: Any) -> dict[str, Any]:
    return spec.run(actor, spec.arguments.model_validate(arguments))


def test_list_products_has_its_contracts_shape(shop: None) -> None:
    answer = ask(tools.list_products, EN, q="sunscreen", top_k=1)
    assert answer["products"] == [
        {
            "sku": "SUN", "name": "Featherlight Sunscreen", "name_zh": "轻盈防晒乳", "name_en": "Featherlight Sunscreen",
            "price": "139.00", "price_cents": 13_900, "stock": 4, "category_id": 1, "category": "Skin care", "description": "",
            "image_url": "",
        }
    ]  # fmt: skip
    assert answer["total"] == 2


@pytest.mark.parametrize("category", ["2", 2, "彩妆", "make-up", "Makeup", "化妆品", " MAKE-UP "])
def test_a_category_goes_by_id_name_or_synonym(shop: None, category: str | int) -> None:
    assert [product["sku"] for product in ask(tools.list_products, category=category)["products"]] == ["LIP"]


def test_an_unknown_category_is_said_to_be_one(shop: None) -> None:
    with pytest.raises(InvalidParam):
        ask(tools.list_products, category="汽车")


def test_prices_are_yuan(shop: None) -> None:
    answer = ask(tools.list_products, min_price=89.5, max_price="139", sort="price")
    assert [product["sku"] for product in answer["products"]] == ["LIP", "SUN"]


def test_the_cheapest_sunscreen_is_a_sunscreen(shop: None) -> None:
    assert ask(tools.list_products, q="防晒乳", sort="price")["products"][0]["sku"] == "SUN"


@pytest.mark.parametrize(
    "wrong",
    [{"top_k": 0}, {"top_k": 1000}, {"sort": "best"}, {"min_price": -1}, {"max_price": "NaN"}, {"max_price": 1e30}, {"sql": "1"}, {"in_stock": "maybe"}],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_are_refused(shop: None, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ask(tools.list_products, **wrong)


def test_a_long_question_is_cut_not_refused(shop: None) -> None:
    assert ask(tools.list_products, q="防晒乳 " * 1000)["total"] >= 1


def test_get_product_knows_nothing_of_retired_ones(shop: None) -> None:
    assert ask(tools.get_product, sku="sun")["product"]["price"] == "139.00"
    make_product("OLD", is_retired=True)
    for sku in ("OLD", "NONE"):
        with pytest.raises(NotFound):
            ask(tools.get_product, sku=sku)


def test_stores_are_told_in_the_readers_language(shop: None) -> None:
    assert ask(tools.list_stores, EN, city="北京")["stores"] == [
        {"id": 2, "name": "Beijing Guomao", "city": "Beijing"}
    ]
    assert len(ask(tools.list_stores)["stores"]) == 2
    assert ask(tools.list_stores, city="Mars")["stores"] == []


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("怎么退货", "returns"), ("can I send it back?", "returns"), ("多久到", "delivery"), ("How long does shipping take?", "delivery"),
        ("几点关门", "hours"), ("opening hours", "hours"), ("可以用支付宝吗", "payment"), ("how do I book a facial", "booking"), ("积分怎么用", "points"),
        ("怎么领优惠券", "coupons"), ("能开发票吗", "invoice"), ("是正品吗", "genuine"),
    ],
)  # fmt: skip
def test_service_info_answers_the_question(shop: None, question: str, key: str) -> None:
    assert ask(tools.service_info, q=question)["topics"][0]["key"] == key


def test_every_topic_is_complete_in_both_languages() -> None:
    assert len(all_topics()) >= 8
    for topic in all_topics():
        for locale in ("zh", "en"):
            answer = topic.as_json(locale)
            assert all(answer.values())
    assert find_topics("") == find_topics("量子力学") == all_topics()


def test_every_tool_is_described_in_both_languages_and_open_to_guests() -> None:
    for spec in tools.TOOLS:
        assert set(spec.descriptions) == {"zh", "en"} and all(spec.descriptions.values())
        assert spec.is_for(ZH) and not spec.writes
        assert spec.input_schema()["type"] == "object"
