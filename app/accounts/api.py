"""JSON API: registering, access tokens, who am I."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StringConstraints
from pydantic.config import JsonDict

from app.accounts import attempts, login, queries, rules, service
from app.accounts.models import User
from app.accounts.passwords import MAX_CHARACTERS
from app.accounts.tokens import issue_token
from app.db import in_transaction
from app.web.api import Schema, endpoint
from app.web.auth import PUBLIC, USER, current_actor
from app.web.i18n import current_locale

bp = Blueprint("accounts_api", __name__)

# A password's blanks count.
Secret = Annotated[str, StringConstraints(strip_whitespace=False)]
# Told in the OpenAPI document; checked by the service, whose findings are in the reader's language.
NAME_BOUNDS: JsonDict = {"minLength": 3, "maxLength": 50}
PASSWORD: JsonDict = {"format": "password"}
PASSWORD_BOUNDS: JsonDict = {**PASSWORD, "minLength": rules.MIN_CHARACTERS, "maxLength": MAX_CHARACTERS}


class RegisterBody(Schema):
    """A new account. Roles are never taken from here."""

    username: str = Field(json_schema_extra=NAME_BOUNDS)
    email: str = Field(json_schema_extra={"format": "email"})
    password: Secret = Field(json_schema_extra=PASSWORD_BOUNDS)
    phone: str | None = None


class TokenBody(Schema):
    """Name (or e-mail address) and password."""

    username: str
    password: Secret = Field(json_schema_extra=PASSWORD)


class UserOut(BaseModel):
    """An account. Points are pieces, credit is cents."""

    user_id: int
    username: str
    email: str
    phone: str | None
    roles: list[str]
    locale: str
    points: int
    credit_cents: int
    created_at: datetime
    updated_at: datetime


class TokenOut(BaseModel):
    """A bearer token and its life in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the type, no secret
    expires_in: int


def user_out(user: User) -> UserOut:
    """The account as the API shows it."""
    names = ("username", "email", "phone", "locale", "points", "credit_cents", "created_at", "updated_at")
    values: dict[str, Any] = {name: getattr(user, name) for name in names}
    return UserOut(user_id=user.id, roles=user.role_names.split(), **values)


@endpoint(
    bp,
    "/api/auth/register",
    method="POST",
    who=PUBLIC,
    summary="Register a customer",
    body=RegisterBody,
    answers={201: UserOut},
    errors=(400, 422, 429),
)
def register_user(body: RegisterBody) -> UserOut:
    attempts.count_registration()
    account = service.prepare(
        username=body.username,
        email=body.email,
        password=body.password,
        phone=body.phone or "",
        locale=current_locale(),
    )
    return user_out(in_transaction(lambda: service.register(account)))


@endpoint(
    bp,
    "/api/auth/token",
    method="POST",
    who=PUBLIC,
    summary="Exchange name and password for an access token (JSON or form)",
    body=TokenBody,
    answers={200: TokenOut},
    errors=(401, 422, 429),
    accepts_form=True,
)
def create_token(body: TokenBody) -> TokenOut:
    user = login.check_login(body.username, body.password)
    token, seconds = issue_token(user.id)
    return TokenOut(access_token=token, expires_in=seconds)


@endpoint(bp, "/api/auth/me", who=USER, summary="The caller's account", answers={200: UserOut}, errors=(401,))
def show_me() -> UserOut:
    return user_out(queries.get_user(current_actor().require_user()))
