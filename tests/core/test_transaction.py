from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import update

from app.catalogue.models import Product
from app.db import db, in_transaction
from tests.builders import make_product


def test_concurrent_writers_all_get_their_turn(each_app: Flask) -> None:
    with each_app.app_context():
        make_product("A", stock=0)

    def add_one(_number: int) -> None:
        with each_app.app_context():
            in_transaction(
                lambda: db.session.execute(
                    update(Product).where(Product.sku == "A").values(stock=Product.stock + 1)
                )
            )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add_one, range(100)))
    with each_app.app_context():
        assert db.session.get_one(Product, "A").stock == 100
