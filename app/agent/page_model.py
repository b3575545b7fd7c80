"""Conversations as the chat pages show them: answers with their cards, text, results, questions and failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import session
from markupsafe import Markup

from app.agent import queries
from app.agent.page_results import Results, asked_of, names_of, results_of, title_of
from app.agent.page_text import plain_text, render_block, split_blocks
from app.agent.queries import Answer, ConfirmationView, Said
from app.agent.recovery import INTERRUPTED, error_data
from app.agent.results import ToolCard
from app.conversations.queries import find_latest_run, get_run, list_conversations, list_run_messages
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import NotFound

SESSION_KEY = "chat"
# A visit later than this begins a new conversation.
SAME_VISIT = timedelta(hours=12)
RUNNING, FAILED = "running", frozenset({"error", INTERRUPTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLine:
    """A tool call as a line that opens. `element_id` is its DOM id."""

    element_id: str
    card: ToolCard
    title: str
    asked: str
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an answer failed; `words` is what the customer had said, to be said again (empty: nothing to repeat)."""

    text: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShown:
    """One answer for the templates. The last of `blocks` has the id that a running answer writes to."""

    answer: Answer
    lines: tuple[CardLine, ...]
    blocks: tuple[Markup, ...]
    results: Results
    failure: Failure | None = None

    @property
    def element_id(self) -> str:
        return f"run-{self.answer.run_id}"

    @property
    def is_running(self) -> bool:
        return self.answer.status == RUNNING

    @property
    def spoken(self) -> str:
        """What a screen reader is told at the end."""
        return self.failure.text if self.failure else plain_text(self.answer.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatShown:
    """A conversation for the templates; without a `session_id` one that has not begun."""

    session_id: str | None = None
    title: str = ""
    items: tuple[Said | AnswerShown, ...] = ()
    active: AnswerShown | None = None


def tail_id(run_id: str) -> str:
    """The DOM id of the piece of text that is being written."""
    return f"run-{run_id}-tail"


def card_line(card: ToolCard, number: int) -> CardLine:
    """A card in its place among the calls of its run; calls' own ids are a model's and no DOM ids."""
    return CardLine(
        element_id=f"run-{card.run_id}-tool-{number}",
        card=card,
        title=title_of(card.name),
        asked=asked_of(card.given),
        is_open=card.status == RUNNING and bool(card.streamed),
    )


def show_answer(answer: Answer, locale: str, failure: Failure | None = None) -> AnswerShown:
    """Prepare an answer."""
    results = results_of(answer.cards, answer.text, locale)
    names = names_of(results)
    pieces = split_blocks(answer.text)
    ids = [""] * (len(pieces) - 1) + [tail_id(answer.run_id)]
    return AnswerShown(
        answer=answer,
        lines=tuple(card_line(card, number) for number, card in enumerate(answer.cards)),
        blocks=tuple(
            render_block(piece, names, element_id=id_) for piece, id_ in zip(pieces, ids, strict=True)
        ),
        results=Results() if answer.status == RUNNING else results,
        failure=failure,
    )


def get_answer(actor: Actor, run_id: str) -> AnswerShown:
    """One answer as it stands now, with why it failed. Raises NotFound."""
    answer = queries.answer_view(actor, run_id)
    failure = _failure(actor, answer) if answer.status in FAILED else None
    return show_answer(answer, actor.locale, failure)


def get_chat(actor: Actor, session_id: str) -> ChatShown:
    """A conversation of the actor. Raises NotFound."""
    view = queries.conversation_view(actor, session_id)
    items = [
        show_answer(item, actor.locale, _old_failure(item)) if isinstance(item, Answer) else item
        for item in view.items
    ]
    active = next((item for item in items if isinstance(item, AnswerShown) and item.is_running), None)
    if view.active is None:
        items = _with_latest_failure(actor, session_id, items)
    return ChatShown(session_id=view.session_id, title=view.title, items=tuple(items), active=active)


def find_current(actor: Actor) -> str | None:
    """The conversation that page and panel share: the one last shown here, else the latest of this visit."""
    if actor.is_guest and not actor.guest_id:
        return None
    remembered = session.get(SESSION_KEY)
    latest = list_conversations(actor, 50)
    if any(row.id == remembered for row in latest):
        return str(remembered)
    return next((row.id for row in latest[:1] if row.updated_at > now() - SAME_VISIT), None)


def remember(session_id: str) -> None:
    """Let page and panel go on with this conversation."""
    if session.get(SESSION_KEY) != session_id:
        session[SESSION_KEY] = session_id


def earlier_questions(session_id: str, run_id: str) -> list[ConfirmationView]:
    """The latest questions of other answers, whose cards on the page may be out of date."""
    return [view for view in queries.latest_confirmations(session_id) if view.run_id != run_id]


def _with_latest_failure(
    actor: Actor, session_id: str, items: Sequence[Said | AnswerShown]
) -> list[Said | AnswerShown]:
    """An answer that failed before its first word has no row, but the customer has to be told."""
    run = find_latest_run(session_id)
    if run is None or run.status not in FAILED:
        return list(items)
    shown = get_answer(actor, run.id)
    return [*(item for item in items if not _is_of(item, run.id)), shown]


def _is_of(item: Said | AnswerShown, run_id: str) -> bool:
    return isinstance(item, AnswerShown) and item.answer.run_id == run_id


def _old_failure(answer: Answer) -> Failure | None:
    if answer.status not in FAILED:
        return None
    code = INTERRUPTED if answer.status == INTERRUPTED else "INTERNAL"
    return Failure(text=error_data(code)["error"], words="")


def _failure(actor: Actor, answer: Answer) -> Failure:
    try:
        code = get_run(actor, answer.run_id).error_code or INTERRUPTED
    except NotFound:
        code = INTERRUPTED
    said = [row.content for row in list_run_messages(answer.run_id) if row.role == "user"]
    return Failure(text=error_data(code)["error"], words=said[-1] if said else "")
