"""The pages of an account, without JavaScript and with htmx's fragments, in both languages."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts import contacts, messages, queries, wallet
from app.accounts.models import User
from app.db import db, transaction
from tests.browsing import PARTIAL, counted_statements, csrf_of, post_form, sign_in
from tests.builders import make_user

PAGES = (
    "/account",
    "/account/password",
    "/account/wallet",
    "/account/wallet?kind=credit",
    "/account/messages",
    "/account/contacts",
    "/account/contacts/new",
)
CONTACT = {"recipient": "林小澄", "phone": "138 0000 0000", "city": "上海", "address": "静安区南京西路 1 号"}


@pytest.fixture
def alice(app: Flask) -> User:
    with app.app_context():
        return make_user("alice")


@pytest.fixture
def charlie(app: Flask) -> FlaskClient:
    browser = app.test_client()
    with app.app_context():
        user = make_user("charlie")
    sign_in(browser, user)
    return browser


@pytest.fixture
def browser(client: FlaskClient, alice: User) -> FlaskClient:
    sign_in(client, alice)
    return client


def add_contact(app: Flask, user: User, **values: object) -> int:
    with app.app_context(), transaction():
        return contacts.add_contact(user.id, contacts.ContactDetails(**{**CONTACT, **values})).id


def stored(app: Flask, user: User) -> User:
    with app.app_context():
        return db.session.get_one(User, user.id)


@pytest.mark.parametrize("language", ["zh-CN,zh;q=0.9", "en-GB"])
@pytest.mark.parametrize("path", ["/login", "/register", *PAGES])
def test_every_page_renders_in_both_languages(app: Flask, alice: User, path: str, language: str) -> None:
    client = app.test_client()
    if path in PAGES:
        sign_in(client, alice)
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language[:5] if language.startswith("zh") else "en"}"' in answer.text
    assert "Content-Security-Policy" in answer.headers
    assert not re.search(r"<[^>]*\sstyle=|<[^>]*\son[a-z]+=", answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_a_guest_is_sent_to_the_login(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.location.startswith("/login?next=/account")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_takes_few_statements(app: Flask, browser: FlaskClient, alice: User, path: str) -> None:
    add_contact(app, alice)
    with app.app_context(), transaction():
        for number in range(5):
            messages.write_message(alice.id, "order.paid", {"order_id": number}, dedupe=str(number))
            wallet.move(alice.id, "points", 10, reason="order_paid")
    browser.get(path)
    with counted_statements(app) as statements:
        assert browser.get(path).status_code == 200
    assert len(statements) <= 8, statements


def test_a_page_of_an_account_is_not_stored_by_the_browser(browser: FlaskClient) -> None:
    assert browser.get("/account").headers["Cache-Control"] == "no-store"


def test_somebody_signed_in_need_not_log_in_again(browser: FlaskClient) -> None:
    assert browser.get("/login?next=/cart").location == "/cart"
    assert browser.get("/register?next=//evil.example").location == "/"


def test_registering_signs_in_and_goes_on(app: Flask, client: FlaskClient) -> None:
    answer = post_form(
        client,
        "/register",
        username="小明同学",
        email="ming@example.com",
        phone="",
        password="long-enough",
        next="/cart",
    )
    assert (answer.status_code, answer.location) == (303, "/cart")
    assert "小明同学" in client.get("/account").text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"username": "ab"}, "Use 3 to 50 letters"),
        ({"email": "nonsense"}, "not a valid e-mail"),
        ({"password": "short"}, "at least 8 characters"),
        ({"username": "alice"}, "This name is taken"),
        ({"email": "alice@example.com"}, "There is an account with this e-mail"),
        ({"phone": "call me"}, "5 to 20 digits"),
        ({"username": ""}, "Please fill in this field"),
    ],
)
def test_a_refused_registration_says_why_beside_the_field(
    client: FlaskClient, alice: User, values: dict[str, str], text: str
) -> None:
    client.set_cookie("locale", "en")
    form = {
        "username": "bobby",
        "email": "bobby@example.com",
        "phone": "",
        "password": "long-enough",
        **values,
    }
    answer = post_form(client, "/register", partial=True, **form)
    assert answer.status_code == 422
    assert answer.text.lstrip().startswith('<form class="panel stack" id="register-form"')
    (field,) = values
    (tag,) = re.findall(rf'<input[^>]* id="{field}"[^>]*>', answer.text)
    assert re.search(rf'aria-describedby="[^"]*{field}-error"', tag)
    error = re.search(rf'id="{field}-error".*?</p>', answer.text, re.DOTALL)
    assert error and text in error.group(0)
    assert "long-enough" not in answer.text, "a password is never sent back"


def test_html_in_a_refused_name_is_escaped(client: FlaskClient) -> None:
    answer = post_form(
        client, "/register", username='"><img src=x onerror=alert(1)>', email="x", password="y"
    )
    assert "<img src=x" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/login", "/register", "/logout", "/locale", "/account", "/account/password", "/account/messages/read",
     "/account/contacts"],
)  # fmt: skip
def test_a_form_without_its_token_is_refused(browser: FlaskClient, path: str) -> None:
    answer = browser.post(path, data={"username": "x", "locale": "en"})
    assert answer.status_code == 403
    assert browser.get("/account").status_code == 200, "still signed in"


def test_a_profile_is_saved(app: Flask, browser: FlaskClient, alice: User) -> None:
    answer = post_form(browser, "/account", email="New@Example.com", phone="+86 138 0000 0000", locale="en")
    assert (answer.status_code, answer.location) == (303, "/account")
    user = stored(app, alice)
    assert (user.email, user.phone, user.locale) == ("new@example.com", "+8613800000000", "en")
    assert '<html lang="en"' in browser.get("/account").text


def test_a_profile_cannot_take_roles_or_anothers_address(
    app: Flask, browser: FlaskClient, charlie: FlaskClient
) -> None:
    fields = {"phone": "", "locale": "zh", "role_names": "admin", "points": "999"}
    assert post_form(browser, "/account", email="charlie@example.com", **fields).status_code == 422
    assert post_form(browser, "/account", email="alice2@example.com", **fields).status_code == 303
    with app.app_context():
        user = db.session.query(User).filter_by(username="alice").one()
        assert (user.role_names, user.points, user.email) == ("customer", 0, "alice2@example.com")


@pytest.mark.parametrize("locale", ["fr", "", "zh'--"])
def test_an_unknown_language_is_refused(app: Flask, browser: FlaskClient, alice: User, locale: str) -> None:
    assert post_form(browser, "/account", email="a@example.com", phone="", locale=locale).status_code == 422
    assert stored(app, alice).email == "alice@example.com"


def test_the_language_switch_is_kept_for_a_year_and_with_the_account(
    app: Flask, browser: FlaskClient, alice: User
) -> None:
    answer = post_form(browser, "/locale", locale="en", next="/account/wallet")
    assert answer.location == "/account/wallet"
    assert "Max-Age=31536000" in answer.headers["Set-Cookie"]
    assert '<html lang="en"' in browser.get("/account", headers={"Accept-Language": "zh-CN"}).text
    assert stored(app, alice).locale == "en"


@pytest.mark.parametrize(
    ("locale", "url"), [("fr", "/"), ("en", "//evil.example"), ("", "https://evil.example")]
)
def test_the_language_switch_goes_nowhere_else(client: FlaskClient, locale: str, url: str) -> None:
    answer = post_form(client, "/locale", locale=locale, next=url)
    assert answer.location == "/"
    assert ("locale=" in answer.headers.get("Set-Cookie", "")) == (locale == "en")


def test_a_contact_is_added_changed_and_deleted(app: Flask, browser: FlaskClient, alice: User) -> None:
    assert post_form(browser, "/account/contacts", **CONTACT, next="/checkout").location == "/checkout"
    with app.app_context():
        (contact,) = contacts.list_contacts(alice.id)
    assert (contact.phone, contact.is_default) == ("13800000000", True)
    assert "静安区南京西路" in browser.get(f"/account/contacts/{contact.id}").text
    assert (
        post_form(browser, f"/account/contacts/{contact.id}", **{**CONTACT, "city": "杭州"}).status_code
        == 303
    )
    assert "杭州" in browser.get("/account/contacts").text
    assert post_form(browser, f"/account/contacts/{contact.id}/delete").status_code == 303
    assert "杭州" not in browser.get("/account/contacts").text


@pytest.mark.parametrize(
    "values",
    [{"recipient": ""}, {"recipient": "x" * 61}, {"phone": "abc"}, {"phone": " "}, {"city": "\n"},
     {"address": "x" * 100_000}, {"recipient": "\u200b\u200b"}],
)  # fmt: skip
def test_a_wrong_contact_is_refused(
    app: Flask, browser: FlaskClient, alice: User, values: dict[str, str]
) -> None:
    answer = post_form(browser, "/account/contacts", partial=True, **{**CONTACT, **values})
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.text
    with app.app_context():
        assert not contacts.list_contacts(alice.id)


def test_html_in_a_contact_is_escaped(app: Flask, browser: FlaskClient, alice: User) -> None:
    add_contact(app, alice, recipient="<b>x</b>", address="</p><script>alert(1)</script>'; DROP TABLE users")
    text = browser.get("/account/contacts").text
    assert "<b>x</b>" not in text and "<script>alert" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


@pytest.mark.parametrize(
    ("verb", "end"), [("get", ""), ("post", ""), ("post", "/delete"), ("post", "/default")]
)
def test_charlie_sees_and_changes_no_contact_of_alice(
    app: Flask, alice: User, charlie: FlaskClient, verb: str, end: str
) -> None:
    contact_id = add_contact(app, alice)
    path = f"/account/contacts/{contact_id}{end}"
    answer = charlie.get(path) if verb == "get" else post_form(charlie, path, **{**CONTACT, "city": "北京"})
    assert answer.status_code == 404
    with app.app_context():
        (contact,) = contacts.list_contacts(alice.id)
        assert (contact.city, contact.is_default) == ("上海", True)


@pytest.mark.parametrize("number", ["0", "-1", "999999999999999999999", "abc", "1'"])
def test_a_strange_contact_id_is_not_found(browser: FlaskClient, number: str) -> None:
    assert browser.get(f"/account/contacts/{number}").status_code == 404


def test_the_wallet_shows_balance_and_ledger(app: Flask, browser: FlaskClient, alice: User) -> None:
    with app.app_context(), transaction():
        wallet.move(alice.id, "points", 1200, reason="order_paid", order_id=77)
        wallet.move(alice.id, "points", -200, reason="order_placed", order_id=78)
        wallet.move(alice.id, "credit", 123_456, reason="something new")
    points = browser.get("/account/wallet", headers={"Accept-Language": "en"}).text
    assert "1,000" in points and "+1,200" in points and "−200" in points
    assert "Earned with an order" in points and 'href="/orders/77"' in points
    credit = browser.get("/account/wallet?kind=credit", headers={"Accept-Language": "en", **PARTIAL}).text
    assert "+¥1,234.56" in credit and "Other" in credit
    assert credit.lstrip().startswith("<section"), "htmx gets the ledger alone"


@pytest.mark.parametrize("number", ["0", "-3", "99999999999999999999", "abc", "2"])
def test_the_ledger_is_paged_and_takes_any_number(
    app: Flask, browser: FlaskClient, alice: User, number: str
) -> None:
    with app.app_context(), transaction():
        for amount in range(1, 26):
            wallet.move(alice.id, "points", amount, reason="order_paid")
    answer = browser.get(f"/account/wallet?page={number}")
    assert answer.status_code == 200
    shown = answer.text.count("<tr>") - 1
    assert shown == {"2": 5, "99999999999999999999": -1}.get(number, 20)


def test_charlie_sees_no_ledger_and_no_message_of_alice(
    app: Flask, alice: User, charlie: FlaskClient
) -> None:
    with app.app_context(), transaction():
        wallet.move(alice.id, "points", 4711, reason="order_paid")
        messages.write_message(alice.id, "order.paid", {"order_id": 4711}, dedupe="x")
    assert "4,711" not in charlie.get("/account/wallet").text
    assert "4711" not in charlie.get("/account/messages").text
    post_form(charlie, "/account/messages/read", id="1")
    post_form(charlie, "/account/messages/read")
    with app.app_context():
        assert queries.count_unread(alice.id) == 1


def test_messages_are_read_one_by_one_or_all_at_once(app: Flask, browser: FlaskClient, alice: User) -> None:
    with app.app_context(), transaction():
        for number in range(3):
            messages.write_message(alice.id, "order.paid", {"order_id": number + 1}, dedupe=str(number))
    assert browser.get("/account/messages").text.count("is-unread") == 3
    post_form(browser, "/account/messages/read", id="2")
    assert browser.get("/account/messages").text.count("is-unread") == 2
    part = post_form(browser, "/account/messages/read", partial=True)
    assert part.status_code == 200 and "is-unread" not in part.text
    assert part.text.lstrip().startswith("<section")
    assert csrf_of(browser)
