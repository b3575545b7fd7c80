"""What a program says of itself, in a registration (RFC 7591) or in a document at its id, and what of it is taken."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.oauth import redirects
from app.oauth.errors import OAuthError

AUTH_METHODS = ("none", "client_secret_post", "client_secret_basic")
MAX_NAME = 100
MAX_URL = 500
GRANTS = frozenset({"authorization_code", "refresh_token"})
# Control and formatting characters would let a name rewrite the sentence that it stands in.
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
DOTS = re.compile(r"/\.{1,2}(/|$)|%2e|%2f|%5c", re.IGNORECASE)


class ClientMetadata(BaseModel):
    """The members that count; others are ignored (RFC 7591, 2)."""

    model_config = ConfigDict(extra="ignore", strict=True)

    redirect_uris: list[str] = Field(min_length=1, max_length=redirects.MAX_COUNT)
    client_name: str = Field(default="", max_length=1_000)
    client_uri: str = Field(default="", max_length=2_000)
    token_endpoint_auth_method: str = Field(default="", max_length=40)
    grant_types: list[str] = Field(default=["authorization_code"], max_length=20)
    response_types: list[str] = Field(default=["code"], max_length=20)

    @property
    def name(self) -> str:
        """The name on one line, without characters that are not seen; the host of the way back when there is none."""
        seen = "".join(
            " " if char.isspace() else char
            for char in self.client_name
            if char.isspace() or unicodedata.category(char) not in HIDDEN
        )
        return " ".join(seen.split())[:MAX_NAME] or redirects.place_of(self.redirect_uris[0])[:MAX_NAME]

    @property
    def site(self) -> str:
        """The program's own page, when that is a plain https address."""
        is_plain = len(self.client_uri) <= MAX_URL and redirects.PLAIN.fullmatch(self.client_uri)
        return self.client_uri if is_plain and self.client_uri.startswith("https://") else ""


def read_metadata(body: Any, *, kind: Literal["registration", "document"]) -> ClientMetadata:
    """The checked metadata. Raises OAuthError."""
    if not isinstance(body, dict):
        raise OAuthError("invalid_client_metadata", "The metadata are a JSON object.")
    # A member that is null or empty is one that is left out.
    given = {name: value for name, value in body.items() if value not in (None, "")}
    try:
        metadata = ClientMetadata.model_validate(given)
    except ValidationError as error:
        raise _refused(error) from error
    _check(metadata, kind)
    return metadata


def _refused(error: ValidationError) -> OAuthError:
    field = str(error.errors()[0]["loc"][0])
    if field == "redirect_uris":
        return OAuthError("invalid_redirect_uri", f"Give 1 to {redirects.MAX_COUNT} addresses as texts.")
    return OAuthError("invalid_client_metadata", f"{field} is of the wrong kind or too long.")


def _check(metadata: ClientMetadata, kind: str) -> None:
    if not all(redirects.is_allowed(uri) for uri in metadata.redirect_uris):
        told = "An address is https, http of this computer, or of a scheme of the program's own, without a fragment."
        raise OAuthError("invalid_redirect_uri", told)
    if "code" not in metadata.response_types or "authorization_code" not in metadata.grant_types:
        raise OAuthError("invalid_client_metadata", "Only the authorization code is offered here.")
    method = metadata.token_endpoint_auth_method
    if kind == "document" and method not in ("", "none"):
        # A secret in a public document is none, and keys are not supported.
        raise OAuthError("invalid_client_metadata", "token_endpoint_auth_method of a document is none.")
    if method and method not in AUTH_METHODS:
        raise OAuthError("invalid_client_metadata", f"token_endpoint_auth_method: {', '.join(AUTH_METHODS)}.")


def is_document_id(client_id: str) -> bool:
    """True for an id that is the address of a document (draft-ietf-oauth-client-id-metadata-document, 3)."""
    if not client_id.startswith("https://") or len(client_id) > MAX_URL:
        return False
    if not redirects.is_allowed(client_id) or "?" in client_id:
        return False
    path = urlsplit(client_id).path
    return path not in ("", "/") and not DOTS.search(path)
