"""The thread on which a run works (a greenlet in the web process): its heartbeat, its way to be stopped, its readers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from logging import getLogger

from flask import Flask, current_app
from flask_babel import force_locale

from app.agent.controls import controls_of
from app.agent.stream import RunLog, channel
from app.tools.cancellation import Cancellation
from app.web.hub import hub_of
from app.web.i18n import babel_locale

log = getLogger(__name__)
# What a run does: it is given the flag that stops it, and what to call when it is over before its work is.
Work = Callable[[Cancellation, Callable[[], None]], None]


def in_background(run_id: str, locale: str, run_log: RunLog, work: Work) -> None:
    """Start `work` on a thread of its own, in an application context. The log is open already."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    cancellation = controls_of(app).add(run_id, run_log)
    hub, news = hub_of(app), channel(run_id)
    run_log.on_news = lambda: hub.tell(news)

    def body() -> None:
        try:
            with app.app_context(), force_locale(babel_locale(locale)):
                work(cancellation, lambda: controls_of(app).remove(run_id))
        except Exception:
            # Readers and the scheduler find a run without a heartbeat and close it.
            log.exception("run_not_closed run=%s", run_id)
        finally:
            controls_of(app).remove(run_id)
            hub.tell(news)

    threading.Thread(target=copy_context().run, args=(body,), daemon=True, name="run").start()
