"""Words of the console's pages of attached servers."""

from __future__ import annotations

from flask_babel import gettext

from app.core.errors import N_
from app.external.discovery import REASONS

TRANSPORT_LABELS = {
    "http": N_("Streamable HTTP"),
    "sse": N_("HTTP+SSE (older servers)"),
    "stdio": N_("A program of this machine (stdio)"),
}
AUDIENCE_LABELS = {
    "guest": N_("Guests"),
    "customer": N_("Customers"),
    "consultant": N_("Consultants"),
    "operator": N_("Operators"),
    "admin": N_("Admins"),
}
# By status: a pill's kind and label.
STATUS_LABELS = {
    "ok": ("ok", N_("In order")),
    "down": ("failed", N_("Not reachable")),
    "new": ("pending", N_("Not reached yet")),
}
HINT_LABELS = {
    "readOnlyHint": (N_("only reads"), N_("writes")),
    "destructiveHint": (N_("may destroy"), ""),
    "idempotentHint": (N_("may be repeated"), ""),
    "openWorldHint": (N_("reaches other places"), ""),
}


def skipped_line(line: str) -> str:
    """Why a tool was not taken, in the reader's language; `line` is "name: msgid" as discovery wrote it."""
    name, _, reason = line.rpartition(": ")
    return f"{name}: {gettext(reason) if reason in REASONS else reason}"


def hint_words(hints: dict[str, bool]) -> list[str]:
    """What a server says of a tool's effects."""
    words = [HINT_LABELS[hint][0 if value else 1] for hint, value in hints.items() if hint in HINT_LABELS]
    return [gettext(word) for word in words if word]
