"""What all providers' streams have in common: server-sent events, and the failures of a connection.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx2

from app.core.crypto import redacted
from app.llm.addresses import AddressRefused
from app.llm.client import ChatRequest, ModelError
from app.llm.http import Call

# A server that never ends a line must not fill our memory.
MAX_EVENT_BYTES = 2_000_000
WRITE_SECONDS = 10.0
BEAT_SECONDS = 0.08
SHORTEST_SECONDS = 0.02
# What a read brings when there is more to read at once.
MUCH_BYTES = 32_768
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile(rb"\r\n|\n|\r")


def unhurried(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same pieces; after each a pause, so that the next read finds several events at once.

    The first one is not held up, and a person does not see that the later ones come a little later.
    """
    for piece in pieces:
        yield piece
        if len(piece) < MUCH_BYTES:
            pause()


def pause() -> None:
    """Until the next beat, which is the same for everybody in this process: what is written then is written together."""
    left = BEAT_SECONDS - time.monotonic() % BEAT_SECONDS
    time.sleep(left if left > SHORTEST_SECONDS else left + BEAT_SECONDS)


def data_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """The data of each event of a stream. Raises ModelError for an event without an end."""
    for events in batches_of(pieces):
        yield from events


def batches_of(pieces: Iterable[bytes]) -> Iterator[list[str]]:
    """The same, all events together that a piece has completed; nothing for a piece that completes none."""
    rest, lines = b"", []
    for piece in pieces:
        rest += piece
        if len(rest) > MAX_EVENT_BYTES:
            raise ModelError("UPSTREAM", "an event without an end", retryable=True)
        if b"\n" not in piece and b"\r" not in piece:
            continue
        # A carriage return at the very end may be half a line end.
        held = rest.endswith(b"\r")
        *whole, rest = _LINE_END.split(rest[:-1] if held else rest)
        rest += b"\r" if held else b""
        found = []
        for line in whole:
            if line.startswith(b"data:"):
                lines.append(line[5:].removeprefix(b" "))
            elif not line and lines:
                found.append(b"\n".join(lines).decode("utf-8", "replace"))
                lines = []
        if found:
            yield found


def read_rest(pieces: Iterator[bytes], call: Call) -> None:
    """Read what follows an answer's end, so that its connection can be used again; hardly wait for it."""
    call.finish()
    # The answer is whole whatever comes now; at worst the connection is closed.
    with suppress(httpx2.HTTPError):
        for _ in pieces:
            pass


@contextmanager
def translating(
    request: ChatRequest,
    *,
    api_key: str,
) -> Iterator[None]:
    """Turn whatever goes wrong in the block into a ModelError without the key; after a cancel into a quiet end."""
    try:
        yield
    except Exception as error:
        if request.cancelled():
            return
        told = error if isinstance(error, ModelError) else _translated(error)
        told.args = (redacted(api_key, str(told)),)
        if told is error:
            raise
        # The cause may hold the key too.
        raise told from None


def _translated(error: Exception) -> ModelError:
    text = f"{type(error).__name__}: {error}"[:300]
    if is_refused_address(error):
        return ModelError("UPSTREAM", text)
    if isinstance(error, httpx2.TimeoutException):
        return ModelError("TIMEOUT", text, retryable=True)
    if isinstance(error, httpx2.HTTPError):
        return ModelError("UPSTREAM", text, retryable=True)
    # What came is not what the protocol says: no JSON, or other shapes.
    return ModelError("UPSTREAM", f"malformed answer: {error!r}"[:300], retryable=True)


def is_refused_address(error: BaseException | None) -> bool:
    """True when our own guard refused to connect."""
    while error is not None:
        if isinstance(error, AddressRefused):
            return True
        error = error.__cause__
    return False


def of_status(status: int, text: str, headers: httpx2.Headers) -> ModelError:
    """The failure that an HTTP status means."""
    text = f"HTTP {status}: {text}"[:300]
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        return ModelError(
            "RATE_LIMITED", text, retryable=True, status=status, retry_after=retry_after(headers)
        )
    may_pass = status >= 500 or status in (408, 409, 425)
    return ModelError("UPSTREAM", text, retryable=may_pass, status=status)


def retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds of a Retry-After header; its other form, a date, is not read."""
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def joined(text: str) -> str:
    """Text whose surrogate pairs, which came in two pieces, are characters again; half of a pair is replaced."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def count(value: Any) -> int:
    """A number of tokens as a provider tells it."""
    return value if isinstance(value, int) and value > 0 else 0
