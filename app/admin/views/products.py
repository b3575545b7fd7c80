"""Products in the console: find, create, edit, restock, retire and restore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Response, flash, request
from flask_babel import gettext
from werkzeug.datastructures import FileStorage

from app.admin.forms import EditProductForm, NewProductForm, RestockForm
from app.admin.product_list import STATES, ProductSearch, get_for_edit, list_for_console
from app.admin.views import bp
from app.catalogue import queries, service
from app.catalogue.images import store_picture
from app.core.errors import DomainError, InvalidParam
from app.db import in_transaction
from app.runtime import settings
from app.web.auth import OPERATOR, access, current_actor
from app.web.htmx import go_to, page
from app.web.i18n import current_locale, error_text

Form = TypeVar("Form", bound=EditProductForm)
NEW, EDIT = "admin/product_new.html", "admin/product_edit.html"


@bp.get("/admin/products")
@access(OPERATOR)
def product_list() -> Response:
    """All products, retired ones too."""
    search = ProductSearch.from_args(request.args)
    return page(
        "admin/products.html",
        block="results",
        search=search,
        listing=list_for_console(search),
        states=STATES,
        categories={each.id: each.title(current_locale()) for each in queries.list_categories_cached()},
    )


@bp.route("/admin/products/new", methods=["GET", "POST"])
@access(OPERATOR)
def new_product() -> Response:
    """A new product."""
    form = _with_categories(NewProductForm())
    if form.validate_on_submit() and _save(
        form, lambda values: service.create_product(current_actor(), values)
    ):
        flash(gettext("%(name)s is in the shop now.", name=form.name.data), "ok")
        return go_to(f"/admin/products/{form.sku.data}")
    return page(NEW, form=form, status=422 if form.is_submitted() else 200)


@bp.get("/admin/products/<sku>")
@access(OPERATOR)
def edit_product(sku: str) -> Response:
    """A product's form, stock and state."""
    product = get_for_edit(sku)
    form = _with_categories(EditProductForm())
    form.show(product)
    return page(EDIT, form=form, product=product, restock_form=RestockForm())


@bp.post("/admin/products/<sku>")
@access(OPERATOR)
def save_product(sku: str) -> Response:
    """Save the form; 409 with what is there now when somebody else was faster."""
    actor, form = current_actor(), _with_categories(EditProductForm())
    version = form.version.data or ""
    try:
        if form.validate_on_submit() and _save(
            form, lambda values: service.update_product(actor, sku, values, version=version)
        ):
            flash(gettext("The changes are saved."), "ok")
            return go_to(f"/admin/products/{sku}")
    except _EditConflictError:
        return _show_conflict(sku, form)
    product = get_for_edit(sku)
    return page(EDIT, form=form, product=product, restock_form=RestockForm(formdata=None), status=422)


def _show_conflict(sku: str, form: EditProductForm) -> Response:
    """What was typed stays, what the other person saved stands beside it; saving again is a decision."""
    theirs = get_for_edit(sku)
    form.version.raw_data = None
    form.version.data = service.version_of(theirs)
    return page(
        EDIT, form=form, product=theirs, restock_form=RestockForm(formdata=None), conflict=True, status=409
    )


class _EditConflictError(Exception):
    """Somebody else changed the product meanwhile."""


def _save(form: EditProductForm, write: Callable[[dict[str, Any]], object]) -> bool:
    """Store the picture, then write; False when the shop refused, the reasons then stand on the form."""
    try:
        values = form.values()
        picture = cast("FileStorage | None", form.picture.data)
        if picture and picture.filename:
            values["image_url"] = store_picture(
                picture.stream, settings().media_path, max_bytes=settings().max_upload_bytes
            )
        in_transaction(lambda: write(values))
    except DomainError as error:
        if error.code == "EDIT_CONFLICT":
            raise _EditConflictError from error
        if error.code not in ("SKU_EXISTS", InvalidParam.code):
            raise
        _show(form, error)
        return False
    return True


def _show(form: EditProductForm, error: DomainError) -> None:
    """Put the message at the field it is about, else at the form."""
    text = error_text(error)
    places = [form[name] for name in error.fields if name in form]
    for field in places:
        field.errors = [*field.errors, text]
    if not places:
        form.form_errors.append(text)


@bp.post("/admin/products/<sku>/restock")
@access(OPERATOR)
def restock_product(sku: str) -> Response:
    """Add pieces to the stock."""
    actor, form = current_actor(), RestockForm()
    if not form.validate_on_submit() or form.quantity.data is None:
        raise InvalidParam(fields={"quantity": " ".join(map(str, form.quantity.errors))})
    added: int = form.quantity.data
    stock = in_transaction(lambda: service.restock(actor, sku, added))
    flash(gettext("The stock is %(stock)s now.", stock=stock), "ok")
    return go_to(f"/admin/products/{sku}")


@bp.post("/admin/products/<sku>/retire")
@access(OPERATOR)
def retire_product(sku: str) -> Response:
    """Take it off the shelf."""
    actor = current_actor()
    in_transaction(lambda: service.retire_product(actor, sku))
    flash(gettext("The product is retired. Customers no longer see it."), "ok")
    return go_to(f"/admin/products/{sku}")


@bp.post("/admin/products/<sku>/restore")
@access(OPERATOR)
def restore_product(sku: str) -> Response:
    """Put it back."""
    actor = current_actor()
    in_transaction(lambda: service.restore_product(actor, sku))
    flash(gettext("The product is in the shop again."), "ok")
    return go_to(f"/admin/products/{sku}")


def _with_categories(form: Form) -> Form:
    locale = current_locale()
    form.category_id.choices = [(each.id, each.title(locale)) for each in queries.list_categories_cached()]
    return form
