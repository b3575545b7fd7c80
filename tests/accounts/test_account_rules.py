from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from app.accounts import passwords, rules
from app.web.auth import local_path


@pytest.mark.parametrize("name", ["abc", "李小龙", "a.b-c_d", "Ｌｉｎｄａ", "x" * 50, "user42"])
def test_a_name_of_letters_of_any_script_is_accepted(name: str) -> None:
    assert rules.clean_username(f" {name} ")


@pytest.mark.parametrize(
    "name",
    ["", "ab", "x" * 51, "a b c", "<b>bold</b>", "a'; DROP TABLE users", "小龙😀", "a@b.c", "...", "a\0bc",
     "\ud800bc", "﷽" * 3, "a\nbc"],
)  # fmt: skip
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="letters"):
        rules.clean_username(name)


def test_names_are_the_same_whatever_their_width_and_case() -> None:
    assert rules.username_key("Ｌｉｎｄａ") == rules.username_key("linda") == rules.username_key(" LINDA ")
    assert rules.username_key("Straße") == rules.username_key("STRASSE")


@pytest.mark.parametrize(
    "email", ["", "a", "a@b", "a@b@c.com", "a b@c.com", "a@localhost", "\ud800@x.com", "x" * 300 + "@x.com"]
)
def test_a_broken_address_is_refused(email: str) -> None:
    with pytest.raises(ValueError, match="valid"):
        rules.clean_email(email)


def test_an_address_is_kept_in_lower_case() -> None:
    assert rules.clean_email(" Linda@Example.COM ") == "linda@example.com"


@pytest.mark.parametrize(
    ("given", "kept"), [("+86 138-0000 0000", "+8613800000000"), ("(021) 555 1234", "0215551234"), ("", "")]
)
def test_a_phone_number_is_kept_as_digits(given: str, kept: str) -> None:
    assert rules.clean_phone(given) == kept


@pytest.mark.parametrize("phone", ["123", "call me", "1" * 21, "12345; DROP"])
def test_another_phone_number_is_refused(phone: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        rules.clean_phone(phone)


@pytest.mark.parametrize("password", ["short", "x" * 129, "LindaLinda", "linda@example.com"])
def test_a_password_is_neither_too_short_nor_too_long_nor_ones_own_name(password: str) -> None:
    with pytest.raises(ValueError, match=r"characters|name"):
        rules.clean_password(password, "lindalinda", "linda@example.com")


def test_the_hash_of_nobody_costs_what_any_other_costs() -> None:
    assert not passwords.is_outdated(passwords.DUMMY_HASH)
    assert not passwords.is_right_password(None, "anything")


def test_a_password_typed_on_another_keyboard_is_the_same() -> None:
    stored = passwords.hash_password("pässword１２")
    assert passwords.is_right_password(stored, "pa\u0308ssword12")
    assert not passwords.is_right_password(stored, "password12")


@pytest.mark.parametrize("password", ["", "x" * 1_000_000, "\ud800" * 8, "\0" * 8, "😀" * 40])
def test_no_password_breaks_the_check(password: str) -> None:
    assert not passwords.is_right_password(passwords.hash_password("right-password"), password)
    assert not passwords.is_right_password("!", password)


def test_a_hash_with_weaker_parameters_is_outdated() -> None:
    assert passwords.is_outdated(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))


@pytest.mark.parametrize("url", ["/", "/cart", "/products?q=%E9%98%B2&page=2", "/a/b#c"])
def test_a_path_of_this_site_is_gone_on_to(url: str) -> None:
    assert local_path(url, "/else") == url


@pytest.mark.parametrize(
    "url",
    [None, "", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "cart",
     "/a\r\nb", "/\t/evil.example", "\\\\evil", "/\x00", "/a\\b", " /cart", "/" + "x" * 3000],
)  # fmt: skip
def test_no_other_address_is(url: str | None) -> None:
    assert local_path(url, "/else") == "/else"
