"""Several pieces of work at a time, each in a thread of its own (a greenlet in the web process)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from flask import Flask, current_app
from flask_babel import force_locale

from app.web.i18n import babel_locale

Made = TypeVar("Made")
MAX_PARALLEL = 4


def side_by_side(works: Sequence[Callable[[], Made]], locale: str) -> list[Made]:
    """What each of the works returns, in their order. Raises what the first of them raises. Outside of any transaction."""
    if len(works) < 2:
        return [work() for work in works]
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def body(work: Callable[[], Made]) -> Made:
        with app.app_context(), force_locale(babel_locale(locale)):
            return work()

    with ThreadPoolExecutor(min(len(works), MAX_PARALLEL)) as pool:
        tasks = [pool.submit(copy_context().run, body, work) for work in works]
    return [task.result() for task in tasks]
