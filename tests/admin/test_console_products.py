"""The console's products: who may open it, forms, edits that meet, pictures."""

from __future__ import annotations

import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import update

from app.catalogue.filters import ProductFilter
from app.catalogue.models import Product
from app.catalogue.queries import find_products
from app.core.actor import Role
from app.db import db, transaction
from tests.browsing import PARTIAL, counted_statements, csrf_of, post_form, sign_in
from tests.builders import make_product, make_user

ENGLISH = {"Accept-Language": "en"}
VERSION = re.compile(r'name="version"[^>]*value="([0-9a-f]+)"')
FIELDS = {
    "name": "新品",
    "name_en": "New",
    "category_id": "1",
    "price_cents": "12.50",
    "description": "",
    "description_en": "",
}


@pytest.fixture
def shop(app: Flask) -> Flask:
    with app.app_context():
        make_product("A", price_cents=10_000, stock=5, name="防晒乳", name_en="Sun Milk")
        make_product("OLD", name="旧款", name_en="Old one", is_retired=True)
    return app


@pytest.fixture
def olivia(shop: Flask, client: FlaskClient) -> FlaskClient:
    """An operator's browser."""
    with shop.app_context():
        user = make_user("olivia", roles=(Role.CUSTOMER, Role.OPERATOR))
    sign_in(client, user)
    return client


def stored(app: Flask, sku: str) -> Product:
    with app.app_context():
        return db.session.get_one(Product, sku)


def version_on(client: FlaskClient, sku: str = "A") -> str:
    found = VERSION.search(client.get(f"/admin/products/{sku}").text)
    assert found
    return found.group(1)


@pytest.mark.parametrize("path", ["/admin", "/admin/products", "/admin/products/new", "/admin/products/A"])
def test_only_operators_and_admins_may_open_the_console(shop: Flask, client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 303
    for role, status in (
        (Role.CUSTOMER, 403),
        (Role.CONSULTANT, 403),
        (Role.OPERATOR, 200),
        (Role.ADMIN, 200),
    ):
        with shop.app_context():
            user = make_user(f"u{role}", roles=(role,))
        sign_in(client, user)
        assert client.get(path).status_code == status


def test_writing_needs_the_role_too(shop: Flask, client: FlaskClient) -> None:
    with shop.app_context():
        sign_in(client, make_user("bob"))
    for path in (
        "/admin/products/new",
        "/admin/products/A",
        "/admin/products/A/restock",
        "/admin/products/A/retire",
        "/admin/products/OLD/restore",
    ):
        assert post_form(client, path, **FIELDS, quantity="5").status_code == 403
    assert stored(shop, "A").stock == 5


def test_a_form_without_its_token_changes_nothing(shop: Flask, olivia: FlaskClient) -> None:
    assert olivia.post("/admin/products/A/retire").status_code == 403
    assert not stored(shop, "A").is_retired


def test_the_list_finds_by_part_of_name_or_sku_and_shows_retired_ones(olivia: FlaskClient) -> None:
    assert "Sun Milk" in olivia.get("/admin/products?q=un+mi", headers=ENGLISH).text
    assert "Old one" in olivia.get("/admin/products?q=OLD", headers=ENGLISH).text
    assert "Sun Milk" not in olivia.get("/admin/products?state=retired", headers=ENGLISH).text
    assert "Sun Milk" in olivia.get("/admin/products?state=low", headers=ENGLISH).text
    assert "No product fits" in olivia.get("/admin/products?q=%25", headers=ENGLISH).text, (
        "% is a letter here"
    )
    for query in ("page=x", "page=-1", "page=99999999", "state=x", "q=" + "'" * 300):
        assert olivia.get(f"/admin/products?{query}").status_code == 200
    assert olivia.get("/admin/products?q=sun", headers=PARTIAL).text.lstrip().startswith('<div id="results"')


def test_a_new_product_is_in_the_shop_at_once(shop: Flask, olivia: FlaskClient) -> None:
    answer = post_form(olivia, "/admin/products/new", **FIELDS, sku="N-1", stock="7")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/products/N-1")
    product = stored(shop, "N-1")
    assert (product.price_cents, product.stock) == (1250, 7)
    with shop.app_context():
        assert [each.sku for each in find_products(ProductFilter(q="新品")).items] == ["N-1"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("sku", ""), ("sku", "a b"), ("sku", "A"), ("name", ""), ("name", "x" * 121), ("price_cents", "-1"), ("price_cents", "abc"), ("price_cents", "1e99"), ("price_cents", ""), ("price_cents", "NaN"), ("stock", "-1"), ("stock", "9999999999"), ("stock", "x"), ("category_id", "99"), ("category_id", "x"), ("description", "x" * 5001)],
)  # fmt: skip
def test_wrong_values_come_back_with_the_form_and_nothing_is_kept(
    shop: Flask, olivia: FlaskClient, field: str, value: str
) -> None:
    answer = post_form(olivia, "/admin/products/new", **{**FIELDS, "sku": "N-1", "stock": "1", field: value})
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.text
    with shop.app_context():
        assert db.session.get(Product, "N-1") is None


def test_what_was_typed_comes_back_escaped(olivia: FlaskClient) -> None:
    answer = post_form(
        olivia, "/admin/products/new", **{**FIELDS, "name": "<script>alert(1)</script>", "sku": ""}
    )
    assert "&lt;script&gt;alert(1)" in answer.text and "<script>alert" not in answer.text


def test_an_edit_is_saved_and_search_follows(shop: Flask, olivia: FlaskClient) -> None:
    answer = post_form(
        olivia, "/admin/products/A", **{**FIELDS, "name": "柔雾粉底"}, version=version_on(olivia)
    )
    assert answer.status_code == 303
    assert stored(shop, "A").price_cents == 1250
    with shop.app_context():
        assert [each.sku for each in find_products(ProductFilter(q="粉底")).items] == ["A"]


def test_the_slower_of_two_editors_is_told_and_loses_nothing(shop: Flask, olivia: FlaskClient) -> None:
    seen = version_on(olivia)
    with shop.app_context(), transaction() as session:
        session.execute(update(Product).where(Product.sku == "A").values(price_cents=7_700))
    answer = post_form(olivia, "/admin/products/A", **{**FIELDS, "name": "我的名字"}, version=seen)
    assert answer.status_code == 409
    assert "77.00" in answer.text and "我的名字" in answer.text
    assert stored(shop, "A").price_cents == 7_700
    again = VERSION.search(answer.text)
    assert again and again.group(1) != seen
    assert post_form(olivia, "/admin/products/A", **FIELDS, version=again.group(1)).status_code == 303
    assert stored(shop, "A").price_cents == 1250


def test_an_edit_without_a_version_is_refused(shop: Flask, olivia: FlaskClient) -> None:
    assert post_form(olivia, "/admin/products/A", **FIELDS).status_code == 409
    assert stored(shop, "A").price_cents == 10_000


def test_restocking_retiring_and_restoring(shop: Flask, olivia: FlaskClient) -> None:
    assert post_form(olivia, "/admin/products/A/restock", quantity="20").status_code == 303
    assert stored(shop, "A").stock == 25
    for quantity in ("", "x", "0", "1.5", "99999999999"):
        assert post_form(olivia, "/admin/products/A/restock", quantity=quantity).status_code == 422
    assert post_form(olivia, "/admin/products/A/restock", quantity="-26").status_code == 409
    assert post_form(olivia, "/admin/products/A/retire").status_code == 303
    assert olivia.get("/products/A").status_code == 410
    assert post_form(olivia, "/admin/products/A/restore").status_code == 303
    assert olivia.get("/products/A").status_code == 200
    assert stored(shop, "A").stock == 25
    assert post_form(olivia, "/admin/products/NONE/retire").status_code == 404


def upload(client: FlaskClient, data: bytes, name: str) -> int:
    fields = {
        **FIELDS,
        "csrf_token": csrf_of(client),
        "version": version_on(client),
        "picture": (io.BytesIO(data), name),
    }
    return client.post("/admin/products/A", data=fields, content_type="multipart/form-data").status_code


def test_an_uploaded_picture_is_shown(shop: Flask, olivia: FlaskClient) -> None:
    out = io.BytesIO()
    Image.new("RGB", (400, 400), "green").save(out, "JPEG")
    assert upload(olivia, out.getvalue(), "../../evil.php") == 303
    url = stored(shop, "A").image_url
    assert re.fullmatch(r"/media/[0-9a-f]{32}\.webp", url)
    assert olivia.get(url).mimetype == "image/webp"
    assert url in olivia.get("/products/A").text


def test_a_file_that_is_no_picture_is_refused_and_nothing_is_saved(shop: Flask, olivia: FlaskClient) -> None:
    assert upload(olivia, b"<?php echo 1;", "picture.jpg") == 422
    assert (stored(shop, "A").image_url, stored(shop, "A").price_cents) == ("", 10_000)


def test_a_file_that_is_too_large_is_refused(shop: Flask, olivia: FlaskClient) -> None:
    assert upload(olivia, b"\xff\xd8" + b"0" * 5_050_000, "picture.jpg") == 422
    assert upload(olivia, b"\xff\xd8" + b"0" * 6_000_000, "picture.jpg") == 413


def test_console_pages_take_few_statements(shop: Flask, olivia: FlaskClient) -> None:
    for path in ("/admin", "/admin/products", "/admin/products/A"):
        with counted_statements(shop) as statements:
            olivia.get(path)
        assert len(statements) <= 8, (path, statements)
