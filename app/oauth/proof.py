"""How a program proves who it is at the token endpoint (RFC 6749, 2.3.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from urllib.parse import unquote_plus

from werkzeug.datastructures import MultiDict

from app.core.ids import digest
from app.oauth.clients import MAX_ID
from app.oauth.errors import OAuthError, invalid_client
from app.oauth.models import OAuthClient
from app.oauth.queries import find_client
from app.oauth.rules import MAX_TOKEN


@dataclass(frozen=True, slots=True)
class _Shown:
    client_id: str
    secret: str


def proven_client(authorization: str | None, form: MultiDict[str, str]) -> OAuthClient:
    """The program that makes this request. Raises OAuthError.

    A program with a secret shows it in the header or in the form; one without has only its id, and is as good as the
    code and the verifier that it brings.
    """
    shown = _read(authorization, form)
    if not 0 < len(shown.client_id) <= MAX_ID or len(shown.secret) > MAX_TOKEN:
        raise invalid_client()
    client = find_client(shown.client_id)
    if client is None:
        raise invalid_client()
    if client.secret_hash is None:
        if shown.secret:
            raise invalid_client()
        return client
    if not hmac.compare_digest(digest(shown.secret), client.secret_hash):
        raise invalid_client()
    return client


def _read(authorization: str | None, form: MultiDict[str, str]) -> _Shown:
    in_form = _Shown(form.get("client_id", ""), form.get("client_secret", ""))
    scheme, _, value = (authorization or "").partition(" ")
    if not scheme:
        return in_form
    if scheme.lower() != "basic":
        raise invalid_client("Show the secret by HTTP Basic or in the form.")
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid_client("The Authorization header cannot be read.") from error
    client_id, _, secret = text.partition(":")
    in_header = _Shown(unquote_plus(client_id), unquote_plus(secret))
    if in_form.secret or in_form.client_id not in ("", in_header.client_id):
        raise OAuthError("invalid_request", "Show who you are in one way only.")
    return in_header
