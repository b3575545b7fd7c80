"""The shop's own navigation: all products and the categories."""

from __future__ import annotations

from typing import NamedTuple

from flask import request
from flask_babel import gettext

from app.catalogue.queries import list_categories_cached
from app.web.i18n import current_locale


class NavigationEntry(NamedTuple):
    """A link, and whether one is there."""

    label: str
    url: str
    active: bool


def shop_navigation() -> tuple[NavigationEntry, ...]:
    """What the header shows on every page of the shop."""
    here = request.args.get("category_id", "") if request.path == "/products" else None
    everything = here == "" and "q" not in request.args
    locale = current_locale()
    return (
        NavigationEntry(gettext("All products"), "/products", everything),
        *(
            NavigationEntry(
                category.title(locale), f"/products?category_id={category.id}", here == str(category.id)
            )
            for category in list_categories_cached()
        ),
    )
