"""The consultants' page: who waits, one's own customers, who of the team is there. Live with JavaScript, whole without."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.consultants import service
from app.consultants.api import beat
from app.consultants.presence import CHOICES
from app.core.actor import Actor
from app.core.errors import DomainError
from app.db import in_transaction
from app.delivery import feed, texts
from app.delivery.desk import read_desk
from app.web.auth import CONSULTANT, access, current_actor
from app.web.htmx import go_to, is_partial, page
from app.web.i18n import error_text

bp = Blueprint("consultant", __name__, url_prefix="/consultant")


@bp.get("/")
@access(CONSULTANT)
def show() -> Response:
    """Whoever opens the page is at the desk, and has been told what is on it."""
    actor = current_actor()
    if not is_partial():
        in_transaction(partial(_arrive, actor))
    return _shown(actor)


def _arrive(actor: Actor) -> None:
    beat(actor, None)
    feed.mark_seen(actor)


@bp.post("/presence")
@access(CONSULTANT)
def choose_status() -> Response:
    actor = current_actor()
    status = request.form.get("status", "")
    try:
        in_transaction(lambda: beat(actor, status))
    except DomainError as error:
        return _answer(actor, error)
    return _shown(actor) if is_partial() else go_to("/consultant")


@bp.post("/customers/<int:user_id>/claim")
@access(CONSULTANT)
def claim(user_id: int) -> Response:
    """The winner goes to the conversation; who was too late sees the list without the customer, and why."""
    actor = current_actor()
    try:
        mine = in_transaction(partial(service.claim, actor, user_id))
    except DomainError as error:
        return _answer(actor, error)
    return go_to(f"/consultant/conversations/{mine[-1].conversation_id}")


def _answer(actor: Actor, error: DomainError) -> Response:
    if error.status == 404:
        raise error
    if not is_partial():
        flash(error_text(error), "warn")
        return go_to("/consultant")
    return _shown(actor, note=error_text(error), status=error.status)


def _shown(actor: Actor, *, note: str = "", status: int = 200) -> Response:
    return page(
        "consultants/list.html",
        block="desk",
        status=status,
        desk=read_desk(actor),
        me=actor.require_user(),
        note=note,
        choices=CHOICES,
        texts=texts,
        says=texts.says(gettext),
    )
