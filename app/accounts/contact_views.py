"""Pages of the delivery contacts."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.accounts import contacts
from app.accounts.forms import ContactForm, show_error
from app.core.errors import DomainError
from app.db import in_transaction
from app.web.auth import USER, access, current_actor, local_path
from app.web.htmx import go_to, page

bp = Blueprint("contacts", __name__, url_prefix="/account/contacts")
HERE = "/account/contacts"


def _my_id() -> int:
    return current_actor().require_user()


def _next() -> str:
    """Where to go on, e.g. back to the checkout."""
    return local_path(request.values.get("next"), HERE)


@bp.get("/")
@access(USER)
def list_contacts() -> Response:
    return page("accounts/contacts.html", block="contacts", contacts=contacts.list_contacts(_my_id()))


@bp.get("/new")
@access(USER)
def show_new_contact() -> Response:
    return _form_page(ContactForm(formdata=None))


@bp.post("/")
@access(USER)
def add_contact() -> Response:
    form, user_id = ContactForm(), _my_id()
    status = 422
    if form.validate():
        try:
            in_transaction(lambda: contacts.add_contact(user_id, _details(form)))
        except DomainError as error:
            status = show_error(form, error)
        else:
            return _done(gettext("The contact is saved."))
    return _form_page(form, status=status)


@bp.get("/<int:contact_id>")
@access(USER)
def show_contact(contact_id: int) -> Response:
    contact = contacts.get_contact(_my_id(), contact_id)
    return _form_page(ContactForm(obj=contact, formdata=None), contact_id)


@bp.post("/<int:contact_id>")
@access(USER)
def save_contact(contact_id: int) -> Response:
    form, user_id = ContactForm(), _my_id()
    contacts.get_contact(user_id, contact_id)
    status = 422
    if form.validate():
        try:
            in_transaction(lambda: contacts.update_contact(user_id, contact_id, _details(form)))
        except DomainError as error:
            status = show_error(form, error)
        else:
            return _done(gettext("The contact is saved."))
    return _form_page(form, contact_id, status=status)


@bp.post("/<int:contact_id>/delete")
@access(USER)
def delete_contact(contact_id: int) -> Response:
    user_id = _my_id()
    in_transaction(lambda: contacts.remove_contact(user_id, contact_id))
    return _done(gettext("The contact is deleted."))


@bp.post("/<int:contact_id>/default")
@access(USER)
def make_default(contact_id: int) -> Response:
    user_id = _my_id()
    in_transaction(lambda: contacts.make_default(user_id, contact_id))
    return _done(gettext("This contact is now used by default."))


def _done(text: str) -> Response:
    flash(text, "success")
    return go_to(_next())


def _details(form: ContactForm) -> contacts.ContactDetails:
    return contacts.ContactDetails(
        recipient=form.recipient.data,
        phone=form.phone.data,
        city=form.city.data,
        address=form.address.data,
        is_default=form.is_default.data,
    )


def _form_page(form: ContactForm, contact_id: int | None = None, *, status: int = 200) -> Response:
    return page(
        "accounts/contact.html",
        block="form",
        status=status,
        form=form,
        contact_id=contact_id,
        next_url=_next(),
    )
