"""Many chats at once, followed at little cost: bytes are kept as they come and read when all is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.load import Call

TIMEOUT_SECONDS = 60.0


@dataclass(slots=True)
class Talk:
    """One request and what came back. Times are on the monotonic clock."""

    call: Call
    started: float = 0.0
    first_word: float = 0.0
    ended: float = 0.0
    received: bytes = b""

    @property
    def to_first_word(self) -> float:
        """Seconds; infinite when no word came."""
        return self.first_word - self.started if self.first_word else float("inf")


@dataclass
class Party:
    """Talks that are held side by side. `at_most` is how many of them were open at the same time."""

    talks: Sequence[Talk]
    word: bytes
    at_most: int = 0
    open: int = 0
    seconds: float = 0.0
    _over: list[asyncio.Future[None]] = field(default_factory=list)


class _Listener(asyncio.Protocol):
    def __init__(self, party: Party, talk: Talk, over: asyncio.Future[None]) -> None:
        self._party, self._talk, self._over = party, talk, over
        self._parts: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        talk = self._talk
        self._parts.append(data)
        if not talk.first_word and self._party.word in b"".join(self._parts):
            talk.first_word = time.perf_counter()
        if data.endswith(b"0\r\n\r\n"):
            self._end()

    def connection_lost(self, _error: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._talk.ended:
            return
        self._talk.ended = time.perf_counter()
        self._talk.received = _without_chunks(b"".join(self._parts))
        self._party.open -= 1
        if not self._over.done():
            self._over.set_result(None)


def hold(url: str, calls: Sequence[Call], *, people: int, ramp: float, word: bytes) -> Party:
    """Have `people` make the calls, each the next one when the last one's stream has ended.

    They begin evenly over `ramp` seconds; `word` is what the bytes of a first word contain.
    """
    party = Party([Talk(call) for call in calls], word)
    asyncio.run(_hold(url, party, people, ramp))
    return party


async def _hold(url: str, party: Party, people: int, ramp: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    started = time.perf_counter()
    tasks = []
    for person in range(people):
        await asyncio.sleep(began + person * ramp / people - loop.time())
        tasks.append(loop.create_task(_person(url, party, party.talks[person::people])))
    await asyncio.gather(*tasks)
    party.seconds = time.perf_counter() - started


async def _person(url: str, party: Party, talks: Sequence[Talk]) -> None:
    for talk in talks:
        await _talk(url, party, talk)


async def _talk(url: str, party: Party, talk: Talk) -> None:
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    over: asyncio.Future[None] = loop.create_future()
    party.open += 1
    party.at_most = max(party.at_most, party.open)
    talk.started = time.perf_counter()
    transport, _ = await loop.create_connection(
        lambda: _Listener(party, talk, over), parts.hostname, parts.port
    )
    transport.write(talk.call.to_bytes(parts.netloc))
    try:
        await asyncio.wait_for(over, TIMEOUT_SECONDS)
    finally:
        transport.close()


def _without_chunks(received: bytes) -> bytes:
    """The body of a chunked answer; as much as there is."""
    _, _, rest = received.partition(b"\r\n\r\n")
    found = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size or b"0", 16)
        found.append(rest[:length])
        rest = rest[length + 2 :]
    return b"".join(found)
