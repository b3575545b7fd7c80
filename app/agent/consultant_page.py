"""A customer's conversation as a consultant sees it: what was said with tool calls, how it stands, and its live stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app, render_template
from markupsafe import Markup

from app.agent.page_live import frame, partial
from app.agent.page_model import AnswerShown, show_answer
from app.agent.queries import Answer, Said, items_of
from app.consultants.channels import conversation_channel
from app.consultants.queries import Desk, get_desk
from app.consultants.talking import CUSTOMER_SIDE, is_typing
from app.conversations.models import CONSULTANT, Message
from app.conversations.queries import find_active_run, list_messages
from app.core.actor import Actor
from app.core.errors import NotFound
from app.db import db
from app.web import sse
from app.web.hub import hub_of

CLOSE = "event: live-end\ndata: end\n\n"
# The assistant's own answers publish nothing for the desk: a page that is open looks again after so long.
LOOK_SECONDS = 3.0
MOST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands, as far as the page shows it; a page writes it anew when it has changed."""

    status: str
    is_mine: bool
    is_talking: bool
    consultant: str
    asked: str
    source: str
    is_customer_typing: bool
    is_seen: bool
    is_answering: bool
    closed_reason: str

    @property
    def is_open(self) -> bool:
        return self.status != "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkShown:
    """A conversation for the desk's templates; `follows_from` is the last message that is in `items`."""

    desk: Desk
    items: tuple[Said | AnswerShown, ...]
    follows_from: int
    standing: Standing
    has_earlier: bool = False

    @property
    def session_id(self) -> str:
        return self.desk.conversation.id


def get_talk(actor: Actor, conversation_id: str) -> TalkShown:
    """All that the page shows at first. Raises NotFound for a conversation that the actor may not see."""
    desk = get_desk(actor, conversation_id)
    rows = list_messages(desk.conversation.id, MOST)
    run_id = _active_run(desk.conversation.id)
    told = _told(rows, run_id)
    return TalkShown(
        desk=desk,
        items=tuple(_shown(told, desk.conversation.id, actor.locale)),
        follows_from=told[-1].id if told else 0,
        standing=_standing(desk, rows, is_answering=run_id is not None),
        has_earlier=len(rows) == MOST,
    )


def _active_run(conversation_id: str) -> str | None:
    run = find_active_run(conversation_id)
    return run.id if run is not None else None


def _told(rows: Sequence[Message], run_id: str | None) -> list[Message]:
    """Rows that can be shown for good: an answer that is being made is shown when it is over."""
    for place, row in enumerate(rows):
        if run_id is not None and row.run_id == run_id and row.role != "user":
            return list(rows[:place])
    return list(rows)


def _shown(rows: Sequence[Message], session_id: str, locale: str) -> Iterator[Said | AnswerShown]:
    for item in items_of(rows, session_id):
        if isinstance(item, Answer):
            # Whole results are the customer's own page; the desk reads what the model was given.
            cards = tuple(replace(card, is_long=False) for card in item.cards)
            yield show_answer(replace(item, cards=cards), locale)
        else:
            yield item


def _standing(desk: Desk, rows: Sequence[Message], *, is_answering: bool) -> Standing:
    row = desk.consultation
    mine = [each.id for each in rows if each.role == CONSULTANT]
    return Standing(
        status=row.status,
        is_mine=desk.is_mine,
        is_talking=desk.is_talking,
        consultant=desk.consultant,
        asked=row.asked,
        source=row.source,
        is_customer_typing=desk.is_talking and is_typing(row.conversation_id, CUSTOMER_SIDE),
        is_seen=bool(mine) and row.customer_read_until >= mine[-1],
        is_answering=is_answering,
        closed_reason=row.closed_reason,
    )


def frames(actor: Actor, conversation_id: str, after: int) -> Iterator[str]:
    """The stream of one open page. Needs the request's context, since forms carry its CSRF token."""
    yield sse.OPENED
    shown: Standing | None = None
    hub = hub_of(current_app._get_current_object())  # type: ignore[attr-defined]
    with hub.watching(conversation_channel(conversation_id)) as watch:
        while not sse.is_stopping():
            try:
                html, after, shown = _look(actor, conversation_id, after, shown)
            except NotFound:
                # Another consultant has the customer now.
                yield frame(_changed(), str(after))
                yield CLOSE
                return
            yield frame(html, str(after)) if html else sse.PING
            if not shown.is_open:
                yield CLOSE
                return
            watch.wait(LOOK_SECONDS)


def _look(
    actor: Actor, conversation_id: str, after: int, shown: Standing | None
) -> tuple[Markup, int, Standing]:
    try:
        desk = get_desk(actor, conversation_id)
        run_id = _active_run(desk.conversation.id)
        rows = list_messages(desk.conversation.id, MOST, after=after)
        told = _told(rows, run_id)
        html = _pieces(list(_shown(told, conversation_id, actor.locale)), desk)
        latest = list_messages(desk.conversation.id, 30)
        standing = _standing(desk, latest, is_answering=run_id is not None)
        if standing != shown:
            html += standing_partials(desk, standing, was=shown)
    finally:
        db.session.remove()
    return html, told[-1].id if told else after, standing


def _pieces(items: Sequence[Said | AnswerShown], desk: Desk) -> Markup:
    if not items:
        return Markup("")
    newest = items[-1]
    spoken = newest.text if isinstance(newest, Said) else newest.spoken
    html = partial("#chat-log", "beforeend", _html("_items.html", items=items, desk=desk))
    return html + partial("#chat-announcer", "innerHTML", Markup.escape(spoken))


def standing_partials(desk: Desk, standing: Standing, *, was: Standing | None) -> Markup:
    """The line above the field; the field stays, for somebody may be writing in it."""
    values: dict[str, Any] = {"desk": desk, "standing": standing, "session_id": desk.conversation.id}
    html = partial("#chat-person", "outerHTML", _html("_standing.html", **values))
    if was is not None and was.is_mine != standing.is_mine:
        # Whose it is not any more tells nobody what they have read.
        html += partial("#chat-live-id", "delete", Markup("")) + _changed(desk.conversation.id)
    return html


def _changed(session_id: str = "") -> Markup:
    return partial("#desk-reload", "innerHTML", _html("_changed.html", session_id=session_id))


def _html(template: str, **values: Any) -> Markup:
    return Markup(render_template(f"consultants/{template}", **values))  # noqa: S704 - a template's output
