"""One Web Push (RFC 8030): encrypted for the browser (RFC 8291), signed with the shop's key (RFC 8292).

The address came from a browser, so the request goes through the guarded client of `app.llm.http`, which connects
only to addresses that it has checked and follows no redirect.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from py_vapid import Vapid02

from app.core.clock import now
from app.core.errors import DomainError
from app.delivery.errors import DeliveryFailed, Gone, TryAgain
from app.llm.addresses import Place
from app.llm.http import open_client

# A worker waits for it, and whoever registers meanwhile for the worker.
SECONDS = 5.0
# A push service keeps what it cannot deliver for so long: later nobody needs it.
TTL_SECONDS = 4 * 3_600
SIGNED_SECONDS = 12 * 3_600
# Push services take 4,096 bytes at least, of which encryption needs some.
MAX_BYTES = 3_000


@dataclass(frozen=True, slots=True)
class Browser:
    """Where to, and with which keys of the browser."""

    endpoint: str
    p256dh: str
    auth: str


def push(
    browser: Browser,
    told: dict[str, Any],
    *,
    topic: str,
    key: Vapid02,
    contact: str,
    private: frozenset[Place] = frozenset(),
) -> str:
    """Hand `told` to the browser's push service; its answer in a word. Raises DeliveryFailed, TryAgain, Gone.

    `topic` (32 letters of base64url at most): what is sent twice with it is shown once, unless it was shown already.
    """
    body = json.dumps(told, ensure_ascii=False).encode()
    if len(body) > MAX_BYTES:
        raise DeliveryFailed("too_long")
    # It brings two HTTP clients along, a second of loading: only those who send pay for it.
    from pywebpush import WebPusher

    keys = {"p256dh": browser.p256dh, "auth": browser.auth}
    try:
        sealed = WebPusher({"endpoint": browser.endpoint, "keys": keys}).encode(body)["body"]
        headers = _headers(browser.endpoint, topic, key, contact)
        answer = open_client(private).post(browser.endpoint, content=sealed, headers=headers, timeout=SECONDS)
    except DomainError as error:
        # The address leads to where nothing may be sent.
        raise DeliveryFailed("address_refused", error.text()) from error
    except httpx2.HTTPError as error:
        raise TryAgain("unreachable", f"{type(error).__name__}: {error}") from error
    return _judged(answer)


def warm() -> None:
    """Load before the forks of a worker what each would load again."""
    import pywebpush  # noqa: F401


def _headers(endpoint: str, topic: str, key: Vapid02, contact: str) -> dict[str, str]:
    url = httpx2.URL(endpoint)
    port = f":{url.port}" if url.port else ""
    claims = {
        "aud": f"{url.scheme}://{url.host}{port}",
        "exp": int(time.time()) + SIGNED_SECONDS,
        "sub": contact,
    }
    return {
        **key.sign(claims),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_SECONDS),
        "Urgency": "high",
        "Topic": topic,
    }


def _judged(answer: httpx2.Response) -> str:
    """The status in a word when it was taken. Raises like `push`."""
    status = answer.status_code
    result = f"http_{status}"
    if 200 <= status < 300:
        return result
    told = answer.text[:200]
    if status in (404, 410):
        raise Gone(result, told)
    if status in (408, 425, 429) or status >= 500:
        raise TryAgain(result, told, retry_after=seconds_of(answer.headers.get("Retry-After", "")))
    raise DeliveryFailed(result, told)


def seconds_of(retry_after: str) -> float | None:
    """What Retry-After says, seconds or a moment; None when it says nothing that can be read."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now()).total_seconds())
