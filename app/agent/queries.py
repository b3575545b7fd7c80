"""What the chat pages show: conversations, answers with tool cards, open questions, the running answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.exceptions import RedisError

from app.accounts.queries import names_of_users
from app.agent.answers import shown_of
from app.agent.results import ToolCard, tool_card
from app.agent.service import answer_confirmation, start_run
from app.agent.stream import BEGINNING, Event, read_all
from app.cart.queries import get_cart
from app.cart.schemas import CartItemOut, cart_item_json
from app.consultants.lines import line_text
from app.consultants.states import Line
from app.conversations.confirmations import EXPIRED, PENDING
from app.conversations.models import SHOP, SYSTEM, Confirmation, Conversation, Message
from app.conversations.queries import (
    find_active_run,
    get_confirmation,
    get_conversation,
    get_run,
    list_confirmations,
    list_conversations,
    list_messages,
    list_run_messages,
)
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import NotFound
from app.runtime import redis

__all__ = [
    "answer_confirmation",
    "answer_view",
    "cart_json",
    "confirmation_view",
    "conversation_view",
    "latest_confirmations",
    "list_sessions",
    "said_in",
    "start_run",
    "tool_card_view",
]


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation in the list at the side."""

    session_id: str
    title: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationView:
    """A question to the person. `summary` is the tool's preview (title, items, coupon, discount, total).

    `state` is pending, approved, denied, expired or void.
    """

    id: str
    run_id: str
    tool_call_id: str
    tool_name: str
    summary: Mapping[str, Any]
    state: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the assistant: its tool calls, then its text; while it runs, as far as it got.

    `last_event_id` is where to go on reading when `status` is running. `error` says what went wrong.
    """

    run_id: str
    status: str
    text: str
    cards: tuple[ToolCard, ...] = ()
    confirmations: tuple[ConfirmationView, ...] = ()
    message_id: int | None = None
    created_at: datetime | None = None
    last_event_id: str = BEGINNING

    @property
    def products(self) -> tuple[Mapping[str, Any], ...]:
        """The products that the tools found, each once, in their order."""
        found = {product["sku"]: product for card in self.cards for product in card.products}
        return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody wrote (role user or consultant, `author` the consultant), or a line that nobody said (role system)."""

    message_id: int
    role: str
    text: str
    created_at: datetime
    author: str = ""
    line: str = ""

    @property
    def is_end(self) -> bool:
        """A line after which the talk with a consultant is over."""
        return self.line in (Line.HANDED_BACK.value, Line.CUSTOMER_LEFT.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationView:
    """A conversation, oldest first. `active` is the answer that is being made, also in `items`."""

    session_id: str
    title: str
    status: str
    items: tuple[Said | Answer, ...]
    active: Answer | None

    @property
    def pending(self) -> ConfirmationView | None:
        """The question that waits for an answer."""
        asked = [view for item in self.items if isinstance(item, Answer) for view in item.confirmations]
        return next((view for view in reversed(asked) if view.state == PENDING), None)


def list_sessions(actor: Actor, limit: int = 50) -> list[Session]:
    """The actor's conversations, newest first."""
    return [Session(row.id, row.title, row.updated_at) for row in list_conversations(actor, limit)]


def conversation_view(actor: Actor, session_id: str) -> ConversationView:
    """Everything a page needs of one conversation. Raises NotFound."""
    conversation = get_conversation(actor, session_id, SHOP)
    rows = list_messages(conversation.id)
    asked = _by_call(list_confirmations(conversation.id))
    run = find_active_run(conversation.id)
    active = _running(run.id, asked) if run is not None else None
    finished = [row for row in rows if run is None or row.run_id != run.id or row.role == "user"]
    items = [
        *_items(finished, asked, names_of_authors(rows)),
        *([active] if active is not None else []),
    ]
    return _view(conversation, items, active)


def items_of(rows: Sequence[Message], session_id: str) -> list[Said | Answer]:
    """Rows of a conversation as what was said, oldest first. The caller checks whose it is."""
    return list(_items(rows, _by_call(list_confirmations(session_id)), names_of_authors(rows)))


def names_of_authors(rows: Iterable[Message]) -> dict[int, str]:
    """The names of the consultants in these rows; asks the database only when there are any."""
    return names_of_users(row.author_id for row in rows if row.author_id is not None)


def said_of(row: Message, names: Mapping[int, str]) -> Said:
    """A row that no run has made."""
    author = names.get(row.author_id or 0, "")
    line = row.status if row.role == SYSTEM else ""
    text = (line_text(line, author) or row.content) if line else row.content
    return Said(
        message_id=row.id,
        role=row.role,
        text=text,
        created_at=row.created_at,
        author=author,
        line=line,
    )


def _view(
    conversation: Conversation, items: Iterable[Said | Answer], active: Answer | None
) -> ConversationView:
    return ConversationView(
        session_id=conversation.id,
        title=conversation.title,
        status=conversation.status,
        items=tuple(items),
        active=active,
    )


def answer_view(actor: Actor, run_id: str) -> Answer:
    """One answer, for the fragment that a page fetches when its stream ends. Raises NotFound."""
    run = get_run(actor, run_id)
    asked = _by_call(list_confirmations(run.conversation_id))
    if run.active_in is not None:
        return _running(run.id, asked)
    return _answer(run.id, list_run_messages(run.id), asked, status=run.status)


def tool_card_view(actor: Actor, run_id: str, tool_call_id: str) -> tuple[ToolCard, ConfirmationView | None]:
    """One tool call with the question it led to, for the fragment at a `tool_result`. Raises NotFound."""
    run = get_run(actor, run_id)
    cards = _cards(run.id, list_run_messages(run.id))
    card = next((card for card in cards if card.id == tool_call_id), None)
    if card is None:
        raise NotFound()
    asked = _by_call(list_confirmations(run.conversation_id)).get((run_id, tool_call_id))
    return card, _confirmation(asked) if asked is not None else None


def said_in(run_id: str) -> list[Said]:
    """What the customer said to start a run; nothing when it settles a question. The caller checks whose it is."""
    return [
        Said(message_id=row.id, role=row.role, text=row.content, created_at=row.created_at)
        for row in list_run_messages(run_id)
        if row.role == "user"
    ]


def confirmation_view(actor: Actor, confirmation_id: str) -> ConfirmationView:
    """One question as it stands now. Raises NotFound."""
    return _confirmation(get_confirmation(actor, confirmation_id))


def latest_confirmations(session_id: str, limit: int = 3) -> list[ConfirmationView]:
    """The newest questions of a conversation as they stand now. The caller checks whose it is."""
    return [_confirmation(row) for row in list_confirmations(session_id)[-limit:]]


def cart_json(actor: Actor) -> list[CartItemOut]:
    """The cart in the form of GET /api/cart."""
    return [cart_item_json(line, actor.locale) for line in get_cart(actor).lines]


Asked = Mapping[tuple[str, str], Confirmation]


def _by_call(rows: Iterable[Confirmation]) -> Asked:
    return {(row.run_id, row.tool_call_id): row for row in rows}


def _items(rows: Sequence[Message], asked: Asked, names: Mapping[int, str]) -> Iterable[Said | Answer]:
    """What was said in order; the rows of one run are one answer, at the place of its last row."""
    of_run: dict[str | None, list[Message]] = {}
    for row in rows:
        if row.role in ("assistant", "tool"):
            of_run.setdefault(row.run_id, []).append(row)
    last = {messages[-1].id: run_id for run_id, messages in of_run.items()}
    for row in rows:
        if row.id in last:
            yield _answer(last[row.id] or "", of_run[last[row.id]], asked)
        elif row.role not in ("assistant", "tool"):
            yield said_of(row, names)


def _answer(run_id: str, rows: Sequence[Message], asked: Asked, status: str | None = None) -> Answer:
    final = next((row for row in reversed(rows) if row.role == "assistant" and not row.tool_calls), None)
    cards = _cards(run_id, rows)
    return Answer(
        run_id=run_id,
        status=status or (final.status if final is not None else "error"),
        text=final.content if final is not None else "",
        cards=cards,
        confirmations=_confirmations(run_id, cards, asked),
        message_id=final.id if final is not None else None,
        created_at=rows[-1].created_at if rows else None,
    )


def _cards(run_id: str, rows: Sequence[Message]) -> tuple[ToolCard, ...]:
    results = {row.tool_call_id: row for row in rows if row.role == "tool"}
    cards = []
    for call in (call for row in rows for call in row.tool_calls):
        found = results.get(call["id"])
        known = (
            {
                "status": found.status,
                "content": found.content,
                "duration_ms": found.duration_ms,
                "streamed": found.streamed,
            }
            if found is not None
            else {}
        )
        cards.append(tool_card(run_id=run_id, call=call, **known))  # type: ignore[arg-type]
    return tuple(cards)


def _confirmations(run_id: str, cards: Iterable[ToolCard], asked: Asked) -> tuple[ConfirmationView, ...]:
    found = (asked.get((run_id, card.id)) for card in cards)
    return tuple(_confirmation(row) for row in found if row is not None)


def _confirmation(row: Confirmation) -> ConfirmationView:
    is_over = row.status == PENDING and row.expires_at <= now()
    return ConfirmationView(
        id=row.id,
        run_id=row.run_id,
        tool_call_id=row.tool_call_id,
        tool_name=row.tool_name,
        summary=shown_of(row.summary),
        state=EXPIRED if is_over else row.status,
        expires_at=row.expires_at,
    )


def _running(run_id: str, asked: Asked) -> Answer:
    """The answer so far, from the run log: rows and log are not written at the same moment."""
    try:
        events = read_all(redis(), run_id)
    except RedisError:
        events = []
    cards = _cards_so_far(run_id, events)
    return Answer(
        run_id=run_id,
        status="running",
        text="".join(event.data["content"] for event in events if event.type == "chunk"),
        cards=cards,
        confirmations=_confirmations(run_id, cards, asked),
        last_event_id=events[-1].id if events else BEGINNING,
    )


def _cards_so_far(run_id: str, events: Sequence[Event]) -> tuple[ToolCard, ...]:
    results = {event.data["tool_call_id"]: event.data for event in events if event.type == "tool_result"}
    streamed: dict[str, str] = {}
    for data in (event.data for event in events if event.type == "tool_stream_chunk"):
        streamed[data["tool_call_id"]] = streamed.get(data["tool_call_id"], "") + data["content"]
    cards = []
    for data in (event.data for event in events if event.type == "tool_call"):
        call = {"id": data["tool_call_id"], "name": data["tool_name"], "arguments": data["arguments"]}
        known, said = results.get(call["id"]), streamed.get(call["id"], "")
        if known is None:
            cards.append(tool_card(run_id=run_id, call=call, streamed=said))
            continue
        cards.append(
            tool_card(
                run_id=run_id,
                call=call,
                status=known["status"],
                content=json.dumps(known["result"]),
                duration_ms=known["duration_ms"],
                streamed=said,
                is_long=bool(known.get("summarised")),
            )
        )
    return tuple(cards)
