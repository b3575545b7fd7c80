"""A customer's side of the talk with a consultant: what the chat says of it, and its live stream.

The stream tells no more than the rows: it looks again whenever something was published about the conversation, sends
what came after the reader's last message, and ends with the consultation. A page without it shows the same when loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import current_app, render_template
from markupsafe import Markup

from app.agent.page_live import frame, partial
from app.agent.person_model import PersonShown, person_of
from app.agent.queries import Said, names_of_authors, said_of
from app.consultants.channels import conversation_channel
from app.conversations.models import CONSULTANT, SYSTEM
from app.conversations.queries import list_messages
from app.core.actor import Actor
from app.db import db
from app.runtime import settings
from app.web import sse
from app.web.hub import hub_of

CLOSE = "event: live-end\ndata: end\n\n"
# How often it is looked whether somebody still types.
TYPING_SECONDS = 2.0
FOLLOWED = frozenset({CONSULTANT, SYSTEM})


def frames(actor: Actor, session_id: str, after: int) -> Iterator[str]:
    """The stream of one page. Needs the request's context, since forms carry its CSRF token."""
    yield sse.OPENED
    shown: PersonShown | None = None
    hub = hub_of(current_app._get_current_object())  # type: ignore[attr-defined]
    with hub.watching(conversation_channel(session_id)) as watch:
        while not sse.is_stopping():
            html, after, now_shown = _look(session_id, after, shown)
            if html:
                yield frame(html, str(after))
            shown = now_shown
            if not shown.is_open:
                yield CLOSE
                return
            seconds = TYPING_SECONDS if shown.is_typing else settings().sse_ping_seconds
            if not watch.wait(seconds) and not shown.is_typing:
                yield sse.PING


def _look(session_id: str, after: int, shown: PersonShown | None) -> tuple[Markup, int, PersonShown]:
    """What has changed, up to which message, and how it stands now."""
    try:
        rows = list_messages(session_id, 200, after=after)
        fresh = [row for row in rows if row.role in FOLLOWED]
        names = names_of_authors(fresh)
        said = [said_of(row, names) for row in fresh]
        person = person_of(session_id)
        html = _said(said, session_id)
        if person != shown:
            html += state_partial(person, session_id)
    finally:
        db.session.remove()
    return html, rows[-1].id if rows else after, person


def _said(said: Sequence[Said], session_id: str) -> Markup:
    if not said:
        return Markup("")
    html = Markup("").join(
        Markup(render_template("chat/_said.html", said=each, session_id=session_id, is_last=each is said[-1]))  # noqa: S704
        for each in said
    )
    pieces = partial("#chat-rating", "delete", Markup("")) + partial("#chat-log", "beforeend", html)
    return pieces + partial("#chat-announcer", "innerHTML", Markup.escape(said[-1].text))


def state_partial(person: PersonShown, session_id: str) -> Markup:
    """The line above the field."""
    html = render_template("chat/_person.html", person=person, session_id=session_id)
    return partial("#chat-person", "outerHTML", Markup(html))  # noqa: S704 - a template's output
