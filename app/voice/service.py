"""Interpret, confirm, execute. An edge: each opens its own transactions, since a tool opens its own too.

Nothing with a side effect is done but by `execute`, with exactly the action and parameters that were read out, after a
yes, once, within `VOICE_CONFIRM_SECONDS`, in the session that asked. A price that has changed meanwhile is asked again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from logging import getLogger
from typing import Any

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Conflict
from app.db import in_transaction
from app.language.normalise import detect_language
from app.runtime import settings
from app.tools.queries import get_tool
from app.tools.rehearsal import has_side_effect
from app.voice import sessions, wording
from app.voice.corrections import answer_to
from app.voice.dialogue import Asked
from app.voice.executing import Execution, read
from app.voice.hearing import heard
from app.voice.interpreter import EXACT
from app.voice.sessions import AGREED, ASKED, DENIED, Session
from app.voice.spoken import Executed, Spoken, nothing_open, spoken_of
from app.voice.turn import Turn

log = getLogger(__name__)


def interpret(actor: Actor, key: str, text: str) -> Spoken:
    """What the utterance means. Reading actions are answered at once; anything else is read back and waits for a yes."""
    return _turn(actor, key, text, "interpret")


def confirm(
    actor: Actor, key: str, *, text: str = "", approve: bool | None = None, confirmation_id: str | None = None
) -> Spoken:
    """The answer to what was read out: yes, no, or a correction, which is read out again."""
    started = time.perf_counter()
    session = sessions.load(actor, key)
    said = heard(text) if text else ""
    asked = session.open_question
    if asked is None or confirmation_id not in (None, asked.id):
        spoken = nothing_open(session, detect_language(said, actor.locale))
    elif approve is not None or (answer := answer_to(said, asked)):
        spoken = _answered(session, asked, approve if approve is not None else answer == "yes")
    else:
        return _turn(actor, key, text, "confirm")
    return _finish(session, spoken, "confirm", said, started)


def _turn(actor: Actor, key: str, text: str, step: str) -> Spoken:
    started = time.perf_counter()
    session = sessions.load(actor, key)
    said = heard(text)
    spoken = Turn(actor, session, said, step == "confirm").take()
    session.state.last_said = spoken.text
    return _finish(session, spoken, step, said, started)


def _finish(session: Session, spoken: Spoken, step: str, said: str, started: float) -> Spoken:
    session.note(step, spoken.type, said or spoken.action, (time.perf_counter() - started) * 1_000)
    asked = session.state.asked
    is_new = asked is not None and asked.id != session.asked_id
    state = ASKED if is_new else None
    in_transaction(lambda: sessions.store(session, asked_state=state))
    sessions.keep(session)
    if is_new:
        spoken.expires_at = now() + timedelta(seconds=settings().voice_confirm_seconds)
    return spoken


def _answered(session: Session, asked: Asked, is_yes: bool) -> Spoken:
    """Take the yes or no; a second answer changes nothing."""
    before = ASKED if session.asked_state == ASKED else AGREED
    taken = in_transaction(lambda: sessions.move(session, asked, before, AGREED if is_yes else DENIED))
    if not taken:
        return Spoken(type="clarify", text=wording.say(asked.language, "used"), language=asked.language)
    if is_yes:
        return spoken_of(asked, "execute", asked.question, EXACT)
    session.state.asked = None
    return Spoken(type="cancelled", text=wording.say(asked.language, "cancelled"), language=asked.language)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Something said on a page, and the answer. With `confirmation_id` it waits for a yes; `is_done`: something was changed."""

    said: str
    text: str
    type: str
    language: str = ""
    confirmation_id: str | None = None
    is_done: bool = False


def converse(
    actor: Actor, key: str, *, text: str = "", approve: bool | None = None, confirmation_id: str | None = None
) -> Exchange:
    """The three steps in one, for a person at a page: a yes is carried out at once."""
    if approve is not None or sessions.load(actor, key).open_question is not None:
        spoken = confirm(actor, key, text=text, approve=approve, confirmation_id=confirmation_id)
    else:
        spoken = interpret(actor, key, text)
    if spoken.type != "execute":
        return Exchange(
            said=text,
            text=spoken.text,
            type=spoken.type,
            language=spoken.language,
            confirmation_id=spoken.confirmation_id,
        )
    done = execute(actor, key, spoken.action, spoken.params)
    waits = sessions.load(actor, key).open_question if done.reason == "CHANGED" else None
    return Exchange(
        said=text,
        text=done.text,
        type="answer",
        language=done.language,
        confirmation_id=waits.id if waits else None,
        is_done=not done.code or done.reason == "FAILED",
    )


def execute(actor: Actor, key: str, action: str, params: dict[str, Any]) -> Executed:
    """Do what was read out and agreed to; a reading action at once. Raises NotFound for a tool that is not the actor's."""
    started = time.perf_counter()
    session = sessions.load(actor, key)
    if action != "chain" and not has_side_effect(get_tool(actor, action)[0]):
        done = read(actor, action, params)
    else:
        done = Execution(actor, session).run(action, params)
    session.note(
        "execute", "failed" if done.code else "done", done.text, (time.perf_counter() - started) * 1_000
    )
    session.state.last_said = done.text
    try:
        in_transaction(lambda: sessions.store(session))
        sessions.keep(session)
    except Conflict:
        # Somebody spoke meanwhile. What was done is done, and is what must be told.
        log.info("voice_state_overtaken session=%s", session.id)
    return done
