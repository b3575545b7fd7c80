"""A running answer as a stream of HTML: each step as it begins and ends, then the whole answer in its place."""

from __future__ import annotations

from collections.abc import Iterator

from flask import render_template
from markupsafe import Markup

from app.agent.page_live import frame, number_of, partial
from app.agent.reader import Reader
from app.agent.stream import BEGINNING, Event
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.db import db
from app.operations.page_model import StepShown, show_step
from app.operations.page_talk import get_exchange, spoken
from app.web import sse

# The page stops listening at this event (`hx-sse:close`).
CLOSE = "event: desk-end\ndata: end\n\n"


def frames(actor: Actor, run: RunKey, after: str = BEGINNING) -> Iterator[str]:
    """The stream for one reader. Needs the request's context, since forms carry its CSRF token."""
    live = _Live(actor, run)
    yield sse.OPENED
    for event in Reader.of(run.id, actor.locale).events():
        if event is None:
            yield sse.PING
            continue
        html = live.take(event)
        if event.is_last or number_of(event.id) > number_of(after):
            yield frame(html, event.id)
        if event.is_last:
            yield CLOSE


class _Live:
    """What the page shows of a run so far."""

    def __init__(self, actor: Actor, run: RunKey) -> None:
        self._actor = actor
        self._run = run
        self._begun: dict[str, tuple[int, str]] = {}

    def take(self, event: Event) -> Markup:
        """The pieces of the page that an event changes ("" for none)."""
        if event.is_last:
            return self._end()
        if event.type == "tool_call":
            return self._begin(event)
        if event.type == "tool_result":
            return self._finish(event)
        return Markup("")

    def _begin(self, event: Event) -> Markup:
        call_id, name = event.data["tool_call_id"], event.data["tool_name"]
        self._begun[call_id] = len(self._begun) + 1, name
        step = show_step(self._run.id, len(self._begun), name)
        return partial(f"#run-{self._run.id}-steps", "beforeend", _line(step))

    def _finish(self, event: Event) -> Markup:
        data = event.data
        if data["tool_call_id"] not in self._begun:
            return Markup("")
        number, name = self._begun[data["tool_call_id"]]
        step = show_step(
            self._run.id,
            number,
            name,
            result=data["result"],
            status=data["status"],
            milliseconds=data["duration_ms"],
        )
        return partial(f"#{step.element_id}", "outerHTML", _line(step))

    def _end(self) -> Markup:
        """The finished answer in the place of the running one."""
        shown = get_exchange(self._actor, self._run.id)
        html = render_template(
            "operations/_end.html",
            exchange=shown,
            session_id=self._run.conversation_id,
            spoken=spoken(shown),
        )
        db.session.remove()
        return Markup(html)  # noqa: S704 - a template's output


def _line(step: StepShown) -> Markup:
    return Markup(render_template("operations/_step.html", step=step))  # noqa: S704 - a template's output
