"""Telling clients that their lists have changed, whichever process the change was made in.

Every change of groups and switches counts a version up in Redis (`app.tools.groups.touch`); while somebody
listens, the loop looks at it once a second. What changed is not said: a client asks again for what it may see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from logging import getLogger
from typing import Any, Protocol

import mcp_types as types
from flask import Flask
from mcp.server import Server
from mcp.server.lowlevel import NotificationOptions
from mcp.server.models import InitializationOptions
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ServerEvent, ToolsListChanged

from app.mcp.visit import Context
from app.tools.groups import find_version, version_in_use
from app.web.aio import Loop

log = getLogger(__name__)
LOOK_SECONDS = 1.0
CHANGES: tuple[ServerEvent, ...] = (ToolsListChanged(), PromptsListChanged(), ResourcesListChanged())


class ChangeBus(InMemorySubscriptionBus):
    """The SDK's bus, fed by the version of groups and switches; it looks only while somebody listens."""

    def __init__(self, loop: Loop, app: Flask) -> None:
        super().__init__()
        self._loop = loop
        self._app = app
        self._watcher: asyncio.Task[None] | None = None

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        unsubscribe = super().subscribe(listener)
        if self._watcher is None:
            # What the listener was let in with. Asked for later, it would hide a change made in between.
            known = version_in_use(self._app)
            self._watcher = asyncio.get_running_loop().create_task(self._watch(known))
        return unsubscribe

    async def _watch(self, known: str | None) -> None:
        try:
            known = await self._version() if known is None else known
            while self._listeners:
                await asyncio.sleep(LOOK_SECONDS)
                found = await self._version()
                if found is not None and found != known:
                    known = found
                    for change in CHANGES:
                        await self.publish(change)
        finally:
            self._watcher = None

    async def _version(self) -> str | None:
        return await self._loop.run_at_home(self._read)

    def _read(self) -> str | None:
        with self._app.app_context():
            return find_version()


class Listener(Protocol):
    """A session that can be told without having asked (before 2026-07-28)."""

    async def send_tool_list_changed(self) -> None: ...

    async def send_prompt_list_changed(self) -> None: ...

    async def send_resource_list_changed(self) -> None: ...


def tell_sessions(
    server: Server[Any], bus: ChangeBus, keep: Callable[[Context, Callable[[], None]], None]
) -> InitializationOptions:
    """Tell a server's sessions of changes, once they are initialised; returns what it says of itself then.

    `keep` gets what ends the telling, to be called with the session's end.
    """

    async def begin(context: Context, _params: types.NotificationParams | None) -> None:
        keep(context, bus.subscribe(_teller(context.session)))

    server.add_notification_handler("notifications/initialized", types.NotificationParams, begin)
    told = NotificationOptions(tools_changed=True, prompts_changed=True, resources_changed=True)
    return server.create_initialization_options(told)


def _teller(session: Listener) -> Callable[[ServerEvent], None]:
    sends: dict[type[ServerEvent], Callable[[], Coroutine[Any, Any, None]]] = {
        ToolsListChanged: session.send_tool_list_changed,
        PromptsListChanged: session.send_prompt_list_changed,
        ResourcesListChanged: session.send_resource_list_changed,
    }
    tasks: set[asyncio.Task[None]] = set()

    def hear(event: ServerEvent) -> None:
        task = asyncio.get_running_loop().create_task(sends[type(event)]())
        # asyncio itself keeps only weak references.
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return hear
