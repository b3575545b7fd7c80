"""What a name, an e-mail address, a phone number and a password must look like. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from email_validator import EmailNotValidError, validate_email

from app.accounts.passwords import MAX_CHARACTERS
from app.core.errors import N_, InvalidParam

MIN_CHARACTERS = 8
USERNAME = re.compile(r"(?=.*[^\W_])[\w.\-]{3,50}")
PHONE = re.compile(r"\+?[0-9]{5,20}")
KEY_LENGTH = 100

BAD_USERNAME = N_("Use 3 to 50 letters, digits, dots, dashes or underscores.")
BAD_EMAIL = N_("This is not a valid e-mail address.")
BAD_PHONE = N_("Use 5 to 20 digits.")
SHORT_PASSWORD = N_("Use at least 8 characters.")
LONG_PASSWORD = N_("Use at most 128 characters.")
OWN_NAME_PASSWORD = N_("Choose a password that is not your name or e-mail address.")
MISSING = N_("Please fill in this field.")
TOO_LONG = N_("This is too long.")


class Findings(dict[str, str]):
    """Problems by field, collected so that one answer names them all."""

    def take(self, field: str, clean: Callable[[str], str], value: str) -> str:
        """The cleaned value, or "" with the problem noted."""
        try:
            return clean(value)
        except ValueError as problem:
            self[field] = str(problem)
            return ""

    def raise_if_any(self) -> None:
        """Raises InvalidParam with all problems."""
        if self:
            raise InvalidParam(fields=self)


def clean_username(value: str) -> str:
    """The name in its normal form. Letters of every script count. Raises ValueError."""
    name = unicodedata.normalize("NFKC", value.strip())
    if not USERNAME.fullmatch(name) or len(username_key(name)) > KEY_LENGTH:
        raise ValueError(BAD_USERNAME)
    return name


def username_key(value: str) -> str:
    """What makes two names the same: width and case do not count."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value.strip()).casefold())


def clean_email(value: str) -> str:
    """The address in lower case; its domain is not looked up. Raises ValueError."""
    try:
        address = validate_email(value.strip(), check_deliverability=False).normalized.lower()
    except (EmailNotValidError, UnicodeError) as error:
        raise ValueError(BAD_EMAIL) from error
    return address


def clean_phone(value: str) -> str:
    """Digits with an optional leading plus; spaces, dashes and brackets are dropped. Raises ValueError."""
    digits = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", value))
    if digits and not PHONE.fullmatch(digits):
        raise ValueError(BAD_PHONE)
    return digits


def clean_password(value: str, *own: str) -> str:
    """The password as it is. `own` are the user's name and address. Raises ValueError."""
    if len(value) < MIN_CHARACTERS:
        raise ValueError(SHORT_PASSWORD)
    if len(value) > MAX_CHARACTERS:
        raise ValueError(LONG_PASSWORD)
    if username_key(value) in {username_key(text) for text in own if text}:
        raise ValueError(OWN_NAME_PASSWORD)
    return value


def clean_line(value: str, *, longest: int) -> str:
    """One line of text that somebody must fill in. Raises ValueError."""
    text = " ".join("".join(char if char.isprintable() else " " for char in value).split())
    if not text:
        raise ValueError(MISSING)
    if len(text) > longest:
        raise ValueError(TOO_LONG)
    return text
