"""The voice's page and panel: the same three steps as the API, in one form; without JavaScript a text box and two buttons."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext

from app.core.errors import N_, DomainError, InvalidParam
from app.extensions import limiter
from app.runtime import settings
from app.voice import service
from app.voice.api import LIMIT
from app.voice.hearing import MAX_CHARS
from app.voice.service import Exchange
from app.web.auth import PUBLIC, VISITOR, access, acting_visitor
from app.web.htmx import is_partial, page, trigger
from app.web.i18n import error_text

bp = Blueprint("voice", __name__)
# A browser has one dialogue, whichever of its pages it is on.
SESSION = "web"


@bp.get("/voice")
@access(PUBLIC)
def show() -> Response:
    """The page, or the panel's contents for the pages of the shop and the console."""
    return page("voice/page.html", block="panel", exchanges=[], **_speech())


@bp.post("/voice")
@limiter.limit(LIMIT)
@access(VISITOR)
def say() -> Response:
    """One utterance, or a yes or no to what was read out."""
    exchange = _exchange()
    if is_partial():
        answer = page("voice/_exchange.html", exchange=exchange)
    else:
        answer = page("voice/page.html", exchanges=[exchange], **_speech())
    return trigger(answer, "cart-changed") if exchange.is_done else answer


def _exchange() -> Exchange:
    text, approve = request.form.get("text", "").strip(), request.form.get("approve", "")
    try:
        if approve not in ("", "0", "1") or len(text) > MAX_CHARS:
            raise InvalidParam(fields={"text": N_("Say it in fewer words.")})
        if not text and not approve:
            return Exchange(said="", text=gettext("Say or write what you would like."), type="clarify")
        return service.converse(
            acting_visitor(),
            SESSION,
            text=text,
            approve=approve == "1" if approve else None,
            confirmation_id=request.form.get("confirmation_id") or None,
        )
    except DomainError as error:
        # Told where it was said, and spoken: an error page would be lost on who listens.
        return Exchange(
            said=text, text=next(iter(map(gettext, error.fields.values())), error_text(error)), type="clarify"
        )


def _speech() -> dict[str, Any]:
    return {"has_server_speech": bool(settings().speech_base_url)}
