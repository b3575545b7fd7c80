"""Texts and pieces of pages that hang on nothing but what they are made from: made once, then kept.

A page of the shop has a hundred texts and thirty icons; most of what it costs is saying again what never changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar

from flask import g, has_request_context, request
from flask_babel import get_translations
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from app.web.i18n import current_locale
from app.web.static_files import static_state

# Where a kept piece has the visitor's own CSRF field. Nobody can write it: it is new in every process.
CSRF_SLOT = Markup("<!-- {} -->").format(secrets.token_hex(16))
MOST_TEXTS = 4_000
Result = TypeVar("Result")
_making: ContextVar[bool] = ContextVar("making", default=False)


class Frame(NamedTuple):
    """What every piece of a page hangs on; looked up once a request."""

    translations: Any
    locale: str
    root: str
    files: int


def frame() -> Frame:
    """That of this request."""
    try:
        found: Frame = g.frame
    except AttributeError:
        root = request.script_root if has_request_context() else ""
        found = g.frame = Frame(get_translations(), current_locale(), root, static_state())
    return found


def remembered(macro: Callable[..., Markup], most: int = 200) -> Callable[..., Markup]:
    """A macro that keeps its last `most` results.

    For one that reads nothing but its arguments, the language and static files, and whose arguments are
    plain values. Types count (`Markup` is no `str`), so that what was safe once makes nothing else safe.
    """

    @lru_cache(maxsize=most, typed=True)
    def kept(_frame: Frame, *args: Any, **kwargs: Any) -> Markup:
        before = _making.set(True)
        try:
            return macro(*args, **kwargs)
        finally:
            _making.reset(before)

    def piece(*args: Any, **kwargs: Any) -> Markup:
        return kept(frame(), *args, **kwargs)

    return piece


def personal(call: Callable[..., Result]) -> Callable[..., Result]:
    """For a template's global whose answer is this visitor's alone: a piece that is kept must not ask for it."""

    @wraps(call)
    def guarded(*args: Any, **kwargs: Any) -> Result:
        if _making.get():
            raise RuntimeError(f"{call.__name__}() is the visitor's own: not in a piece that is kept")
        return call(*args, **kwargs)

    return guarded


def csrf_field() -> Markup:
    """The hidden field that every posting form carries, made once a request."""
    try:
        field: Markup = g.csrf_field
    except AttributeError:
        field = Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())
        g.csrf_field = field
    return field


def with_csrf(text: str) -> Markup:
    """Kept pieces with this visitor's CSRF field in its places."""
    return Markup(text.replace(CSRF_SLOT, csrf_field()))  # noqa: S704 - text and field are both escaped


def translate(text: str, /, **values: Any) -> Markup:
    """The text in the page's language; values are escaped."""
    return _text(frame().translations, text) % values if values else _plain(frame().translations, text)


def translate_number(one: str, many: str, number: int, /, **values: Any) -> Markup:
    """The text for a number of things, which is its `num`."""
    found = frame().translations.ungettext(one, many, number)
    return Markup(found) % {"num": number, **values}  # noqa: S704 - our own texts


@lru_cache(maxsize=MOST_TEXTS)
def _text(translations: Any, text: str) -> Markup:
    return Markup(translations.ugettext(text))  # noqa: S704 - our own texts


@lru_cache(maxsize=MOST_TEXTS)
def _plain(translations: Any, text: str) -> Markup:
    return _text(translations, text) % {}
