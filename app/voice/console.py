"""The console's pages of voice sessions: who spoke, what was understood, what was done and how long it took."""

from __future__ import annotations

from flask import Blueprint, Response

from app.accounts.queries import names_of_users
from app.core.errors import N_
from app.voice.queries import get_session, list_logs, list_sessions
from app.web.auth import ADMIN, access
from app.web.htmx import page
from app.web.routing import read_page_number

bp = Blueprint("voice_console", __name__)
LIST = "/admin/voice"
PER_PAGE = 50
MAX_PAGES = 2_000
# What the log's words are called; a tool's name, and a reason that a model was not used, stand as they are.
STEPS = {
    "interpret": N_("Something said"),
    "confirm": N_("Answer to a question"),
    "execute": N_("Carried out"),
    "model": N_("Language model asked"),
}
STATUSES = {
    "confirm": N_("read back"),
    "answer": N_("answered"),
    "clarify": N_("asked back"),
    "execute": N_("agreed to"),
    "cancelled": N_("cancelled"),
    "done": N_("done"),
    "failed": N_("not done"),
    "ok": N_("done"),
    "error": N_("failed"),
    "timeout": N_("took too long"),
    "understood": N_("understood"),
    "not_understood": N_("not understood"),
}


@bp.get(LIST)
@access(ADMIN)
def list_all() -> Response:
    """All sessions, the newest first."""
    number = read_page_number(MAX_PAGES)
    listing = list_sessions(PER_PAGE, (number - 1) * PER_PAGE)
    return page("voice/sessions.html", block="listing", listing=listing, address=LIST)


@bp.get(f"{LIST}/<int:voice_id>")
@access(ADMIN)
def show(voice_id: int) -> Response:
    """The steps of one session."""
    session = get_session(voice_id)
    names = names_of_users([session.user_id]) if session.user_id is not None else {}
    who = names.get(session.user_id) if session.user_id is not None else None
    logs = list_logs(session.id)
    return page(
        "voice/session.html", session=session, who=who, logs=logs, step_names=STEPS, status_names=STATUSES
    )
