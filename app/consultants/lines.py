"""Lines that a conversation shows between what was said, in the language of whoever reads it."""

from __future__ import annotations

from flask_babel import force_locale, gettext

from app.consultants.states import Line
from app.core.errors import N_

TEXTS = {
    Line.TAKEN_OVER.value: N_("%(name)s, a consultant, answers you here now. The assistant is silent."),
    Line.HANDED_BACK.value: N_("The consultant has handed back: the assistant answers you again."),
    Line.RELEASED.value: N_(
        "The consultant had to leave. Another one is asked for; until then the assistant answers you again."
    ),
    Line.CUSTOMER_LEFT.value: N_("The talk with the consultant is over: the assistant answers again."),
}
NOBODY = N_("A consultant")


def line_text(status: str, name: str = "") -> str:
    """A line in the current language; "" for one that is not known."""
    text = TEXTS.get(status, "")
    return gettext(text, name=name or gettext(NOBODY)) if text else ""


def line_in(locale: str, status: str, name: str = "") -> str:
    """A line in a language."""
    with force_locale(locale):
        return line_text(status, name)
