"""Loading and storing voice sessions. The database is the truth; Redis spares reading a long state again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from logging import getLogger
from typing import Any, cast

from redis.exceptions import RedisError
from sqlalchemy import CursorResult, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, Conflict
from app.core.ids import new_id
from app.db import Base, db
from app.runtime import redis, settings
from app.voice.dialogue import Asked, State
from app.voice.models import VoiceLog, VoiceSession

log = getLogger(__name__)
SESSIONS = Base.metadata.tables[VoiceSession.__tablename__]
LOGS = Base.metadata.tables[VoiceLog.__tablename__]
ASKED, AGREED, RUNNING, DONE, DENIED = "asked", "agreed", "running", "done", "denied"
CACHE_SECONDS = 600
BUSY = N_("Another command of this session is being worked on.")


@dataclass(slots=True)
class Session:
    """A loaded session; `asked_state` and `is_late` tell how far what waits for a yes is."""

    id: int
    key: str
    version: int
    state: State
    asked_id: str | None = None
    asked_state: str = ""
    is_late: bool = False
    owner: Actor | None = None
    logs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def open_question(self) -> Asked | None:
        """What was read out and can still be answered."""
        asked = self.state.asked
        if (
            asked is None
            or asked.id != self.asked_id
            or self.is_late
            or self.asked_state not in (ASKED, AGREED)
        ):
            return None
        return asked

    def note(self, step: str, status: str, message: str, milliseconds: float) -> None:
        """A row of the log, written with the session."""
        self.logs.append(
            {
                "step": step[:40],
                "status": status[:20],
                "message": message[:500],
                "duration_ms": round(milliseconds),
            }
        )


def load(actor: Actor, key: str) -> Session:
    """The actor's session of that name; a new one is written with its first state."""
    found = find(actor, key)
    return found or Session(0, key, 0, State(), owner=actor)


def find(actor: Actor, key: str) -> Session | None:
    """The actor's session of that name."""
    row = _row(actor, key)
    if row is None:
        return None
    late = row.asked_until is not None and row.asked_until <= now()
    return Session(row.id, key, row.version, _state(row.id, row.version), row.asked_id, row.asked_state, late)


def _row(actor: Actor, key: str) -> Any:
    wanted = (
        SESSIONS.c.id,
        SESSIONS.c.version,
        SESSIONS.c.asked_id,
        SESSIONS.c.asked_state,
        SESSIONS.c.asked_until,
    )
    return db.session.execute(
        select(*wanted).where(SESSIONS.c.owner == actor.subject, SESSIONS.c.key == key)
    ).first()


def _cache_key(session_id: int, version: int) -> str:
    return f"voice:{session_id}:{version}"


def _state(session_id: int, version: int) -> State:
    try:
        kept = redis().get(_cache_key(session_id, version))
    except RedisError:
        kept = None
    if kept:
        return State.model_validate_json(cast(str, kept))
    return State.model_validate(
        db.session.scalar(select(SESSIONS.c.state).where(SESSIONS.c.id == session_id)) or {}
    )


def _make(session: Session, owner: Actor) -> None:
    """Write the row of a new session. Raises Conflict VOICE_BUSY when somebody made it meanwhile."""
    row = VoiceSession(key=session.key, owner=owner.subject, user_id=owner.user_id, locale=owner.locale)
    row.state, row.version = {}, 0
    db.session.add(row)
    try:
        db.session.flush()
    except IntegrityError:
        raise Conflict(BUSY, code="VOICE_BUSY") from None
    session.id, session.owner = row.id, None


def store(session: Session, *, asked_state: str | None = None) -> None:
    """Write the state and the log rows. Raises Conflict VOICE_BUSY when another request was faster.

    With `asked_state` what waits for a yes is new (`asked`), or over.
    """
    if session.owner is not None:
        _make(session, session.owner)
    values: dict[str, Any] = {
        "state": session.state.model_dump(),
        "version": session.version + 1,
        "updated_at": now(),
    }
    if asked_state is not None:
        asked = session.state.asked
        values |= {
            "asked_id": asked.id if asked else session.asked_id,
            "asked_state": asked_state,
            "asked_until": now() + timedelta(seconds=settings().voice_confirm_seconds) if asked else now(),
        }
    changed = db.session.execute(
        update(SESSIONS)
        .where(SESSIONS.c.id == session.id, SESSIONS.c.version == session.version)
        .values(**values)
    )
    if cast(CursorResult[Any], changed).rowcount != 1:
        raise Conflict(BUSY, code="VOICE_BUSY")
    session.version += 1
    if session.logs:
        db.session.execute(
            insert(LOGS), [{**each, "session_id": session.id, "created_at": now()} for each in session.logs]
        )
        session.logs = []


def keep(session: Session) -> None:
    """Put the stored state where the next request finds it faster. After the commit."""
    try:
        redis().set(
            _cache_key(session.id, session.version), session.state.model_dump_json(), ex=CACHE_SECONDS
        )
    except RedisError as error:
        log.info("voice_state_not_cached error=%s", error)


def move(session: Session, asked: Asked, before: str, after: str) -> bool:
    """Take what waits for a yes one step further; False when somebody else did, or it is too late."""
    changed = db.session.execute(
        update(SESSIONS)
        .where(
            SESSIONS.c.id == session.id,
            SESSIONS.c.asked_id == asked.id,
            SESSIONS.c.asked_state == before,
            SESSIONS.c.asked_until > now(),
        )
        .values(asked_state=after)
    )
    return cast(CursorResult[Any], changed).rowcount == 1


def finish(session: Session, asked: Asked) -> None:
    """What was asked has been done, as far as it could be."""
    db.session.execute(
        update(SESSIONS)
        .where(SESSIONS.c.id == session.id, SESSIONS.c.asked_id == asked.id)
        .values(asked_state=DONE)
    )


def new_question_id() -> str:
    """The id of something to be asked."""
    return new_id()


def forget_old(days: int) -> int:
    """Delete sessions that nobody has spoken in for so many days; returns how many."""
    gone = db.session.execute(delete(SESSIONS).where(SESSIONS.c.updated_at < now() - timedelta(days=days)))
    return cast(CursorResult[Any], gone).rowcount
