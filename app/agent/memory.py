"""What a model is told of a talk that is too long for it: the newest messages, and a summary of all before.

The summary is made at the end of a run, when its last event is out and the conversation free: nobody waits for it. It
covers so much that the rest fills half of the budget, so that one serves for many messages. Until it is there (the
process died, the next message came first) what falls out is told by our own digest, which takes a millisecond. It is a
cache: `summary_until` says up to which message it tells, and empty columns only mean that it is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from logging import getLogger

from app.agent import history
from app.agent.summarising import Summariser
from app.conversations import service
from app.conversations.digest import Digest, transcript
from app.conversations.models import Message as Row
from app.conversations.queries import find_summary_and_note, list_messages
from app.db import db, in_transaction
from app.llm.client import Message
from app.llm.tokens import count_message, count_messages
from app.runtime import settings

log = getLogger(__name__)
# Rows that are looked at before an answer; after one there is time for more, should the summary be lost.
ROWS_BEFORE, ROWS_AFTER = 200, 1_000
# The share of the budget that a summary may take, and the one that is left to messages when a new one is made.
SUMMARY_SHARE, KEPT_SHARE = 0.25, 0.5


@dataclass(frozen=True, slots=True)
class _View:
    """A conversation as the budget allows it to be told: `lost` rows are in neither the summary nor the messages.

    `kept_until` is `summary_until` as it was read, `note` what a consultant who handed back has told the assistant.
    """

    summary: str
    kept_until: int
    rows: Sequence[Row]
    lost: Sequence[Row]
    messages: list[Message]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a model is told of a talk. `is_all`: no summary stands for any of it and nothing was left out."""

    messages: list[Message]
    is_all: bool

    def leaves_room(self, answer: str) -> bool:
        """True when the talk with this answer is far below what makes a summary."""
        if not self.is_all:
            return False
        said: Message = {"role": "assistant", "content": answer}
        return count_messages([*self.messages, said]) <= settings().agent_history_tokens * KEPT_SHARE


def recall(session_id: str) -> list[Message]:
    """The messages for a model, without the system's: at most AGENT_HISTORY_TOKENS, the newest user's always whole.

    A summary comes first, as a message with `source` "summary", which the fence marks as data.
    """
    return known(session_id).messages


def known(session_id: str) -> Known:
    """The same, and whether it is all that was said."""
    view = _view(session_id, ROWS_BEFORE)
    notes = [_note_message(view.note)] if view.note else []
    if not view.summary and not view.lost:
        return Known([*notes, *view.messages], len(view.rows) < ROWS_BEFORE)
    digest = Digest.read(view.summary)
    digest.add(view.lost)
    return Known([_summary_message(digest), *notes, *view.messages], is_all=False)


def within_budget(rows: Sequence[Row]) -> Known:
    """The newest of rows that have no ids: nothing is kept of what falls out."""
    messages = _cut(rows, settings().agent_history_tokens).messages
    return Known(messages, len(messages) == len(rows))


def remember(session_id: str, summariser: Summariser | None) -> bool:
    """Summarise what the next answer's model could not read any more; True when a new summary was kept.

    With no `summariser`, or one that fails, it is our own digest. Opens its own transaction.
    """
    view = _view(session_id, ROWS_AFTER)
    if not view.lost:
        db.session.remove()
        return False
    kept = _cut(view.rows, int(settings().agent_history_tokens * KEPT_SHARE))
    told = [row for row in view.rows if row.id < kept.since]
    # No connection is held while the model thinks.
    db.session.remove()
    text = _summarise(view.summary, told, summariser)
    return in_transaction(
        lambda: service.keep_summary(session_id, text, until=told[-1].id, was=view.kept_until)
    )


def _summarise(summary: str, rows: Sequence[Row], summariser: Summariser | None) -> str:
    digest = Digest.read(summary)
    if summariser is not None:
        try:
            notes = summariser.talk(transcript(summary, rows))
            digest.add(rows)
            digest.retell(notes)
            return digest.text(_summary_tokens())
        except Exception as error:
            log.warning("summary_without_model error=%r", error)
            digest = Digest.read(summary)
    digest.add(rows)
    return digest.text(_summary_tokens())


def _view(session_id: str, most_rows: int) -> _View:
    summary, until, note = find_summary_and_note(session_id)
    rows = list_messages(session_id, most_rows, after=until if summary else 0)
    budget = settings().agent_history_tokens
    if note:
        budget -= count_message(_note_message(note))
    cut = _cut(rows, budget)
    if summary or _lost(rows, cut):
        cut = _cut(rows, budget - _summary_tokens())
    return _View(summary, until, rows, _lost(rows, cut), cut.messages, note)


def _lost(rows: Sequence[Row], cut: history.History) -> list[Row]:
    return [row for row in rows if row.id < cut.since]


def _cut(rows: Sequence[Row], tokens: int) -> history.History:
    return history.build(rows, max_tokens=tokens, max_result_chars=settings().tool_result_max_chars)


def _summary_tokens() -> int:
    return int(settings().agent_history_tokens * SUMMARY_SHARE)


def _summary_message(digest: Digest) -> Message:
    # Nobody's own words: the built-in model passes over it, the fence makes it data for the others.
    empty: Message = {"role": "assistant", "content": "", "source": "summary"}
    return {**empty, "content": digest.text(_summary_tokens() - count_message(empty))}


def _note_message(note: str) -> Message:
    """A consultant's note for the assistant: data like all that others wrote, never the customer's words."""
    return {"role": "assistant", "content": note, "source": "consultant's note"}
