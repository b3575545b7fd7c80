"""A load generator that costs little: keep-alive HTTP/1.1 over asyncio streams, a fixed number in flight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `body` is sent as JSON text."""

    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def to_bytes(self, host: str) -> bytes:
        payload = self.body.encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if payload:
            lines += ["Content-Type: application/json"]
        lines += [f"Content-Length: {len(payload)}"] if self.method != "GET" else []
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


@dataclass
class Outcome:
    """Seconds per call, how many calls had each status, and the seconds of the whole."""

    seconds: float = 0.0
    durations: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Calls per second."""
        return len(self.durations) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Milliseconds within which `share` (0..1) of the calls were answered."""
        ordered = sorted(self.durations)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0


def drive(url: str, calls: Iterable[Call], *, in_flight: int) -> Outcome:
    """Send the calls, `in_flight` at a time, and measure."""
    return asyncio.run(_drive(url, iter(calls), in_flight))


async def _drive(url: str, calls: Iterator[Call], in_flight: int) -> Outcome:
    parts, outcome = urlsplit(url), Outcome()
    started = time.perf_counter()
    await asyncio.gather(
        *(_worker(parts.hostname or "127.0.0.1", parts.port or 80, calls, outcome) for _ in range(in_flight))
    )
    outcome.seconds = time.perf_counter() - started
    return outcome


async def _worker(host: str, port: int, calls: Iterator[Call], outcome: Outcome) -> None:
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for call in calls:
        if connection is None:
            connection = await asyncio.open_connection(host, port)
        started = time.perf_counter()
        status, keeps_open = await _exchange(connection, call.to_bytes(f"{host}:{port}"))
        outcome.durations.append(time.perf_counter() - started)
        outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
        if not keeps_open:
            connection[1].close()
            connection = None
    if connection is not None:
        connection[1].close()


async def _exchange(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes
) -> tuple[int, bool]:
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = 0
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if b"transfer-encoding: chunked" in head:
        await _skip_chunks(reader)
    await reader.readexactly(length)
    return int(head[9:12]), b"connection: close" not in head


async def _skip_chunks(reader: asyncio.StreamReader) -> None:
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readexactly(2)
