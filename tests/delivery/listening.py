"""Many open event streams in one thread: what each has heard, and when."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

OPENING_AT_ONCE = 25


@dataclass
class Heard:
    """One stream: its events with the moment (time.time) at which they came."""

    token: str
    path: str = "/api/v1/notifications/stream"
    status: int = 0
    is_open: bool = False
    is_over: bool = False
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def of_type(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at, event) for at, event in self.events if event["type"] == name]


class Listeners:
    """Opens a stream for each token and reads them all until it is closed."""

    def __init__(self, port: int, tokens: list[str], **more: Any) -> None:
        self._port = port
        self.all = [Heard(token, **more) for token in tokens]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._listen(),), daemon=True
        )
        self._thread.start()

    def wait_until(self, is_true: Any, seconds: float = 30.0) -> None:
        """Until that holds of every stream."""
        deadline = time.monotonic() + seconds
        while not all(map(is_true, self.all)):
            if time.monotonic() > deadline:
                missing = sum(not is_true(each) for each in self.all)
                raise AssertionError(f"{missing} of {len(self.all)} streams did not get there")
            time.sleep(0.02)

    def wait_until_open(self) -> None:
        self.wait_until(lambda each: each.is_open, 60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(self._loop)])
        self._thread.join(10)

    async def _listen(self) -> None:
        gate = asyncio.Semaphore(OPENING_AT_ONCE)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*(self._read(each, gate) for each in self.all), return_exceptions=True)

    async def _read(self, heard: Heard, gate: asyncio.Semaphore) -> None:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            head = f"GET {heard.path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {heard.token}\r\n\r\n"
            writer.write(head.encode())
            heard.status = int((await reader.readline()).split()[1])
            while (await reader.readline()).strip():
                pass
            while b": open" not in await reader.readline():
                pass
            heard.is_open = True
        event_id = ""
        while line := await reader.readline():
            if line.startswith(b"id: "):
                event_id = line[4:].decode().strip()
            elif line == b"0\r\n":
                # The last chunk; the connection itself is kept for another request.
                break
            elif line.startswith(b"data: "):
                heard.events.append((time.time(), {"id": event_id, **json.loads(line[6:])}))
        heard.is_over = True
        writer.close()
