"""The process's one asyncio loop, in a real thread of its own, and the way back to where requests run.

In the web process everything else runs on gevent's hub: pools, locks and sockets are gevent's and must not be
touched from another thread. So asynchronous libraries live on the loop, and what they want from the shop is
handed over (`start`) to a greenlet, which may block as it likes. Without gevent (tests, commands) the same calls
use plain threads. Nothing starts at import: the first use does, after a fork.
"""

from __future__ import annotations

import _socket
import asyncio
import asyncio.mixins
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from gevent import monkey

T = TypeVar("T")
Call = Callable[[], object]


class Home(Protocol):
    """The side where requests run."""

    def post(self, call: Call) -> None:
        """Run a short call that never blocks; from the loop's thread."""

    def start(self, call: Call) -> None:
        """Run a call that may block, in a greenlet or thread of its own; from the loop's thread."""


class ThreadsHome:
    """Plain threads."""

    def post(self, call: Call) -> None:
        call()

    def start(self, call: Call) -> None:
        threading.Thread(target=call, daemon=True, name="from-aio").start()


class GeventHome:
    """The hub of the thread that made this object, woken through libev's one call that other threads may make."""

    def __init__(self) -> None:
        import gevent

        self._spawn = gevent.spawn
        self._calls: deque[Call] = deque()
        self._watcher = gevent.get_hub().loop.async_(ref=False)
        self._watcher.start(self._run)

    def post(self, call: Call) -> None:
        self._calls.append(call)
        self._watcher.send()

    def start(self, call: Call) -> None:
        self.post(partial(self._spawn, call))

    def _run(self) -> None:
        # A signal may stand for many calls.
        while self._calls:
            self._calls.popleft()()


class Loop:
    """A running asyncio loop and the home that its work is handed to."""

    def __init__(self, aio: asyncio.AbstractEventLoop, home: Home) -> None:
        self.asyncio = aio
        self.home = home
        self.pid = os.getpid()
        self._calls: deque[Call] = deque()
        self._is_woken = False

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function on the loop, soon and in order; from any thread."""
        self._calls.append(partial(function, *args))
        # Waking the loop is a system call, so it is done once for all that is waiting.
        if not self._is_woken:
            self._is_woken = True
            self.asyncio.call_soon_threadsafe(self._run_calls)

    def _run_calls(self) -> None:
        self._is_woken = False
        while self._calls:
            self._calls.popleft()()

    def spawn(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine as a task of the loop; from any thread."""
        self.call(_keep, self.asyncio, coroutine)

    async def run_at_home(self, work: Callable[[], T], on_cancel: Call | None = None) -> T:
        """Await blocking work that runs where requests do; a cancel of the await calls `on_cancel` there.

        Raises what the work raised.
        """
        future: asyncio.Future[T] = self.asyncio.create_future()

        def body() -> None:
            try:
                result = work()
            except BaseException as error:
                self.call(_fail, future, error)
            else:
                self.call(_fulfil, future, result)

        self.home.start(body)
        try:
            return await future
        except asyncio.CancelledError:
            if on_cancel is not None:
                self.home.start(on_cancel)
            raise


_tasks: set[asyncio.Task[object]] = set()


def _keep(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, object]) -> None:
    # asyncio itself keeps only weak references to tasks.
    task = loop.create_task(coroutine)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _fulfil(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))


def _native_loop() -> asyncio.AbstractEventLoop:
    """A loop on the real selector and sockets, whatever gevent has put in their places."""
    if not monkey.is_module_patched("select"):
        return asyncio.SelectorEventLoop()
    for name in ("EpollSelector", "KqueueSelector", "DefaultSelector"):
        with suppress(AttributeError):
            selector = monkey.get_original("selectors", name)()
            return _NativeLoop(cast(selectors.BaseSelector, selector))
    raise RuntimeError("no selector")


class _NativeLoop(asyncio.SelectorEventLoop):
    def _make_self_pipe(self) -> None:
        """As asyncio's, with sockets that no hub watches."""
        native = monkey.get_original("socket", "socket")
        ends = _socket.socketpair()
        self._ssock, self._csock = (native(end.family, end.type, end.proto, end.detach()) for end in ends)
        self._ssock.setblocking(False)
        self._csock.setblocking(False)
        self._internal_fds += 1  # type: ignore[attr-defined]
        self._add_reader(self._ssock.fileno(), self._read_from_self)  # type: ignore[attr-defined]


def _quicken_locks() -> None:
    """asyncio takes one lock for each new event, and holds it for no time; gevent's would be many times slower."""
    native = monkey.get_original("_thread", "allocate_lock")
    if monkey.is_module_patched("threading") and not isinstance(asyncio.mixins._global_lock, type(native())):
        asyncio.mixins._global_lock = native()


def _start() -> Loop:
    _quicken_locks()
    home: Home = GeventHome() if monkey.is_module_patched("threading") else ThreadsHome()
    loop = Loop(_native_loop(), home)

    def run() -> None:
        asyncio.set_event_loop(loop.asyncio)
        loop.asyncio.run_forever()

    # Not `threading.Thread`: under gevent that is a greenlet.
    monkey.get_original("_thread", "start_new_thread")(run, ())
    return loop


_loop: Loop | None = None
_serving: Loop | None = None
_starting = threading.Lock()


def process_loop() -> Loop:
    """This process's loop, started on first use; a forked child gets its own."""
    global _loop
    with _starting:
        if _loop is None or _loop.pid != os.getpid():
            _loop = _start()
        return _loop


def serving_loop() -> Loop:
    """This process's loop for coroutines that open no sockets: on gevent's hub in the web process, else the one loop."""
    global _serving
    if not monkey.is_module_patched("threading"):
        return process_loop()
    with _starting:
        if _serving is None or _serving.pid != os.getpid():
            from app.web.hub_loop import HubHome, HubLoop

            _quicken_locks()
            _serving = Loop(HubLoop(), HubHome())
        return _serving


def is_gone(connection: socket.socket | None) -> bool:
    """True when the other end has closed; looks without taking what it may have sent. Never blocks."""
    if connection is None:
        return False
    patience = connection.gettimeout()
    connection.settimeout(0.0)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except (BlockingIOError, ValueError):
        # Nothing there; or TLS, which cannot look ahead.
        return False
    except OSError:
        return True
    finally:
        with suppress(OSError):
            connection.settimeout(patience)
