"""Channels, states of a delivery, and when one that failed is tried again. Pure."""

from __future__ import annotations

from enum import StrEnum

# Pauses in seconds before the second, third ... attempt; after the last the delivery has failed.
PAUSES = (15, 60, 300, 900, 3_600)
MAX_ATTEMPTS = len(PAUSES) + 1
# A service that asks for more than this is asked again all the same.
LONGEST_PAUSE = 6 * 3_600


class Channel(StrEnum):
    """The ways to a person."""

    IN_APP = "in_app"
    WEB_PUSH = "web_push"
    EMAIL = "email"


class State(StrEnum):
    """WAITING for its person's page to be open; PENDING: to be sent (or sent again); SENDING: at work under a lease.

    The others are final. SENT: handed to the open page, the push service or the mail server. SKIPPED: not needed any more.
    """

    WAITING = "waiting"
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


FINAL = frozenset({State.SENT, State.FAILED, State.SKIPPED})


def pause_after(attempts: int, asked: float | None = None) -> float | None:
    """Seconds until the next attempt after so many failed ones; None when that was the last.

    `asked` is what the service wishes (Retry-After): never less than that, within reason.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    return min(max(PAUSES[attempts - 1], asked or 0.0), LONGEST_PAUSE)
