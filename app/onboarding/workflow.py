"""The steps of a run in their order, what state they can be in, who takes part. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum

KIND = "registration"
TOPIC = "registration.automation"


class Step(StrEnum):
    """The steps, in the order in which they are done."""

    CONVERSATION = "conversation_created"
    TOOLS = "mcp_called"
    AGENT = "agent_triggered"
    WELCOME = "welcome_sent"
    NOTIFIED = "consultants_notified"


STEPS: tuple[Step, ...] = tuple(Step)


class Status(StrEnum):
    """Of a run. `skipped`: switched off, or outside of the rollout."""

    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepStatus(StrEnum):
    """Of a step. `skipped`: there was nothing to do, by the settings."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


OPEN = (Status.PENDING.value, Status.RETRYING.value, Status.RUNNING.value)
# A step in one of these states is over for the run.
SETTLED = frozenset({StepStatus.DONE.value, StepStatus.SKIPPED.value})


def is_in_rollout(user_id: int, percent: int) -> bool:
    """Whether a user is among the first `percent` of 100: always the same users, and more of them as it grows."""
    digest = hashlib.sha256(f"registration-automation:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * 100 >> 64 < percent


def pause_after(failures: int, pauses: Sequence[int]) -> int | None:
    """Seconds until the next attempt after so many failures; None when there is none left."""
    return pauses[failures - 1] if failures <= len(pauses) else None
