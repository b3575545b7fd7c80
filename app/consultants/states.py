"""What a consultation can be, why it ends, and the bounds of what is written in it. Pure."""

from __future__ import annotations

from enum import StrEnum

MAX_ASKED = 500
MAX_MESSAGE = 4_000
MAX_NOTE = 2_000


class State(StrEnum):
    """Of a consultation. A claimed one is taken over or not (`taken_over_at`)."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    CLOSED = "closed"


OPEN = (State.WAITING.value, State.CLAIMED.value)


class Source(StrEnum):
    """Why somebody waits."""

    REGISTRATION = "registration"
    ASKED = "asked"


class Ending(StrEnum):
    """Why a consultation is closed."""

    HANDED_BACK = "handed_back"
    CUSTOMER_LEFT = "customer_left"


class Line(StrEnum):
    """Lines in a conversation that nobody has said: the `status` of a message with role `system`."""

    WAITING = "waiting"
    TAKEN_OVER = "taken_over"
    HANDED_BACK = "handed_back"
    RELEASED = "released"
    CUSTOMER_LEFT = "customer_left"
