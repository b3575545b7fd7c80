"""The shop's pages: home, list, product; and uploaded pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import click
from flask import Blueprint, Response, request, send_from_directory
from flask_login import current_user

from app.catalogue import front, queries
from app.catalogue.choice import Choice, price_label
from app.catalogue.filters import MAX_QUERY
from app.catalogue.images import MEDIA_NAME
from app.catalogue.records import service_category_id
from app.catalogue.search import optimise, reindex
from app.core.actor import Role
from app.core.errors import NotFound
from app.db import transaction
from app.runtime import settings
from app.web.auth import PUBLIC, access
from app.web.htmx import go_to, page
from app.web.i18n import current_locale

bp = Blueprint("catalogue", __name__)
ADD_URL = "/cart/items"


@bp.get("/")
@access(PUBLIC)
def home() -> Response:
    """The shop's front: ask, categories, what sells, what is new, services."""
    locale = current_locale()
    shown = front.get_front(locale)
    return page(
        "catalogue/home.html",
        popular=shown.popular,
        newest=shown.newest,
        services=shown.services,
        shelves=list(_shelves(locale)),
        add_url=ADD_URL,
    )


def _shelves(locale: str) -> Iterator[tuple[int, str, str]]:
    """Categories that hold something: id, name, and the picture of their best-selling product."""
    top = front.top_by_category()
    for category in queries.list_categories_cached():
        if products := top.get(category.id):
            yield category.id, category.title(locale), products[0].image_url


@bp.get("/products")
@access(PUBLIC)
def product_list() -> Response:
    """Products with filters, counts, orders and pages."""
    choice = Choice.from_args(request.args)
    if len(request.args.get("q", "")) > MAX_QUERY:
        return go_to(choice.url())
    locale = current_locale()
    listing = queries.list_cards(choice.filter, locale)
    return page(
        "catalogue/list.html",
        block="results",
        choice=choice,
        listing=replace(listing.page, items=tuple(listing.page.items)),
        facets=listing.facets,
        categories=tuple((each.id, each.title(locale)) for each in queries.list_categories_cached()),
        add_url=ADD_URL,
    )


@bp.get("/products/<sku>")
@access(PUBLIC)
def product_page(sku: str) -> Response:
    """One product; 410 when it was retired."""
    product = queries.find_view(sku)
    if product is None:
        raise NotFound()
    locale = current_locale()
    related = front.list_related(product, locale)
    if product.is_retired:
        return page("catalogue/retired.html", status=410, product=product, related=related, add_url=ADD_URL)
    return page(
        "catalogue/product.html",
        product=product,
        shelf=_shelf(product.category_id, locale),
        is_service=product.category_id == service_category_id(),
        may_edit=_may_edit(),
        related=related,
        add_url=ADD_URL,
    )


def _shelf(category_id: int, locale: str) -> str:
    category = queries.find_category(category_id)
    return category.title(locale) if category else ""


def _may_edit() -> bool:
    return bool(current_user.is_authenticated and current_user.user.roles & {Role.OPERATOR, Role.ADMIN})


@bp.get("/media/<name>")
@access(PUBLIC)
def media(name: str) -> Response:
    """An uploaded picture. Its name is made from its content, so it may be kept for ever."""
    if not MEDIA_NAME.fullmatch(name):
        raise NotFound()
    response = send_from_directory(settings().media_path, name, mimetype="image/webp", max_age=31_536_000)
    response.cache_control.immutable = True
    response.cache_control.public = True
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = "inline"
    return response


@bp.cli.command("reindex")
def reindex_command() -> None:
    """Bring the search index in line with the products."""
    with transaction():
        changed = reindex()
    if changed:
        optimise()
    click.echo(f"{changed} entries of the search index were written.")


@bp.app_template_global("price_band_label")
def _band_label(band: int) -> str:
    """The name of a price band, for the list's filters."""
    return price_label(None, None, band)
