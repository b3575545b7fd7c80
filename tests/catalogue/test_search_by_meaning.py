"""Products by words and meaning: fused, filtered, counted and paged exactly; without the model as ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.catalogue import cache, meaning
from app.catalogue.filters import ProductFilter
from app.catalogue.queries import find_products, list_products
from app.catalogue.service import retire_product, update_product
from app.core.actor import Role
from app.db import in_transaction
from app.semantic.reader import EXTENSION
from tests.builders import actor_of, make_product, make_user
from tests.conftest import MakeApp
from tests.semantic.fakes import PlantedMeaning, model_folder


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def shop(request: pytest.FixtureRequest, make_app: MakeApp, tmp_path: object) -> Iterator[Flask]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("mariadb_url")
    app = make_app(url, embed_model_path=model_folder(tmp_path / "model"))  # type: ignore[operator]
    app.extensions[EXTENSION] = PlantedMeaning({})
    with app.app_context():
        for number in range(6):
            make_product(
                f"SUN-{number}",
                name=f"防晒乳{number}",
                price_cents=1_000 * (number + 1),
                units_sold=50 - number,
            )
        make_product("HAT-1", category_id=2, name="宽檐帽", price_cents=500, stock=0)
        make_product("TEA-1", category_id=2, name="菊花茶", price_cents=700)
        yield app


def plant(app: Flask, q: str, *skus: str) -> PlantedMeaning:
    planted = PlantedMeaning({q: [(sku, 0.9 - number / 100) for number, sku in enumerate(skus)]})
    app.extensions[EXTENSION] = planted
    cache.clear()
    return planted


def skus(q: str, **asked: object) -> list[str]:
    return [each.sku for each in find_products(ProductFilter(q=q, **asked)).items]  # type: ignore[arg-type]


def test_meaning_raises_what_words_found_too_and_adds_what_they_did_not(shop: Flask) -> None:
    assert skus("防晒") == [f"SUN-{number}" for number in range(6)]
    plant(shop, "防晒", "SUN-3", "HAT-1")
    found = skus("防晒")
    assert found[0] == "SUN-3" and sorted(found) == ["HAT-1", *(f"SUN-{number}" for number in range(6))]


def test_pages_counts_and_filters_are_exact(shop: Flask) -> None:
    plant(shop, "防晒", "SUN-3", "HAT-1", "TEA-1")
    everything = skus("防晒")
    pages = [skus("防晒", limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert [sku for page in pages for sku in page] == everything and len(everything) == 8
    listing = list_products(ProductFilter(q="防晒", limit=2))
    assert listing.page.total == 8 and listing.facets.categories == {1: 6, 2: 2}
    in_stock = list_products(ProductFilter(q="防晒", in_stock=True, category_id=2))
    assert [each.sku for each in in_stock.page.items] == ["TEA-1"] and in_stock.page.total == 1
    assert skus("防晒", max_price_cents=1_000, sort="price") == ["HAT-1", "TEA-1", "SUN-0"]


def test_the_best_only_are_those_that_words_find_where_there_are_any(shop: Flask) -> None:
    plant(shop, "防晒", "HAT-1")
    assert skus("防晒", sort="price", best_only=True)[0] == "SUN-0"
    plant(shop, "头顶风光", "HAT-1")
    assert skus("头顶风光", sort="price", best_only=True) == ["HAT-1"]
    assert skus("头顶风光", words_only=True) == []


def test_a_typed_sku_and_a_vague_question_are_not_asked_of_the_model(shop: Flask) -> None:
    planted = plant(shop, "sun-2", "HAT-1")
    assert skus("SUN-2")[0] == "SUN-2" and "HAT-1" not in skus("SUN-2")
    skus("有什么好的")
    assert planted.asked == [""]


def test_what_cannot_be_bought_does_not_come_up(shop: Flask) -> None:
    plant(shop, "头顶风光", "HAT-1", "GONE-1")
    actor = actor_of(make_user(roles=(Role.ADMIN,)))
    in_transaction(lambda: retire_product(actor, "HAT-1"))
    cache.clear()
    assert skus("头顶风光") == []


def test_without_the_model_nothing_changes(shop: Flask) -> None:
    shop.extensions[EXTENSION] = PlantedMeaning({}, unavailable="slow")
    cache.clear()
    assert skus("防晒") == [f"SUN-{number}" for number in range(6)]


def test_a_change_of_texts_asks_for_the_index_to_follow_and_a_sale_does_not(
    shop: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("app.semantic.requests.request_sync", asked.append)
    actor = actor_of(make_user(roles=(Role.ADMIN,)))
    in_transaction(lambda: update_product(actor, "HAT-1", {"price_cents": 600}))
    assert asked == []
    in_transaction(lambda: update_product(actor, "HAT-1", {"name": "遮阳帽"}))
    in_transaction(lambda: retire_product(actor, "HAT-1"))
    assert asked == [meaning.COLLECTION] * 2
