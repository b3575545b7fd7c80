"""Reading a model's stream so that an abort or the deadline never waits for the model."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import replace

from flask import Flask, current_app

from app.llm.client import ChatModel, ChatRequest, ModelError, ModelEvent, TextDelta
from app.tools.cancellation import Cancellation

_END = object()
_WAKE = object()


def events_of(
    model: ChatModel, request: ChatRequest, cancellation: Cancellation, deadline: float
) -> Iterator[ModelEvent]:
    """The events of one turn, text that came in meanwhile merged into one delta.

    The model runs on a thread of its own (a greenlet in the web process) that is left behind when it hangs;
    it sees `request.cancelled()` and ends by itself. `deadline` is on the monotonic clock. Raises
    Cancelled, ModelError TIMEOUT at the deadline, or what the model raises.
    """
    inbox: queue.Queue[object] = queue.Queue()
    is_left = threading.Event()
    told = replace(request, cancelled=lambda: cancellation.is_cancelled() or is_left.is_set())
    _start(model, told, inbox)
    try:
        with cancellation.calling(lambda: inbox.put(_WAKE)):
            for batch in _batches(inbox, cancellation, deadline):
                yield from _merged(batch)
    finally:
        is_left.set()


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
    inbox: queue.Queue[object], cancellation: Cancellation, deadline: float
) -> Iterator[list[ModelEvent]]:
    is_over = False
    while not is_over:
        items = _take(inbox, deadline)
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
        yield batch


def _take(inbox: queue.Queue[object], deadline: float) -> list[object]:
    """Everything that is there, at least one item."""
    try:
        items = [inbox.get(timeout=max(0.0, deadline - time.monotonic()))]
    except queue.Empty:
        raise ModelError("TIMEOUT", "the run has reached its deadline", retryable=True) from None
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
        if text:
            yield TextDelta(text)
            text = ""
        yield event
    if text:
        yield TextDelta(text)
