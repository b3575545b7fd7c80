"""The client of the CRM that keeps coupons: the program's own mock (app.campaigns.mock_crm) or another of the same API."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from app.config import Settings

ATTEMPTS = 3
PAUSES = (0.2, 0.8)
CONNECT_SECONDS = 3.0
MAX_ANSWER_BYTES = 65_536
MAX_ID = 64
# What may be better a moment later; all else of 400 and above is an answer.
TEMPORARY = frozenset({408, 425, 429, *range(500, 600)})


class CrmError(Exception):
    """The CRM did not do it. `is_temporary` when it may do so later."""

    def __init__(self, message: str, *, is_temporary: bool) -> None:
        super().__init__(message)
        self.is_temporary = is_temporary


@dataclass(frozen=True, slots=True)
class Crm:
    """Where the CRM is. Every request carries its idempotency key, so that the same one again does nothing twice."""

    base_url: str
    token: str
    timeout_seconds: float

    def create_coupon(self, key: str, body: Mapping[str, Any], before: Callable[[], None]) -> str:
        """Make a coupon; returns the CRM's id of it. Raises CrmError."""
        answer = self._post("/coupons", key, body, before)
        coupon_id = answer.get("coupon_id")
        if isinstance(coupon_id, int) and not isinstance(coupon_id, bool):
            coupon_id = str(coupon_id)
        if not isinstance(coupon_id, str) or not 0 < len(coupon_id) <= MAX_ID or not coupon_id.isprintable():
            raise CrmError("the CRM's answer has no coupon_id", is_temporary=False)
        return coupon_id

    def publish_coupon(self, key: str, coupon_id: str, before: Callable[[], None]) -> None:
        """Publish it. Raises CrmError."""
        answer = self._post(f"/coupons/{quote(coupon_id, safe='')}/publish", key, {}, before)
        if answer.get("status") != "published":
            raise CrmError("the CRM did not say that the coupon is published", is_temporary=False)

    def _post(
        self, path: str, key: str, body: Mapping[str, Any], before: Callable[[], None]
    ) -> dict[str, Any]:
        """Up to three attempts with the same key; `before` is called before each and may end it by an exception."""
        for attempt in range(ATTEMPTS):
            before()
            try:
                return self._post_once(path, key, body)
            except CrmError as error:
                if not error.is_temporary or attempt == ATTEMPTS - 1:
                    raise
                time.sleep(PAUSES[attempt])
        raise AssertionError("unreachable")

    def _post_once(self, path: str, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        timeout = httpx2.Timeout(self.timeout_seconds, connect=min(CONNECT_SECONDS, self.timeout_seconds))
        deadline = time.monotonic() + self.timeout_seconds
        try:
            with (
                # A proxy of the environment has no business with a service token.
                httpx2.Client(timeout=timeout, trust_env=False, follow_redirects=False) as client,
                client.stream("POST", self.base_url + path, json=dict(body), headers=headers) as response,
            ):
                return _read(response, deadline)
        except httpx2.HTTPError as error:
            name = type(error).__name__
            raise CrmError(f"the CRM cannot be reached ({name})", is_temporary=True) from error


def _read(response: httpx2.Response, deadline: float) -> dict[str, Any]:
    content = b""
    for part in response.iter_bytes():
        content += part
        if len(content) > MAX_ANSWER_BYTES:
            raise CrmError("the CRM's answer is too long", is_temporary=False)
        if time.monotonic() > deadline:
            raise CrmError("the CRM's answer takes too long", is_temporary=True)
    status = response.status_code
    if status >= 300:
        raise CrmError(f"the CRM answered {status}", is_temporary=status in TEMPORARY)
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CrmError("the CRM's answer is not JSON", is_temporary=False) from error
    if not isinstance(answer, dict):
        raise CrmError("the CRM's answer is not a JSON object", is_temporary=False)
    return answer


def crm_of(settings: Settings) -> Crm:
    """The CRM that the settings name, else the mock at this program's own address."""
    base = settings.crm_base_url.rstrip("/") or f"{_own_address(settings)}/mock/crm"
    token = settings.crm_token or (mock_token(settings) if not settings.crm_base_url else "")
    return Crm(base, token, settings.crm_timeout_seconds)


def _own_address(settings: Settings) -> str:
    host = settings.host
    if host in ("", "0.0.0.0", "::", "localhost"):  # noqa: S104 - compared, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def mock_token(settings: Settings) -> str:
    """The mock's service token: CRM_TOKEN unless that is another CRM's, else one that follows from SECRET_KEY."""
    if settings.crm_token and not settings.crm_base_url:
        return settings.crm_token
    return hmac.new(settings.secret_key.encode(), b"mcpshop mock crm", hashlib.sha256).hexdigest()
