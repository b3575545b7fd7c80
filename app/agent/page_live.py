"""A running answer as a stream of HTML: each event of the run log becomes the pieces of the page that it changes.

htmx swaps the pieces (`<hx-partial>`); everything that a reader sees is made here, nothing is decided in the browser.
A stream always replays the log from its beginning to know what is on the page, and sends what comes after the
reader's last event id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from flask import render_template
from markupsafe import Markup

from app.agent.page_model import CardLine, card_line, earlier_questions, get_answer, tail_id
from app.agent.page_results import names_of, results_of
from app.agent.page_text import render_block, split_blocks
from app.agent.person_model import last_message_id, person_of
from app.agent.reader import Reader
from app.agent.results import ToolCard, tool_card
from app.agent.stream import BEGINNING, Event
from app.cart.queries import count_pieces
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.db import db
from app.tools.limits import to_json
from app.web import sse

# The page stops listening at this event (`hx-sse:close`).
CLOSE = "event: chat-end\ndata: end\n\n"
# The tool by which a customer asks for a person.
ASKS = "talk_to_consultant"
CART_CHANGED = "event: cart-changed\ndata: cart\n\n"


def frames(actor: Actor, run: RunKey, after: str = BEGINNING) -> Iterator[str]:
    """The stream for one reader. Needs the request's context, since forms carry its CSRF token."""
    live = LiveAnswer(actor, run)
    yield sse.OPENED
    for event in Reader.of(run.id, actor.locale).events():
        if event is None:
            yield sse.PING
            continue
        html = live.take(event)
        if event.is_last or number_of(event.id) > number_of(after):
            yield from live.frames(event, html)


def number_of(event_id: str) -> tuple[int, ...]:
    """An event id as what it is ordered by."""
    return tuple(int(part) for part in event_id.split("-"))


class LiveAnswer:
    """What the page shows of a run so far."""

    def __init__(self, actor: Actor, run: RunKey) -> None:
        self._actor = actor
        self._run = run
        self._text = ""
        self._cards: dict[str, ToolCard] = {}

    def take(self, event: Event) -> Markup:
        """Take an event in and return the pieces that it changes ("" for none)."""
        if event.type == "chunk":
            return self._write(event.data["content"])
        if event.type == "tool_call":
            return self._begin_call(event)
        if event.type == "tool_stream_chunk":
            return self._stream(event)
        if event.type == "tool_result":
            return self._end_call(event)
        return Markup("")

    def frames(self, event: Event, html: Markup) -> Iterator[str]:
        """An event on the wire; its id goes out with the last part, so that nobody resumes in the middle."""
        card = self._cards.get(event.data.get("tool_call_id", "")) if event.type == "tool_result" else None
        if card is not None and card.changes_cart:
            html += self._badge()
            yield CART_CHANGED
        if event.is_last:
            html = self._end()
        yield frame(html, event.id)
        if event.is_last:
            yield CLOSE

    def _write(self, content: str) -> Markup:
        """Text: the piece that was open is written anew, with the pieces that follow it."""
        first = len(split_blocks(self._text)) - 1
        self._text += content
        pieces = split_blocks(self._text)
        names = names_of(results_of(self._cards.values(), self._text, self._actor.locale))
        tail = tail_id(self._run.id)
        html = Markup("").join(
            render_block(piece, names, element_id=tail if number == len(pieces) - 1 else "")
            for number, piece in enumerate(pieces)
            if number >= first
        )
        return partial(f"#{tail}", "outerHTML", html)

    def _begin_call(self, event: Event) -> Markup:
        data = event.data
        call = {"id": data["tool_call_id"], "name": data["tool_name"], "arguments": data["arguments"]}
        card = self._cards[call["id"]] = tool_card(run_id=self._run.id, call=call)
        return partial(f"#run-{self._run.id}-tools", "beforeend", self._line(card))

    def _stream(self, event: Event) -> Markup:
        """What a tool says: the card opens with the first piece, the others follow it."""
        card = self._cards.get(event.data["tool_call_id"])
        if card is None:
            return Markup("")
        content = event.data["content"]
        self._cards[card.id] = replace(card, streamed=card.streamed + content)
        if not card.streamed:
            return self._renew(card.id)
        line = self._card_line(card)
        return partial(f"#{line.element_id}-said", "beforeend", Markup("<span>{}</span>").format(content))

    def _end_call(self, event: Event) -> Markup:
        data = event.data
        open_card = self._cards.get(data["tool_call_id"])
        if open_card is None:
            return Markup("")
        call = {"id": open_card.id, "name": open_card.name, "arguments": open_card.given}
        self._cards[open_card.id] = tool_card(
            run_id=self._run.id,
            call=call,
            status=data["status"],
            content=to_json(data["result"]),
            duration_ms=data["duration_ms"],
            streamed=open_card.streamed,
            is_long=bool(data.get("summarised")),
        )
        return self._renew(open_card.id)

    def _renew(self, call_id: str) -> Markup:
        card = self._cards[call_id]
        return partial(f"#{self._card_line(card).element_id}", "outerMorph", self._line(card))

    def _card_line(self, card: ToolCard) -> CardLine:
        """Who has seen a tool at work keeps it open when it is done."""
        line = card_line(card, list(self._cards).index(card.id))
        return replace(line, is_open=bool(card.streamed))

    def _line(self, card: ToolCard) -> Markup:
        line = self._card_line(card)
        return Markup(render_template("chat/_tool.html", line=line))  # noqa: S704 - a template's output

    def _badge(self) -> Markup:
        count = count_pieces(self._actor)
        db.session.remove()
        badge = Markup(render_template("cart/badge.html", count=count))  # noqa: S704
        return partial("#cart-badge", "outerHTML", badge)

    def _end(self) -> Markup:
        """The finished answer in the place of the running one, and everything around it that has changed."""
        shown = get_answer(self._actor, self._run.id)
        if shown.is_running:
            # Nobody could close the run (the database is away): say so instead of waiting on.
            shown = replace(shown, answer=replace(shown.answer, status="interrupted"))
        html = render_template(
            "chat/_end.html",
            shown=shown,
            active=None,
            session_id=self._run.conversation_id,
            questions=earlier_questions(self._run.conversation_id, self._run.id),
            **self._person(),
        )
        db.session.remove()
        return Markup(html)  # noqa: S704

    def _person(self) -> dict[str, Any]:
        """How it stands with a consultant, when this answer has asked for one."""
        session_id = self._run.conversation_id
        has_asked = any(card.name == ASKS and card.status == "ok" for card in self._cards.values())
        person = person_of(session_id) if has_asked else None
        return {"person": person, "follows_from": last_message_id(session_id) if person else 0}


def partial(target: str, swap: str, html: Markup) -> Markup:
    """A piece of HTML and the place it goes to."""
    return Markup('<hx-partial hx-target="{}" hx-swap="{}">{}</hx-partial>').format(target, swap, html)


def frame(html: Markup, event_id: str) -> str:
    """One message; every line of the HTML is a `data:` line of its own."""
    lines = "\n".join(f"data: {line}" for line in str(html).splitlines()) if html else ""
    return f"id: {event_id}\n{lines}\n\n" if lines else f"id: {event_id}\n\n"
