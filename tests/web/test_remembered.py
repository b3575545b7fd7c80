"""What pages keep between requests never shows one visitor's to another, nor what has changed since."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel import Locale
from babel.dates import format_datetime
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale
from markupsafe import Markup

from app.web import static_files
from app.web.i18n import local_time, show_datetime
from app.web.remembered import CSRF_SLOT, csrf_field, personal, remembered, translate, translate_number
from tests.browsing import TOKEN
from tests.builders import make_product

ENGLISH = {"Accept-Language": "en"}
CHINESE = {"Accept-Language": "zh-CN"}


def test_a_piece_is_made_once_for_the_same_arguments(app: Flask) -> None:
    made: list[object] = []

    def macro(value: object) -> Markup:
        made.append(value)
        return Markup("<b>{}</b>").format(value)

    piece = remembered(macro)
    with app.test_request_context():
        assert piece("a") == piece("a") == "<b>a</b>"
    assert made == ["a"]


def test_what_was_safe_once_makes_no_text_safe(app: Flask) -> None:
    piece = remembered(lambda value: Markup("<p>{}</p>").format(value))
    with app.test_request_context():
        assert piece(Markup("<i>x</i>")) == "<p><i>x</i></p>"
        assert piece("<i>x</i>") == "<p>&lt;i&gt;x&lt;/i&gt;</p>"


def test_a_piece_is_kept_for_one_language(app: Flask) -> None:
    piece = remembered(lambda: translate("Cart"))
    for language, expected in ((ENGLISH, "Cart"), (CHINESE, "购物车"), (ENGLISH, "Cart")):
        with app.test_request_context(headers=language):
            assert piece() == expected


def test_a_kept_piece_may_not_ask_for_what_is_the_visitors_own(app: Flask) -> None:
    with app.test_request_context():
        assert personal(csrf_field)()
        with pytest.raises(RuntimeError, match="csrf_field"):
            remembered(personal(csrf_field))()


def test_a_changed_file_gets_another_address_in_kept_pieces(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(static_files, "STATIC", tmp_path)
    seconds = iter(range(10**9, 10**9 + 100))
    monkeypatch.setattr(static_files.time, "monotonic", lambda: next(seconds))
    piece = remembered(lambda: Markup(static_files.static_url("x.svg")))
    addresses = []
    for text in ("one", "one", "two"):
        (tmp_path / "x.svg").write_text(text)
        with app.test_request_context():
            addresses.append(piece())
    assert addresses[0] == addresses[1] != addresses[2]


def test_every_form_has_the_visitors_own_token(app: Flask) -> None:
    with app.app_context():
        make_product("A")
    pages = ["/", "/products", "/products/A", "/products?q=A"]
    seen = []
    for _ in range(2):
        client = app.test_client()
        texts = [client.get(page).text for page in pages]
        for text in texts:
            assert str(CSRF_SLOT) not in text
            assert text.count('name="csrf_token"') == text.count('method="post"')
        tokens = {token.split(".")[0] for text in texts for token in TOKEN.findall(text)}
        assert len(tokens) == 1
        seen.append(tokens)
        token = TOKEN.findall(texts[1])[-1]
        added = client.post("/cart/items", data={"csrf_token": token, "sku": "A", "quantity": 1})
        assert added.status_code == 303
    assert seen[0].isdisjoint(seen[1])


def test_a_translated_text_escapes_its_values(app: Flask) -> None:
    with app.test_request_context(headers=ENGLISH):
        assert translate("Hello %(name)s", name="<b>") == "Hello &lt;b&gt;"
        assert translate("100%% of it") == "100% of it"
        assert translate_number("%(num)s product", "%(num)s products", 2) == "2 products"


def test_the_theme_is_one_of_ours_whatever_the_cookie_says(client: FlaskClient) -> None:
    client.set_cookie("theme", '"><script>')
    assert "<html" in client.get("/login").text
    assert not re.search(r"<html[^>]*data-theme", client.get("/login").text)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_times_read_as_babel_writes_them(app: Flask, locale: str) -> None:
    moment = datetime(2026, 3, 1, 15, 59, 58, 987_654, tzinfo=UTC)
    for hours in range(0, 96, 7):
        with app.test_request_context(), force_locale(locale):
            then = moment + timedelta(hours=hours)
            expected = format_datetime(local_time(then), "medium", locale=Locale.parse(locale))
            assert show_datetime(then) == expected == show_datetime(then)
    assert show_datetime(None) == ""
