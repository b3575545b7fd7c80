"""What the voice says back, and why there may be nothing to say yes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.tools.rehearsal import Rehearsed
from app.voice import wording
from app.voice.dialogue import Asked, Step
from app.voice.planning import Later
from app.voice.sessions import AGREED, ASKED, DONE, RUNNING, Session

# How an utterance was understood: as a word to the voice itself (yes, no, help), by a sentence template, by the built-in
# model's grammar, by a language model.
COMMAND, TEMPLATE, BUILTIN, MODEL = "command", "template", "grammar", "model"


@dataclass(slots=True, kw_only=True)
class Spoken:
    """What the voice says back. `type` is confirm, answer, clarify, execute or cancelled; `missing` names parameters.

    `source` is how it was understood (SOURCES); `steps` what each part of an answer to several questions came from.
    """

    type: str
    text: str
    action: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    confidence: float = 0.0
    missing: list[str] = field(default_factory=list)
    confirmation_id: str | None = None
    expires_at: datetime | None = None
    language: str = "zh"
    source: str = COMMAND
    steps: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Executed:
    """What became of an action; with `code` it failed, and `reason` says why in a word."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    reason: str = ""
    language: str = "zh"


def nothing_open(session: Session, language: str) -> Spoken:
    """Why there is nothing to say yes to."""
    key = "nothing_open"
    if session.state.asked is not None and session.asked_state in (ASKED, AGREED) and session.is_late:
        key = "expired"
    elif session.asked_state in (RUNNING, DONE):
        key = "used"
    return Spoken(type="clarify", text=wording.say(language, key), language=language)


def spoken_of(asked: Asked, kind: str, text: str, confidence: float, source: str = COMMAND) -> Spoken:
    return Spoken(
        type=kind,
        text=text,
        action=asked.action,
        params=asked.params,
        confidence=confidence,
        confirmation_id=asked.id,
        language=asked.language,
        source=source,
    )


def step_of(each: Rehearsed) -> Step:
    """A rehearsed call as a step that waits for its yes."""
    tells = each.tells if isinstance(each, Later) else ""
    return Step(action=each.tool, params=each.arguments, fingerprint=each.fingerprint, tells=tells)
