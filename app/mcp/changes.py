"""Telling clients that their lists have changed, whichever process the change was made in.

Every change of groups and switches counts a version up in Redis (`app.tools.groups.touch`); while somebody
listens, the loop looks at it once a second. What changed is not said: a client asks again for what it may see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from logging import getLogger

from flask import Flask
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ServerEvent, ToolsListChanged

from app.tools.groups import find_version
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
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return unsubscribe

    async def _watch(self) -> None:
        try:
            known = await self._version()
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
