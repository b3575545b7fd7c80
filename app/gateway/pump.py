"""Reading a model's stream so that neither an abort nor a silent model is ever waited for."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass, replace

from flask import Flask, current_app

from app.llm.client import Alive, ChatModel, ChatRequest, ModelError, ModelEvent, TextDelta
from app.llm.wire import pause
from app.tools.cancellation import Cancellation

_END = object()
_WAKE = object()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a turn is waited for: seconds until it begins and between two signs of life; `deadline` for all
    of it, on the monotonic clock."""

    first_token: float
    gap: float
    deadline: float


def events_of(
    model: ChatModel, request: ChatRequest, cancellation: Cancellation, patience: Patience
) -> Iterator[ModelEvent]:
    """The events of one turn but for `Alive`, text that came in meanwhile merged into one delta.

    The model runs on a thread of its own (a greenlet in the web process) that is left behind when it hangs; it is
    told, its connection is shut, and it ends by itself. Raises Cancelled, ModelError TIMEOUT, or what the
    model raises.
    """
    inbox: queue.Queue[object] = queue.Queue()
    left = Cancellation()

    def stop() -> None:
        left.cancel()
        inbox.put(_WAKE)

    _start(model, replace(request, cancelled=left.is_cancelled, on_cancel=left.calling), inbox)
    try:
        with cancellation.calling(stop):
            for batch in _batches(inbox, cancellation, patience):
                yield from _merged(batch)
    finally:
        left.cancel()


def _start(model: ChatModel, request: ChatRequest, inbox: queue.Queue[object]) -> None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def body() -> None:
        try:
            with app.app_context():
                for event in model.stream(request):
                    inbox.put(event)
                    if request.cancelled():
                        break
            inbox.put(_END)
        except Exception as error:
            inbox.put(error)

    threading.Thread(target=copy_context().run, args=(body,), daemon=True, name="model").start()


def _batches(
    inbox: queue.Queue[object], cancellation: Cancellation, patience: Patience
) -> Iterator[list[ModelEvent]]:
    until = time.monotonic() + patience.first_token
    is_over = False
    while not is_over:
        items = _take(inbox, min(until, patience.deadline))
        cancellation.check()
        batch: list[ModelEvent] = []
        for item in items:
            if isinstance(item, Exception):
                yield batch
                raise item
            if item is _END:
                is_over = True
            elif item is not _WAKE:
                batch.append(item)  # type: ignore[arg-type]
        if batch:
            until = time.monotonic() + patience.gap
        yield batch
        if not is_over and time.monotonic() >= patience.deadline:
            # There may be something to say for ever, so that nobody ever waits.
            raise ModelError("TIMEOUT", "the answer took too long", retryable=True)
        if batch and not is_over:
            # Each delta costs the run log and every reader: what comes meanwhile goes with the next one.
            pause()


def _take(inbox: queue.Queue[object], until: float) -> list[object]:
    """Everything that is there, at least one item."""
    try:
        items = [inbox.get(timeout=max(0.0, until - time.monotonic()))]
    except queue.Empty:
        raise ModelError("TIMEOUT", "the model was silent for too long", retryable=True) from None
    while True:
        try:
            items.append(inbox.get_nowait())
        except queue.Empty:
            return items


def _merged(batch: list[ModelEvent]) -> Iterator[ModelEvent]:
    text = ""
    for event in batch:
        if isinstance(event, TextDelta):
            text += event.content
            continue
        if isinstance(event, Alive):
            continue
        if text:
            yield TextDelta(text)
            text = ""
        yield event
    if text:
        yield TextDelta(text)
