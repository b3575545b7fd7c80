"""The shop's own navigation: all products and the categories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import request
from flask_babel import gettext

from app.catalogue.queries import list_categories_cached
from app.web.i18n import current_locale


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A link, and whether one is there."""

    label: str
    url: str
    active: bool


def shop_navigation() -> Iterator[NavigationEntry]:
    """What the header shows on every page of the shop."""
    here = request.args.get("category_id", "") if request.path == "/products" else None
    yield NavigationEntry(gettext("All products"), "/products", here == "" and "q" not in request.args)
    for category in list_categories_cached():
        label = category.title(current_locale())
        yield NavigationEntry(label, f"/products?category_id={category.id}", here == str(category.id))
