"""Words of the consultants' page."""

from __future__ import annotations

from collections.abc import Callable

from app.consultants.presence import AWAY, BUSY, OFFLINE, ONLINE
from app.core.errors import N_

STATUSES = {ONLINE: N_("Online now"), BUSY: N_("Busy"), AWAY: N_("Away"), OFFLINE: N_("Offline")}
PILLS = {ONLINE: "ok", BUSY: "pending", AWAY: "denied", OFFLINE: "denied"}
SOURCES = {"registration": N_("Just registered"), "asked": N_("Asks for a person")}
# What the page's script says, by a name of its own.
_SAYS = {
    "new": N_("New customer: {name}"),
    "asked": N_("{name} asks for a consultant"),
    "offered": N_("{name} waits for you"),
    "escalated": N_("{name} has been waiting for long"),
    "message": N_("A new message from a customer"),
    "claimed": N_("A customer was taken."),
    "lost": N_("The connection is lost. Trying again."),
    "back": N_("Connected again."),
    "somebody": N_("A customer"),
    "told": N_("This browser tells you of new customers, also when the page is closed."),
    "denied": N_("The browser does not allow notifications. Change it in the settings of this site."),
    "failed": N_("Web Push could not be switched on here. E-mail still reaches you."),
    "off": N_("This browser tells you nothing any more."),
}


def says(translate: Callable[[str], str]) -> dict[str, str]:
    """The script's texts in the reader's language."""
    return {name: translate(text) for name, text in _SAYS.items()}
