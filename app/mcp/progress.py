"""What a streaming tool says while it works, as progress notifications for the clients that asked for them."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from app.mcp.visit import Context
from app.web.aio import Loop


class Progress:
    """For the length of a call: `on_text` takes text from the tool's side and it is told from the loop's.

    Everything said before the end of the block has been sent when the block is left, for nothing may follow the
    call's result.
    """

    def __init__(self, context: Context, loop: Loop) -> None:
        self._context = context
        self._loop = loop
        self._is_wanted = "progress_token" in (context.meta or {})
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()
        self._teller: asyncio.Task[None] | None = None

    def on_text(self, text: str) -> None:
        """From any thread."""
        if self._is_wanted:
            self._loop.call(self._texts.put_nowait, text)

    async def __aenter__(self) -> Self:
        if self._is_wanted:
            self._teller = asyncio.create_task(self._tell())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._teller is None:
            return
        if error is not None:
            self._teller.cancel()
            return
        self._texts.put_nowait(None)
        await self._teller

    async def _tell(self) -> None:
        count = 0
        while (text := await self._texts.get()) is not None:
            count += 1
            await self._context.session.report_progress(count, message=text)
