"""Reading the document that is a program's id (draft-ietf-oauth-client-id-metadata-document).

The address comes from whoever made the link, so it is read through the guard of outgoing addresses: no private
network, no redirect, a few kilobytes, a few seconds.
"""

from __future__ import annotations

import json
import threading
from logging import getLogger
from typing import Any

import httpx2

from app.core.errors import DomainError
from app.llm.addresses import named_places
from app.llm.http import Call, open_client
from app.oauth.client_metadata import ClientMetadata, read_metadata
from app.oauth.errors import OAuthError
from app.runtime import settings

log = getLogger(__name__)
MAX_BYTES = 16_384
SECONDS = 5.0
# A document may say how long it holds; it is read again after an hour at the latest.
CACHE_SECONDS = 3_600
# Not compressed: a few bytes could become many.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "mcpshop"}


def fetch_document(client_id: str) -> ClientMetadata:
    """The document at an address. Raises OAuthError; may take `SECONDS`, so call it outside of a transaction."""
    call = Call()
    alarm = threading.Timer(SECONDS, call.end)
    alarm.daemon = True
    alarm.start()
    try:
        body = _read(client_id, call)
    except (httpx2.HTTPError, DomainError, ValueError, RecursionError) as error:
        log.info("client_document_refused url=%s error=%s", client_id, type(error).__name__)
        raise OAuthError("invalid_client", "The document at the client's id cannot be read.") from error
    finally:
        alarm.cancel()
    if not isinstance(body, dict) or body.get("client_id") != client_id:
        raise OAuthError("invalid_client", "The document does not name its own address as client_id.")
    return read_metadata(body, kind="document")


def _read(client_id: str, call: Call) -> Any:
    client = open_client(named_places(settings().oauth_private_clients))
    timeout = httpx2.Timeout(SECONDS)
    with call.sending(), client.stream("GET", client_id, headers=HEADERS, timeout=timeout) as answer:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if answer.status_code != 200 or not (kind == "application/json" or kind.endswith("+json")):
            raise ValueError(f"status {answer.status_code}, {kind[:40]}")
        data = b""
        for chunk in answer.iter_raw(4_096):
            data += chunk
            if len(data) > MAX_BYTES:
                raise ValueError("too long")
    return json.loads(data)
