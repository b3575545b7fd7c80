"""What a notification says, in its reader's language: a title, a line, and where it leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import N_

Translate = Callable[[str], str]
# One line on a lock screen, and in the subject of a mail.
MAX_TITLE, MAX_TEXT = 120, 300
DESK = "/consultant"


@dataclass(frozen=True, slots=True)
class Said:
    """A notification as its reader sees it; `url` is a path of this site."""

    title: str
    text: str
    url: str


TITLES = {
    "customer.registered": N_("New customer: %(username)s"),
    "customer.asked": N_("%(username)s asks for a consultant"),
    "customer.offered": N_("%(username)s waits for you"),
    "customer.escalated": N_("%(username)s has been waiting for %(minutes)s minutes"),
}
TEXTS = {
    "customer.registered": N_("Has just registered and has been welcomed."),
    "customer.asked": N_("Wants to talk to a person."),
    "customer.offered": N_("This customer is offered to you first."),
    "customer.escalated": N_("Nobody has taken this customer yet."),
}
OTHER_TITLE = N_("Something new on the consultants' page")
SOMEBODY = N_("A customer")


def say(kind: str, payload: Mapping[str, Any], translate: Translate) -> Said:
    """The words of a notification; what the customer asked stands in place of the usual line."""
    values = {
        "username": _line(payload.get("username"), 50) or translate(SOMEBODY),
        "minutes": _line(payload.get("minutes"), 6) or "0",
    }
    title = translate(TITLES.get(kind, OTHER_TITLE)) % values
    asked = _line(payload.get("asked"), MAX_TEXT)
    text = asked or (translate(TEXTS[kind]) if kind in TEXTS else "")
    return Said(_line(title, MAX_TITLE), text, DESK)


def _line(value: Any, most: int) -> str:
    """A customer's text as one line: it goes into the header of a mail and onto lock screens."""
    text = " ".join("".join(char if char.isprintable() else " " for char in str(value or "")).split())
    return text if len(text) <= most else text[: most - 1] + "…"
