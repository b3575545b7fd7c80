"""Search finds what people type, in both languages, ranked, on SQLite and MariaDB."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import insert, text, update

from app.catalogue import search
from app.catalogue.filters import ProductFilter
from app.catalogue.models import Product
from app.catalogue.queries import find_products
from app.core.clock import now
from app.db import db, transaction
from tests.builders import make_category, make_product


@pytest.fixture
def shop(each_app: Flask) -> Iterator[None]:
    with each_app.app_context():
        make_product("SUN-1", name="轻盈防晒乳 SPF50+", name_en="Featherlight Sunscreen SPF50+", units_sold=5)
        make_product(
            "CLN-1",
            name="氨基酸洁面乳",
            name_en="Amino Acid Cleanser",
            description="弱酸性,敏感肌可用",
            description_en="Mildly acidic, fit for sensitive skin",
        )
        make_product(
            "HAIR-1", category_id=3, name="摩洛哥护发精油", name_en="Argan Hair Oil", description="防毛躁"
        )
        make_product(
            "GIFT-1",
            category_id=7,
            name="旅行套装",
            name_en="Travel Kit",
            description="内含防晒乳",
            description_en="With a sunscreen inside",
            units_sold=900,
        )
        yield


def found(q: str, **asked: object) -> list[str]:
    return [product.sku for product in find_products(ProductFilter(q=q, **asked)).items]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "q",
    [
        "防晒",
        "晒乳",
        "盈防",
        "轻盈防晒乳",
        "spf50",
        "Sunscreens",
        "feather-light sunscreen",
        "轻盈 sunscreen",
    ],
)
def test_it_finds_words_in_mid_name_in_both_languages(shop: None, q: str) -> None:
    assert found(q)[0] == "SUN-1"


def test_it_finds_a_single_character(shop: None) -> None:
    assert set(found("晒")) == {"SUN-1", "GIFT-1"}


def test_it_finds_english_stems(shop: None) -> None:
    assert found("cleansers") == found("cleanser") == ["CLN-1"]
    assert found("AMINO ACIDS") == ["CLN-1"]


def test_it_finds_by_meaning_across_languages(shop: None) -> None:
    assert found("frizzy hair")[0] == "HAIR-1"
    assert "CLN-1" in found("sensitive skin")
    assert found("敏感肌") == ["CLN-1"]


def test_a_name_goes_before_a_description_even_one_that_sells_better(shop: None) -> None:
    assert found("防晒乳") == ["SUN-1", "GIFT-1"]


def test_of_two_that_say_the_same_the_popular_one_goes_first(shop: None) -> None:
    make_product("SUN-2", name="清透防晒乳 SPF30", name_en="Clear Sunscreen SPF30", units_sold=50)
    assert found("防晒")[:2] == ["SUN-2", "SUN-1"]


def test_all_words_go_before_some_words(shop: None) -> None:
    make_product("SUN-2", name="清透防晒喷雾", name_en="Clear Sun Mist", units_sold=500)
    assert found("轻盈防晒")[0] == "SUN-1"
    assert found("轻盈机器人")[:1] == ["SUN-1"], "what it has of the words is better than nothing"


def test_a_sku_finds_its_product_first(shop: None) -> None:
    make_product("SUN-10", name="SUN-1 替换装", name_en="Refill for SUN-1", units_sold=999)
    assert found("sun-1")[0] == "SUN-1"
    assert found("SUN-1")[0] == "SUN-1"


def test_the_name_of_a_shelf_finds_what_stands_there(shop: None) -> None:
    assert "HAIR-1" in found("护发产品")


def test_a_changed_product_is_found_by_its_new_name_only(shop: None) -> None:
    with transaction() as session:
        session.get_one(Product, "SUN-1").name = "柔雾气垫粉底"
        session.get_one(Product, "SUN-1").name_en = "Soft Cushion"
    assert found("气垫") == ["SUN-1"]
    assert "SUN-1" not in found("防晒")


def test_a_retired_product_is_not_found_until_it_is_restored(shop: None) -> None:
    with transaction() as session:
        session.get_one(Product, "SUN-1").is_retired = True
    assert found("轻盈") == []
    with transaction() as session:
        session.get_one(Product, "SUN-1").is_retired = False
    assert found("轻盈") == ["SUN-1"]


def test_a_rolled_back_product_leaves_no_entry(shop: None) -> None:
    with pytest.raises(RuntimeError), transaction() as session:
        session.add(Product(sku="GHOST", name="幽灵", name_en="Ghost", category_id=1, price_cents=1, stock=1))
        session.flush()
        raise RuntimeError
    assert found("幽灵") == []
    assert db.session.scalar(text("SELECT COUNT(*) FROM product_search WHERE sku = 'GHOST'")) == 0


def test_reindex_makes_up_for_bulk_writes_and_writes_only_what_differs(shop: None) -> None:
    columns = {"category_id": 1, "price_cents": 1, "stock": 1, "created_at": now(), "updated_at": now()}
    with transaction() as session:
        session.execute(
            insert(Product), [{"sku": "BULK", "name": "批量面霜", "name_en": "Bulk Cream", **columns}]
        )
        session.execute(update(Product).where(Product.sku == "SUN-1").values(is_retired=True))
        session.execute(update(Product).where(Product.sku == "CLN-1").values(name="燕麦洁面慕斯"))
        assert search.reindex() == 3
    assert found("批量") == ["BULK"]
    assert found("燕麦") == ["CLN-1"]
    assert found("轻盈") == []
    with transaction():
        assert search.reindex() == 0
    search.optimise()


@pytest.mark.parametrize(
    "q",
    [
        '"', "'", "*", "防晒*", "NEAR(", "name_tokens:防", "a OR b", "AND", "OR OR OR", "NOT 防晒", "-防晒", "+", "@4", "((((",
        "'; DROP TABLE products; --", "%", "_", "\\", "\x00防晒", "😀", "😀防晒", "<script>alert(1)</script>", "^a", "~", "a\nb",
        "{x}", ":expression", "%s", "防 晒" * 20, "ß" * 50,
    ],
)  # fmt: skip
def test_no_query_breaks_it(shop: None, q: str) -> None:
    find_products(ProductFilter(q=q))
    assert db.session.get(Product, "SUN-1") is not None


def test_signs_alone_find_nothing_and_vague_words_find_everything(shop: None) -> None:
    assert found("!!!") == []
    assert found("😀") == []
    assert len(found("有什么推荐")) == 4


def test_a_megabyte_of_query_takes_no_longer_than_a_hundred_characters(shop: None) -> None:
    started = time.perf_counter()
    assert found("防晒" * 500_000)[0] == "SUN-1"
    assert time.perf_counter() - started < 2


def test_filters_and_orders_apply_to_what_was_found(shop: None) -> None:
    make_product(
        "SUN-2", name="儿童防晒乳", name_en="Kids Sunscreen", price_cents=5_000, stock=0, units_sold=1
    )
    assert found("防晒", sort="price", max_price_cents=9_000) == ["SUN-2"]
    assert found("防晒", in_stock=True, category_id=1) == ["SUN-1"]
    assert found("防晒", sort="price")[0] == "SUN-2"
    assert found("防晒", sort="-sales") == ["GIFT-1", "SUN-1", "SUN-2"]
    assert found("防晒", sort="-created_at")[0] == "SUN-2"
    assert found("防晒", sort="-sales", best_only=True) == ["SUN-1", "SUN-2"], "the kit only mentions one"
    assert found("防晒", limit=1, offset=1) == found("防晒")[1:2]


@pytest.mark.parametrize("q", ["gentle sunscreen for frizzy hair 机器人", "redness allergy zzz"])
def test_a_search_takes_at_most_five_statements(each_app: Flask, q: str) -> None:
    from tests.browsing import counted_statements

    with each_app.app_context():
        make_category(id=1)
        make_product("A", name="玫瑰", name_en="Rose")
        with counted_statements(each_app) as statements:
            search.search(q)
        assert len(statements) <= 5, statements


def test_what_sells_is_found_first_among_very_many(each_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_HITS", 3)
    with each_app.app_context():
        for number in range(6):
            make_product(f"R-{number}", name="玫瑰霜", name_en="Rose Cream", units_sold=0)
        with transaction() as session:
            session.execute(update(Product).where(Product.sku == "R-4").values(units_sold=70))
        with transaction():
            search.rerank()
        assert found("玫瑰")[0] == "R-4"
        assert len(found("玫瑰")) == 3
        with transaction():
            assert search.rerank() == 0
