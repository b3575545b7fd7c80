"""The errors of the OAuth protocol: a code for the program, a sentence for whoever writes it (RFC 6749, 5.2)."""

from __future__ import annotations

from app.core.errors import N_, DomainError


class OAuthError(Exception):
    """What a program did wrong. `code` is of the protocol's registry; `description` is in English, for its log."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        self.code, self.description, self.status = code, description, status
        super().__init__(f"{code}: {description}")


class UntrustedRequest(DomainError):
    """An authorization request whose program or way back cannot be trusted: it is told here and sent nowhere (400)."""

    code, status = "INVALID_PARAM", 400
    default_message = N_("The program that sent you here asked in a way that cannot be trusted.")


def invalid_client(description: str = "The client is unknown or its secret is wrong.") -> OAuthError:
    """The program did not prove who it is (401)."""
    return OAuthError("invalid_client", description, 401)


def invalid_grant() -> OAuthError:
    """One answer for every code and refresh token that is not good here."""
    return OAuthError(
        "invalid_grant", "The code or token is not valid here: unknown, used, expired or ended."
    )
