"""The signed-in user's own pages: profile, password, wallet, messages."""

from __future__ import annotations

from flask import Blueprint, Response, flash, g, request
from flask_babel import force_locale, gettext

from app.accounts import login, messages, queries, service, wallet
from app.accounts.forms import PasswordForm, ProfileForm, show_error
from app.accounts.wallet_texts import reason_text
from app.core.errors import DomainError, NotFound
from app.core.pagination import Page
from app.db import in_transaction
from app.web.auth import USER, access, current_actor, signed_in
from app.web.htmx import go_to, page
from app.web.i18n import current_locale, remember_locale, show_datetime
from app.web.routing import read_row_id

bp = Blueprint("account", __name__, url_prefix="/account")
PER_PAGE = 20
LAST_PAGE = 5_000


def _my_id() -> int:
    return current_actor().require_user()


def _offset() -> int:
    number = request.args.get("page", 1, type=int)
    return (min(max(number, 1), LAST_PAGE) - 1) * PER_PAGE


def unread_count() -> int:
    """Unread messages of the signed-in user, for the header; one statement a request, none for guests."""
    who = signed_in()
    if who is None:
        return 0
    if "unread_count" not in g:
        g.unread_count = queries.count_unread(who.user.id)
    return int(g.unread_count)


@bp.get("/")
@access(USER)
def show_profile() -> Response:
    user = queries.get_user(_my_id())
    return page("accounts/profile.html", form=ProfileForm(obj=user, formdata=None), user=user)


@bp.post("/")
@access(USER)
def save_profile() -> Response:
    form, user_id = ProfileForm(), _my_id()
    status = 422
    if form.validate():
        values = {"email": form.email.data, "phone": form.phone.data or "", "locale": form.locale.data}
        try:
            in_transaction(lambda: service.update_profile(user_id, **values))
        except DomainError as error:
            status = show_error(form, error)
        else:
            return _profile_saved(form.locale.data)
    user = queries.get_user(user_id)
    return page("accounts/profile.html", block="form", status=status, form=form, user=user)


def _profile_saved(locale: str) -> Response:
    with force_locale(locale):
        flash(gettext("Your profile is saved."), "success")
    return remember_locale(go_to("/account"), locale)


@bp.get("/password")
@access(USER)
def show_password() -> Response:
    return page("accounts/password.html", form=PasswordForm(formdata=None))


@bp.post("/password")
@access(USER)
def change_password() -> Response:
    """Change the password; every other browser and token is signed out."""
    form, who = PasswordForm(), signed_in()
    status = 422
    if form.validate() and who is not None:
        try:
            login.change_password(who, current=form.current_password.data, new=form.new_password.data)
        except DomainError as error:
            status = show_error(form, error)
        else:
            flash(gettext("Your password is changed. Other devices are signed out."), "success")
            return go_to("/account/password")
    return page("accounts/password.html", block="form", status=status, form=form)


@bp.get("/wallet")
@access(USER)
def show_wallet() -> Response:
    kind = wallet.CREDIT if request.args.get("kind") == wallet.CREDIT else wallet.POINTS
    user_id = _my_id()
    entries = queries.list_wallet_entries(user_id, kind, limit=PER_PAGE, offset=_offset())
    return page(
        "accounts/wallet.html",
        block="ledger",
        balance=wallet.get_balance(user_id),
        kind=kind,
        entries=entries,
        reason_text=lambda reason: gettext(reason_text(reason)),
    )


@bp.get("/messages")
@access(USER)
def show_messages() -> Response:
    return _messages_page(_my_id())


@bp.post("/messages/read")
@access(USER)
def mark_messages_read() -> Response:
    """Mark one message (`id`) or all as read."""
    user_id, message_id = _my_id(), read_row_id(request.form.get("id"))
    if message_id is None and request.form.get("id"):
        raise NotFound()
    in_transaction(lambda: messages.mark_read(user_id, message_id))
    if "HX-Request" not in request.headers:
        return go_to("/account/messages")
    return _messages_page(user_id)


def _messages_page(user_id: int) -> Response:
    found = queries.list_messages(user_id, limit=PER_PAGE, offset=_offset())
    reader = messages.Reader(current_locale(), gettext, show_datetime)
    letters = [messages.render(message, reader) for message in found.items]
    shown = Page(letters, found.total, PER_PAGE, found.offset)
    return page("accounts/messages.html", block="inbox", letters=shown)
