"""Writes on accounts: registering, changing passwords, profiles and roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from app.accounts import passwords, queries, rules
from app.accounts.models import LoginSession, User
from app.core.actor import Role
from app.core.clock import now
from app.core.errors import N_, BadRequest, Conflict, InvalidParam
from app.db import db
from app.outbox.service import publish

USERNAME_TAKEN = N_("This name is taken. Please choose another.")
EMAIL_TAKEN = N_("There is an account with this e-mail address already.")
WRONG_PASSWORD = N_("This is not your current password.")
LOCALES = ("zh", "en")

# Called with each new user in the transaction that makes it.
AFTER_REGISTRATION: list[Callable[[User], object]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """A registration whose values are in order, its password hashed."""

    username: str
    email: str
    phone: str | None
    password_hash: str
    locale: str = "zh"


def prepare(*, username: str, email: str, password: str, phone: str = "", locale: str = "zh") -> NewAccount:
    """Check a registration and hash its password, before the transaction: hashing takes 15 ms.

    Raises InvalidParam that names every wrong field.
    """
    found = rules.Findings()
    name = found.take("username", rules.clean_username, username)
    address = found.take("email", rules.clean_email, email)
    number = found.take("phone", rules.clean_phone, phone)
    found.take("password", lambda value: rules.clean_password(value, username, email), password)
    found.raise_if_any()
    return NewAccount(
        username=name,
        email=address,
        phone=number or None,
        password_hash=passwords.hash_password(password),
        locale=locale,
    )


def register(account: NewAccount, *, roles: Iterable[Role] = (Role.CUSTOMER,)) -> User:
    """Write a new user. Raises BadRequest USERNAME_TAKEN or EMAIL_TAKEN, for the loser of a race too."""
    taken = queries.find_taken(rules.username_key(account.username), account.email)
    if taken:
        raise _taken(taken)
    user = User(
        username=account.username,
        username_key=rules.username_key(account.username),
        email=account.email,
        phone=account.phone,
        password_hash=account.password_hash,
        role_names=_names(roles),
        locale=account.locale,
    )
    db.session.add(user)
    _flush()
    for hook in AFTER_REGISTRATION:
        hook(user)
    payload = {"user_id": user.id, "username": user.username, "dedupe": "account.registered"}
    publish("account.registered", payload)
    return user


def _flush() -> None:
    try:
        db.session.flush()
    except IntegrityError as error:
        raise _taken("username" if "username_key" in str(error.orig) else "email") from error


def _taken(field: str) -> BadRequest:
    message = USERNAME_TAKEN if field == "username" else EMAIL_TAKEN
    return BadRequest(message, code=f"{field.upper()}_TAKEN", fields={field: message})


def change_password(user_id: int, *, current: str, new: str) -> None:
    """Replace the password and end every session and token of the user. Raises InvalidParam, Conflict."""
    user = queries.get_user(user_id)
    if not passwords.is_right_password(user.password_hash, current):
        raise InvalidParam(fields={"current_password": WRONG_PASSWORD})
    set_password(user, new, field="new_password")


def set_password(user: User, new: str, *, field: str = "password") -> None:
    """Give the user a password and end every session and token. Raises InvalidParam; Conflict for a race."""
    found = rules.Findings()
    found.take(field, lambda value: rules.clean_password(value, user.username, user.email), new)
    found.raise_if_any()
    changed = db.session.execute(
        update(User)
        .where(User.id == user.id, User.password_hash == user.password_hash)
        .values(password_hash=passwords.hash_password(new), password_changed_at=now())
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(N_("The password was changed somewhere else just now."))
    db.session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))


def renew_hash(user_id: int, old: str, new: str) -> None:
    """Store the same password's hash made with today's parameters, unless it was changed meanwhile."""
    db.session.execute(
        update(User).where(User.id == user_id, User.password_hash == old).values(password_hash=new)
    )


def update_profile(user_id: int, *, email: str, phone: str, locale: str) -> None:
    """Change what a user may change. Raises InvalidParam; BadRequest EMAIL_TAKEN."""
    found = rules.Findings()
    address = found.take("email", rules.clean_email, email)
    number = found.take("phone", rules.clean_phone, phone)
    if locale not in LOCALES:
        found["locale"] = N_("Choose one of the languages.")
    found.raise_if_any()
    user = queries.get_user(user_id)
    user.email, user.phone, user.locale = address, number or None, locale
    _flush()


def save_locale(user_id: int, locale: str) -> None:
    """Remember the language that a user reads."""
    db.session.execute(update(User).where(User.id == user_id, User.locale != locale).values(locale=locale))


def add_role(user: User, role: Role) -> None:
    """Let the user act as `role` too; it counts from the next request."""
    user.role_names = _names({*user.roles, role})
    db.session.flush()


def _names(roles: Iterable[Role]) -> str:
    held = set(roles)
    return " ".join(role.value for role in Role if role in held)
