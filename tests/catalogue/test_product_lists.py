"""Lists, facets and orders without words; both engines where SQL differs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import insert, update

from app.catalogue import cache, front, queries
from app.catalogue.filters import BANDS, ProductFilter, band_of
from app.catalogue.models import Category, Product
from app.catalogue.queries import find_products, list_products
from app.core.errors import InvalidParam, NotFound
from app.db import transaction
from tests.browsing import counted_statements
from tests.builders import make_category, make_product


@pytest.fixture
def shop(each_app: Flask) -> Iterator[Flask]:
    with each_app.app_context():
        make_product("A", price_cents=5_000, stock=0, units_sold=3)
        make_product("B", price_cents=10_000, stock=5, units_sold=9)
        make_product("C", price_cents=19_999, stock=5, category_id=2, units_sold=1)
        make_product("D", price_cents=20_000, stock=5, category_id=2)
        make_product("E", price_cents=90_000, stock=1, category_id=2, is_retired=True)
        yield each_app


def skus(**asked: object) -> list[str]:
    return [product.sku for product in find_products(ProductFilter(**asked)).items]  # type: ignore[arg-type]


def test_every_order_is_total(shop: Flask) -> None:
    assert skus(sort="price") == ["A", "B", "C", "D"]
    assert skus(sort="-price") == ["D", "C", "B", "A"]
    assert skus(sort="-sales") == ["B", "A", "C", "D"]
    assert skus(sort="-created_at") == ["D", "C", "B", "A"]
    assert skus() == skus(sort="-sales")


def test_prices_include_both_ends(shop: Flask) -> None:
    assert skus(min_price_cents=10_000, max_price_cents=19_999, sort="price") == ["B", "C"]
    assert skus(min_price_cents=20_000, max_price_cents=10_000) == []


def test_pages_do_not_overlap(shop: Flask) -> None:
    first, second = skus(limit=3, sort="price"), skus(limit=3, offset=3, sort="price")
    assert first + second == ["A", "B", "C", "D"]
    assert find_products(ProductFilter(limit=3)).total == 4


def test_facets_leave_their_own_filter_out(shop: Flask) -> None:
    facets = list_products(
        ProductFilter(category_id=2, min_price_cents=10_000, max_price_cents=19_999)
    ).facets
    assert facets.total == 1
    assert facets.categories == {1: 1, 2: 1}
    assert facets.any_category == 2
    assert facets.bands == (0, 1, 1, 0)
    assert list_products(ProductFilter(in_stock=True)).facets.bands == (0, 2, 1, 0)
    assert list_products(ProductFilter(category_id=1)).facets.in_stock == 1


def test_facets_of_a_search_agree_with_its_list(shop: Flask) -> None:
    for asked in ({}, {"category_id": 2}, {"in_stock": True}, {"max_price_cents": 15_000}):
        listing = list_products(ProductFilter(q="产品", **asked))  # type: ignore[arg-type]
        assert listing.facets.total == listing.page.total == len(listing.page.items)
        assert listing.facets == list_products(ProductFilter(**asked)).facets  # type: ignore[arg-type]


def test_bands_meet_without_gap() -> None:
    assert [band_of(cents) for cents in (0, 9_999, 10_000, 19_999, 20_000, 39_999, 40_000, 10**9)] == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
        3,
    ]
    assert all(low == BANDS[number - 1][1] for number, (low, _end) in enumerate(BANDS) if number)


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 0}, {"limit": 101}, {"limit": -1}, {"offset": -1}, {"offset": 10**9}, {"sort": "name; --"}, {"min_price_cents": -1}, {"max_price_cents": 10**15}],
    ids=str,
)  # fmt: skip
def test_it_refuses_what_is_out_of_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParam) as refused:
        ProductFilter(**wrong)  # type: ignore[arg-type]
    assert set(refused.value.fields) == set(wrong)


def test_a_change_in_this_process_shows_at_once(shop: Flask) -> None:
    assert find_products(ProductFilter()).total == 4
    make_product("F", category_id=1)
    assert find_products(ProductFilter()).total == 5
    make_category(id=3, name="香氛", name_en="Scents")
    assert 3 in [category.id for category in queries.list_categories_cached()]


def test_counts_of_two_databases_do_not_mix(make_app: object) -> None:
    one, two = make_app(), make_app()  # type: ignore[operator]
    with one.app_context():
        make_product("A")
        assert find_products(ProductFilter()).total == 1
    with two.app_context():
        assert find_products(ProductFilter()).total == 0


def test_what_was_read_before_a_change_is_not_kept(app: Flask) -> None:
    with app.app_context():

        def read_while_somebody_writes() -> str:
            cache.clear()
            return "old"

        assert cache.cached("key", 60, read_while_somebody_writes) == "old"
        assert cache.cached("key", 60, lambda: "new") == "new"


def test_a_browsed_page_takes_two_statements_and_one_when_warm(shop: Flask) -> None:
    cache.clear()
    with counted_statements(shop) as statements:
        list_products(ProductFilter(category_id=2, in_stock=True))
    assert len(statements) == 2
    with counted_statements(shop) as statements:
        list_products(ProductFilter(category_id=1))
    assert len(statements) == 1


def test_a_product_is_found_whatever_the_case_of_its_sku(shop: Flask) -> None:
    assert queries.get_product("a").sku == "A"
    with pytest.raises(NotFound):
        queries.get_product("E")
    with pytest.raises(NotFound):
        queries.get_product("A' OR '1'='1")


def test_related_products_are_of_the_same_shelf_and_on_sale(shop: Flask) -> None:
    with transaction() as session:
        session.execute(update(Product).where(Product.sku == "D").values(stock=0))
    cache.clear()
    assert [product.sku for product in front.list_related(queries.get_product("C"))] == []
    assert [product.sku for product in front.list_related(queries.get_product("A"))] == ["B"]


def test_a_product_that_was_just_retired_elsewhere_is_not_shown(shop: Flask) -> None:
    assert [product.sku for product in queries.list_by_sku(["B", "A", "E", "NONE"])] == ["B", "A"]
    with transaction() as session:
        session.execute(update(Product).where(Product.sku == "B").values(is_retired=True))
    assert [product.sku for product in queries.list_by_sku(["B", "A"])] == ["A"]


def test_the_shelf_is_asked_for_in_a_way_that_an_index_answers(shop: Flask) -> None:
    """MariaDB reads the whole table for `is_retired IS false`."""
    cache.clear()
    with counted_statements(shop) as statements:
        list_products(ProductFilter(category_id=1, max_price_cents=20_000))
        front.get_front("en")
    assert len(statements) >= 4
    assert not [each for each in statements if re.search(r"IS (false|0)", each)]


def test_cards_say_the_same_in_both_languages_as_the_product(shop: Flask) -> None:
    make_product("ZH", name="只有中文", name_en="", description="说明", description_en="")
    for locale in ("zh", "en"):
        views = list_products(ProductFilter()).page.items
        cards = queries.list_cards(ProductFilter(), locale).page.items
        assert [(card.sku, card.name, card.description, card.is_sold_out) for card in cards] == [
            (view.sku, view.title(locale), view.text(locale), view.stock == 0) for view in views
        ]


def test_while_one_makes_a_value_anew_others_go_on_with_the_old_one(
    shop: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(cache.time, "monotonic", lambda: clock[0])
    assert cache.cached("slow", 5, lambda: "old") == "old"
    clock[0] += 6
    assert cache.cached("slow", 5, lambda: cache.cached("slow", 5, lambda: "another") + "er") == "older"
    assert cache.cached("slow", 5, lambda: "newest") == "older"
    clock[0] += 6
    assert cache.cached("slow", 5, lambda: "newest") == "newest"


def test_a_category_that_was_just_made_has_its_name(shop: Flask) -> None:
    queries.list_categories_cached()
    with transaction() as session:
        session.execute(insert(Category).values(id=77, name="新架", name_en="New shelf"))
    category = queries.find_category(77)
    assert category is not None and category.title("en") == "New shelf"
    assert queries.find_category(78) is None
