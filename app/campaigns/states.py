"""The states of a campaign and the steps of its publishing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.core.errors import N_


class State(StrEnum):
    """pending -> running -> published | failed; failed -> pending when it is run again; published -> ended."""

    PENDING = "pending"
    RUNNING = "running"
    PUBLISHED = "published"
    FAILED = "failed"
    ENDED = "ended"


UNDER_WAY = (State.PENDING, State.RUNNING)
CREATE, PUBLISH, ISSUE = "create_coupon", "publish_coupon", "issue_coupon"
STEPS = (CREATE, PUBLISH, ISSUE)
STEP_LABELS: Mapping[str, str] = {
    CREATE: N_("Coupon created"),
    PUBLISH: N_("Coupon published"),
    ISSUE: N_("Coupon issued"),
}
STATE_LABELS: Mapping[str, str] = {
    State.PENDING: N_("Waiting for a worker"),
    State.RUNNING: N_("Being published"),
    State.PUBLISHED: N_("Published"),
    State.FAILED: N_("Failed"),
    State.ENDED: N_("Ended"),
}


def publish_status(state: str) -> str:
    """What the receipt says: pending, published, failed or ended."""
    return "pending" if state in UNDER_WAY else state
