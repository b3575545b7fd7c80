"""Who may change the catalogue, and how changes that meet are settled."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from app.catalogue import service
from app.catalogue.models import Product
from app.core.actor import SYSTEM, Actor, Role
from app.core.errors import BadRequest, Conflict, Forbidden, InvalidParam, NotFound, Unauthorized
from app.db import db, in_transaction, transaction
from tests.builders import make_category, make_product

OPERATOR = Actor(user_id=1, roles=frozenset({Role.OPERATOR}))
ADMIN = Actor(user_id=2, roles=frozenset({Role.ADMIN}))
CUSTOMER = Actor(user_id=3, roles=frozenset({Role.CUSTOMER}))
CONSULTANT = Actor(user_id=4, roles=frozenset({Role.CONSULTANT}))
NEW = {"sku": "NEW-1", "name": "新品", "name_en": "", "price_cents": 1000, "stock": 2, "category_id": 1}


@pytest.mark.parametrize("actor", [OPERATOR, ADMIN], ids=["operator", "admin"])
def test_operators_and_admins_put_products_on_the_shelf(ctx: None, actor: Actor) -> None:
    make_category()
    product = in_transaction(lambda: service.create_product(actor, NEW))
    assert (product.sku, product.name_en, product.stock) == ("NEW-1", "新品", 2)


@pytest.mark.parametrize(
    ("actor", "error"), [(CUSTOMER, Forbidden), (CONSULTANT, Forbidden), (Actor(guest_id="g"), Unauthorized), (SYSTEM, Unauthorized)]
)  # fmt: skip
def test_nobody_else_changes_anything(ctx: None, actor: Actor, error: type[Exception]) -> None:
    make_product("A", stock=5)
    for change in (
        lambda: service.create_product(actor, NEW),
        lambda: service.update_product(actor, "A", {"price_cents": 1}),
        lambda: service.restock(actor, "A", 1),
        lambda: service.retire_product(actor, "A"),
        lambda: service.restore_product(actor, "A"),
    ):
        with pytest.raises(error):
            in_transaction(change)
    assert (db.session.get_one(Product, "A").stock, db.session.get(Product, "NEW-1")) == (5, None)


def test_a_sku_is_taken_whatever_its_case(ctx: None) -> None:
    make_product("NEW-1")
    for sku in ("NEW-1", "new-1"):
        with pytest.raises(BadRequest) as refused:
            in_transaction(lambda sku=sku: service.create_product(OPERATOR, {**NEW, "sku": sku}))
        assert refused.value.code == "SKU_EXISTS"


def test_an_unknown_category_is_refused(ctx: None) -> None:
    make_product("A")
    with pytest.raises(InvalidParam):
        in_transaction(lambda: service.create_product(OPERATOR, {**NEW, "category_id": 99}))
    with pytest.raises(InvalidParam):
        in_transaction(lambda: service.update_product(OPERATOR, "A", {"category_id": 99}))


def test_two_editors_do_not_overwrite_each_other(each_app: Flask) -> None:
    with each_app.app_context():
        product = make_product("A", price_cents=1000)
        seen = service.version_of(product)
        in_transaction(lambda: service.update_product(OPERATOR, "A", {"price_cents": 1500}, version=seen))
        with pytest.raises(Conflict) as refused:
            in_transaction(lambda: service.update_product(ADMIN, "A", {"price_cents": 900}, version=seen))
        assert refused.value.code == "EDIT_CONFLICT"
        assert db.session.get_one(Product, "A").price_cents == 1500


def test_a_sale_meanwhile_is_no_conflict_for_an_editor(ctx: None) -> None:
    seen = service.version_of(make_product("A", stock=5))
    in_transaction(lambda: service.restock(OPERATOR, "A", -1))
    in_transaction(lambda: service.update_product(OPERATOR, "A", {"name": "新名"}, version=seen))
    product = db.session.get_one(Product, "A", populate_existing=True)
    assert (product.name, product.stock) == ("新名", 4)


def test_restocking_in_parallel_loses_nothing(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=0)

    def add(_number: int) -> None:
        with each_app.app_context():
            in_transaction(lambda: service.restock(OPERATOR, "A", 3))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    with each_app.app_context():
        assert db.session.get_one(Product, "A").stock == 120


def test_stock_never_falls_below_zero_nor_above_its_bound(ctx: None) -> None:
    make_product("A", stock=5)
    assert in_transaction(lambda: service.restock(OPERATOR, "A", -5)) == 0
    with pytest.raises(Conflict):
        in_transaction(lambda: service.restock(OPERATOR, "A", -1))
    for quantity in (0, 100_001, -100_001):
        with pytest.raises(InvalidParam):
            in_transaction(lambda quantity=quantity: service.restock(OPERATOR, "A", quantity))
    with pytest.raises(NotFound):
        in_transaction(lambda: service.restock(OPERATOR, "NONE", 1))


def test_retiring_and_restoring_work_once_each(ctx: None) -> None:
    make_product("A")
    in_transaction(lambda: service.retire_product(OPERATOR, "A"))
    with pytest.raises(NotFound):
        in_transaction(lambda: service.retire_product(OPERATOR, "A"))
    with pytest.raises(NotFound):
        in_transaction(lambda: service.update_product(OPERATOR, "A", {"name": "x"}))
    in_transaction(lambda: service.restore_product(OPERATOR, "A"))
    with pytest.raises(NotFound):
        in_transaction(lambda: service.restore_product(OPERATOR, "A"))


def test_every_change_leaves_one_audit_line_and_a_refused_one_none(
    ctx: None, caplog: pytest.LogCaptureFixture
) -> None:
    make_product("A", price_cents=1000)
    with caplog.at_level(logging.INFO, logger="mcpshop.audit"):
        in_transaction(
            lambda: service.update_product(OPERATOR, "A", {"price_cents": 1200, "name": "a\nforged line"})
        )
        with pytest.raises(RuntimeError), transaction():
            service.retire_product(OPERATOR, "A")
            raise RuntimeError
    lines = [record.getMessage() for record in caplog.records if record.name == "mcpshop.audit"]
    assert len(lines) == 1
    assert "product.changed" in lines[0] and "1000 → 1200" in lines[0] and "user:1" in lines[0]
    assert "\n" not in lines[0]
