"""The language of a request: the visitor's choice, else the browser's, else the shop's."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache, lru_cache
from typing import cast
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from flask import Response, g, has_request_context, request
from flask_babel import force_locale, get_locale, gettext

from app.core.errors import DomainError
from app.runtime import settings

LOCALES = ("zh", "en")
ACCEPTED = ("zh", "zh-CN", "zh-Hans", "zh-Hans-CN", "en", "en-US", "en-GB")
HTML_LANG = {"zh": "zh-CN", "en": "en"}
LOCALE_COOKIE = "locale"
LOCALE_SECONDS = 31_536_000


@cache
def babel_locale(locale: str) -> Locale:
    """What `force_locale` makes of `zh` or `en`, which takes it a while, made once."""
    return Locale.parse(locale)


def select_locale() -> str:
    """For Flask-Babel: cookie, `Accept-Language`, default."""
    if not has_request_context():
        return settings().default_locale
    if "locale" not in g:
        g.locale = _requested_locale()
    return cast(str, g.locale)


def _requested_locale() -> str:
    chosen = request.cookies.get(LOCALE_COOKIE)
    if chosen in LOCALES:
        return chosen
    accepted = request.accept_languages.best_match(ACCEPTED)
    return accepted[:2] if accepted else settings().default_locale


def remember_locale(response: Response, locale: str) -> Response:
    """Keep the visitor's choice for a year."""
    response.set_cookie(
        LOCALE_COOKIE,
        locale,
        max_age=LOCALE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings().session_cookie_secure,
    )
    return response


def current_locale() -> str:
    """`zh` or `en`."""
    return select_locale()


def error_text(error: DomainError, locale: str | None = None) -> str:
    """The error's message in the reader's language (or the given one)."""
    if locale is None:
        return str(gettext(error.message, **error.params)) if error.params else str(gettext(error.message))
    with force_locale(locale):
        return error_text(error)


def reason_text(error: DomainError) -> str:
    """Why something was not done, on one line: what is wrong with its fields, else the error's message."""
    return " ".join(gettext(text) for text in error.fields.values()) or error_text(error)


def local_time(moment: datetime) -> datetime:
    """A UTC moment in the shop's zone."""
    return moment.astimezone(ZoneInfo(settings().shop_timezone))


def show_datetime(moment: datetime | None) -> str:
    """Date and time for a person, in the shop's zone."""
    return _datetime_text(_locale(), local_time(moment).replace(microsecond=0)) if moment else ""


def show_date(day: date | datetime | None) -> str:
    """A date for a person, in the shop's zone."""
    if isinstance(day, datetime):
        day = local_time(day).date()
    return _date_text(_locale(), day) if day else ""


def _locale() -> Locale:
    return get_locale() or Locale.parse(current_locale())


# Babel takes 40 microseconds for each, and a list shows the same ones again and again.
@lru_cache(maxsize=4_000)
def _datetime_text(locale: Locale, moment: datetime) -> str:
    return format_datetime(moment, "medium", locale=locale)


@lru_cache(maxsize=1_000)
def _date_text(locale: Locale, day: date) -> str:
    return format_date(day, "medium", locale=locale)
