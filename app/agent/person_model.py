"""How it stands between a customer and the consultants, as the chat shows it."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.queries import names_of_users
from app.consultants.attending import count_online
from app.consultants.queries import find_open
from app.consultants.states import Source, State
from app.consultants.talking import DESK_SIDE, is_typing
from app.conversations.queries import list_messages

NONE, WAITING, CLAIMED, TALKING = "none", "waiting", "claimed", "talking"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonShown:
    """How it stands with a person: `state` none, waiting, claimed (nobody has answered yet) or talking."""

    state: str = NONE
    name: str = ""
    online: int = 0
    is_seen: bool = False
    is_typing: bool = False
    is_asked: bool = False
    consultation_id: int | None = None

    @property
    def is_open(self) -> bool:
        return self.consultation_id is not None


def person_of(session_id: str | None) -> PersonShown:
    """How it stands in a conversation. The caller checks whose it is."""
    found = find_open(session_id) if session_id else None
    if found is None:
        return PersonShown()
    is_waiting = found.status == State.WAITING.value
    name = names_of_users([found.claimed_by]).get(found.claimed_by or 0, "") if not is_waiting else ""
    is_talking = found.taken_over_at is not None
    mine = [row.id for row in list_messages(found.conversation_id, 20) if row.role == "user"]
    return PersonShown(
        state=WAITING if is_waiting else TALKING if is_talking else CLAIMED,
        name=name,
        online=count_online() if is_waiting else 0,
        is_seen=is_talking and bool(mine) and found.consultant_read_until >= mine[-1],
        is_typing=is_talking and is_typing(found.conversation_id, DESK_SIDE),
        is_asked=found.source == Source.ASKED.value,
        consultation_id=found.id,
    )


def last_message_id(session_id: str | None) -> int:
    """From where a live stream goes on."""
    rows = list_messages(session_id, 1) if session_id else []
    return rows[-1].id if rows else 0
