"""Pages for signing in, registering, signing out, and the switch of the language."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.accounts import attempts, login, service
from app.accounts.forms import LoginForm, RegistrationForm, show_error
from app.core.errors import DomainError
from app.db import in_transaction
from app.web.auth import PUBLIC, access, local_path, signed_in
from app.web.htmx import go_to, page
from app.web.i18n import LOCALES, current_locale, remember_locale

bp = Blueprint("accounts", __name__)


@bp.get("/login")
@access(PUBLIC)
def show_login() -> Response:
    """The form, or straight on for somebody who is signed in already."""
    target = local_path(request.args.get("next"))
    if signed_in():
        return go_to(target)
    return page("accounts/login.html", form=LoginForm(next=target, formdata=None), next_url=target)


@bp.post("/login")
@access(PUBLIC)
def log_in() -> Response:
    form = LoginForm()
    target, status = local_path(form.next.data), 422
    if form.validate():
        try:
            login.sign_in(login.check_login(form.username.data, form.password.data))
            return go_to(target)
        except DomainError as error:
            status = show_error(form, error)
    return page("accounts/login.html", block="form", status=status, form=form, next_url=target)


@bp.get("/register")
@access(PUBLIC)
def show_registration() -> Response:
    target = local_path(request.args.get("next"))
    if signed_in():
        return go_to(target)
    form = RegistrationForm(next=target, formdata=None)
    return page("accounts/register.html", form=form, next_url=target)


@bp.post("/register")
@access(PUBLIC)
def register() -> Response:
    form = RegistrationForm()
    target, status = local_path(form.next.data), 422
    if form.validate():
        try:
            login.sign_in(_register(form))
        except DomainError as error:
            status = show_error(form, error)
        else:
            flash(gettext("Your account is ready."), "success")
            # The page that follows shows the welcome there, as soon as it is written.
            flash(gettext("Your assistant is writing to you."), "welcome")
            return go_to(target)
    return page("accounts/register.html", block="form", status=status, form=form, next_url=target)


def _register(form: RegistrationForm) -> login.LoadedUser:
    attempts.count_registration()
    account = service.prepare(
        username=form.username.data,
        email=form.email.data,
        password=form.password.data,
        phone=form.phone.data or "",
        locale=current_locale(),
    )
    user = in_transaction(lambda: service.register(account))
    return login.LoadedUser(user.id, user.username, user.roles)


@bp.post("/logout")
@access(PUBLIC)
def log_out() -> Response:
    login.sign_out()
    return go_to("/")


@bp.post("/locale")
@access(PUBLIC)
def switch_locale() -> Response:
    """Change the language; it is kept for a year, and with the account of somebody signed in."""
    locale, who = request.form.get("locale", ""), signed_in()
    response = go_to(local_path(request.form.get("next")))
    if locale not in LOCALES:
        return response
    if who is not None:
        in_transaction(lambda: service.save_locale(who.user.id, locale))
    return remember_locale(response, locale)
