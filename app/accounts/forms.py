"""The account pages' forms: fields and the refusals of the services, which own the rules."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, SelectField, StringField, TelField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired

from app.core.errors import DomainError, RateLimited
from app.web.i18n import error_text

LANGUAGES = (SelectChoice("zh", "中文"), SelectChoice("en", "English"))


def _needed() -> list[Any]:
    return [DataRequired(_l("Please fill in this field."))]


class LoginForm(FlaskForm):
    """Name or address, and password."""

    username = StringField(_l("Username or e-mail"), _needed())
    password = PasswordField(_l("Password"), _needed())
    next = HiddenField()


class RegistrationForm(FlaskForm):
    """A new account."""

    username = StringField(_l("Username"), _needed())
    email = EmailField(_l("E-mail"), _needed())
    phone = TelField(_l("Phone"))
    password = PasswordField(_l("Password"), _needed())
    next = HiddenField()


class ProfileForm(FlaskForm):
    """What a user may change about itself."""

    email = EmailField(_l("E-mail"), _needed())
    phone = TelField(_l("Phone"))
    locale = SelectField(_l("Language"), choices=LANGUAGES)


class PasswordForm(FlaskForm):
    """The present password and the one to come."""

    current_password = PasswordField(_l("Current password"), _needed())
    new_password = PasswordField(_l("New password"), _needed())


class ContactForm(FlaskForm):
    """To whom and where."""

    recipient = StringField(_l("Recipient"), _needed())
    phone = TelField(_l("Phone"), _needed())
    city = StringField(_l("City"), _needed())
    address = StringField(_l("Address"), _needed())
    is_default = BooleanField(_l("Use by default"))


def show_error(form: FlaskForm, error: DomainError) -> int:
    """Put a service's refusal beside its fields, or above the form; returns the status to answer with."""
    known = {name: text for name, text in error.fields.items() if name in form}
    for name, text in known.items():
        form[name].errors = [*form[name].errors, gettext(text)]
    if not known:
        form.form_errors.append(error_text(error))
    return RateLimited.status if isinstance(error, RateLimited) else 422
