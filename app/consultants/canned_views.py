"""The console's pages of canned replies."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, flash
from flask_babel import gettext

from app.consultants import canned
from app.consultants.forms import CannedReplyForm
from app.consultants.models import CannedReply
from app.consultants.queries import list_canned
from app.core.errors import DomainError, InvalidParam
from app.db import in_transaction
from app.web.auth import ADMIN, access, current_actor
from app.web.forms import saved
from app.web.htmx import go_to, page

bp = Blueprint("canned", __name__, url_prefix="/admin/canned-replies")
HOME = "/admin/canned-replies"


@bp.get("/")
@access(ADMIN)
def show_all() -> Response:
    return page("consultants/canned.html", replies=list_canned(all_of_them=True))


@bp.get("/new")
@access(ADMIN)
def show_new() -> Response:
    return _form_page(CannedReplyForm(obj=CannedReply(enabled=True), formdata=None), None)


@bp.post("/new")
@access(ADMIN)
def add() -> Response:
    return _save(None)


@bp.get("/<int:reply_id>")
@access(ADMIN)
def show_one(reply_id: int) -> Response:
    reply = canned.get_reply(reply_id)
    return _form_page(CannedReplyForm(obj=reply, formdata=None), reply_id)


@bp.post("/<int:reply_id>")
@access(ADMIN)
def save(reply_id: int) -> Response:
    return _save(reply_id)


@bp.post("/<int:reply_id>/delete")
@access(ADMIN)
def delete(reply_id: int) -> Response:
    in_transaction(partial(canned.delete_reply, current_actor(), reply_id))
    flash(gettext("The canned reply is deleted."), "success")
    return go_to(HOME)


def _save(reply_id: int | None) -> Response:
    form = CannedReplyForm()
    actor = current_actor()

    def work() -> CannedReply:
        try:
            return canned.save_reply(actor, reply_id, form.values())
        except DomainError as error:
            if error.fields and error.status == 409:
                raise InvalidParam(fields=error.fields) from error
            raise

    if saved(form, lambda: in_transaction(work)) is None:
        return _form_page(form, reply_id, status=422)
    flash(gettext("The canned reply is saved."), "success")
    return go_to(HOME)


def _form_page(form: CannedReplyForm, reply_id: int | None, status: int = 200) -> Response:
    return page("consultants/canned_reply.html", block="form", status=status, form=form, reply_id=reply_id)
