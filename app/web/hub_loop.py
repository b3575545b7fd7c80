"""An asyncio loop on gevent's hub, for coroutines that wait for the shop and never for a socket of their own.

It runs in a greenlet of the thread that requests run in. What it hands over and gets back is no more than a switch
of greenlets, while a loop in a thread of its own costs system calls and a fight for the interpreter with each turn:
half as much again for a call of an MCP tool. What reads and writes sockets belongs on `app.web.aio.process_loop`.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from asyncio import events
from collections.abc import Callable
from math import inf
from typing import Any

import gevent

Call = Callable[[], object]
# How often the loop goes round before it lets other greenlets have their turn.
ROUNDS = 50


class HubHome:
    """Where requests run is where the loop runs."""

    def post(self, call: Call) -> None:
        call()

    def start(self, call: Call) -> None:
        gevent.spawn(call)


class _NoSockets:
    """What asyncio asks for news of sockets."""

    def select(self, _timeout: float | None) -> list[Any]:
        return []


class HubLoop(asyncio.BaseEventLoop):
    """Runs from the moment it is made, in a greenlet that sleeps while nothing is due.

    asyncio sees it running only while it does: to other greenlets there is no loop.
    """

    _selector: Any
    _thread_id: int | None
    _ready: Any
    _scheduled: list[Any]

    def __init__(self) -> None:
        super().__init__()
        self._selector = _NoSockets()
        self._thread_id = threading.get_ident()
        self._native_id = threading.get_native_id()
        self._hub = gevent.get_hub()
        self._is_parked = self._is_called = False
        self._due = inf
        self._timer: Any = None
        self._from_threads = self._hub.loop.async_(ref=False)
        self._from_threads.start(self._wake)
        self._greenlet = gevent.spawn(self._live)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """As asyncio's; a time that comes before all others is set anew."""
        timer = super().call_at(when, callback, *args, context=context)
        if self._is_parked and when < self._due:
            self._arm()
        return timer

    def _call_soon(self, callback: Any, args: Any, context: Any) -> asyncio.Handle:
        handle: asyncio.Handle = super()._call_soon(callback, args, context)  # type: ignore[misc]
        if self._is_parked and not self._is_called and threading.get_native_id() == self._native_id:
            self._call_up()
        return handle

    def _write_to_self(self) -> None:
        """asyncio's way to wake the loop from another thread; in this one it is awake."""
        if threading.get_native_id() != self._native_id:
            self._from_threads.send()

    def _process_events(self, _events: Any) -> None:
        """There are no sockets."""

    def _call_up(self) -> None:
        self._is_called = True
        self._hub.loop.run_callback(self._wake)

    def _wake(self) -> None:
        """In the hub. A greenlet that waits for something else in mid-turn is left alone: it looks before it parks."""
        self._is_called = False
        if self._is_parked:
            self._is_parked = False
            self._greenlet.switch()

    def _live(self) -> None:
        while True:
            self._turn()
            if self._ready:
                gevent.sleep(0)
            else:
                self._is_parked = True
                self._arm()
                self._hub.switch()

    def _turn(self) -> None:
        """Run what is due, as `run_forever` does."""
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(
            firstiter=self._asyncgen_firstiter_hook,  # type: ignore[attr-defined]
            finalizer=self._asyncgen_finalizer_hook,  # type: ignore[attr-defined]
        )
        events._set_running_loop(self)
        try:
            for _ in range(ROUNDS):
                self._run_once()  # type: ignore[attr-defined]
                if not self._ready:
                    return
        finally:
            events._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)

    def _arm(self) -> None:
        """Have the loop woken for the next thing that is due at a time."""
        when = self._scheduled[0]._when if self._scheduled else inf
        if when == self._due:
            return
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        self._due = when
        if when < inf:
            self._timer = self._hub.loop.timer(max(0.0, when - self.time()), ref=False)
            self._timer.start(self._on_time, update=True)

    def _on_time(self) -> None:
        self._timer.close()
        self._timer, self._due = None, inf
        self._wake()
