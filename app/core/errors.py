"""The errors of the domain. `app.web.errors` is the one translator of them into HTTP.

A message is an English msgid with `%(name)s` places, marked with `_` so that extraction finds it;
it is translated at the edge, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def N_(message: str) -> str:  # noqa: N802 - gettext's customary name for "mark, do not translate"
    """Mark a msgid for extraction and return it as it is."""
    return message


class DomainError(Exception):
    """Something the caller may be told. `params` fill the message, `fields` name wrong inputs."""

    code = "CONFLICT"
    status = 409
    default_message = N_("That is not possible right now.")

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        fields: Mapping[str, str] | None = None,
        retry_after: int | None = None,
        **params: Any,
    ) -> None:
        self.message = message or self.default_message
        self.code = code or self.code
        self.fields = dict(fields or {})
        self.retry_after = retry_after
        self.params = params
        super().__init__(self.text())

    def text(self) -> str:
        """The untranslated message with its values filled in."""
        return self.message % self.params if self.params else self.message


class InvalidParam(DomainError):
    """A value is missing, of the wrong type or out of bounds (422)."""

    code, status = "INVALID_PARAM", 422
    default_message = N_("Please check the values you entered.")


class BadRequest(DomainError):
    """The request cannot be done as it stands (400), e.g. malformed JSON or an empty cart."""

    code, status = "INVALID_PARAM", 400
    default_message = N_("The request could not be read.")


class Unauthorized(DomainError):
    """Nobody is signed in (401)."""

    code, status = "UNAUTHORIZED", 401
    default_message = N_("Please sign in first.")


class Forbidden(DomainError):
    """Signed in, but not allowed (403)."""

    code, status = "FORBIDDEN", 403
    default_message = N_("Your account is not allowed to do this.")


class NotFound(DomainError):
    """It does not exist, or belongs to somebody else (404)."""

    code, status = "NOT_FOUND", 404
    default_message = N_("We could not find that.")


class Conflict(DomainError):
    """The state does not allow it (409); give the kind as `code`."""


class InsufficientStock(Conflict):
    """Fewer pieces than asked for; `fields` says how many."""

    code = "INSUFFICIENT_STOCK"
    default_message = N_("Only %(left)s left of %(name)s.")


class IdempotencyConflict(Conflict):
    """The key was used with another body before."""

    code = "IDEMPOTENCY_CONFLICT"
    default_message = N_("This request key was already used for something else.")


class RateLimited(DomainError):
    """Too many requests (429, with Retry-After)."""

    code, status = "RATE_LIMITED", 429
    default_message = N_("Too many requests. Please wait a moment.")


class Upstream(DomainError):
    """An outside service failed (502)."""

    code, status = "UPSTREAM", 502
    default_message = N_("An outside service did not answer properly.")


class Unavailable(DomainError):
    """A part that is needed is not there (503)."""

    code, status = "UNAVAILABLE", 503
    default_message = N_("This is not available right now.")
