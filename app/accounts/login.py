"""Login sessions and tokens: how a request becomes a user, and how a browser gets and loses its session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from logging import getLogger
from typing import cast

from flask import Request, request, session
from flask_login import LoginManager
from flask_login import login_user as remember_in_request
from sqlalchemy import Table, bindparam, delete, select

from app.accounts import attempts, passwords, queries, service
from app.accounts.models import LoginSession, User
from app.accounts.tokens import read_token
from app.core.actor import Actor, Role, roles_from
from app.core.clock import now
from app.core.errors import N_, Unauthorized
from app.core.ids import digest, new_token
from app.db import db, in_transaction
from app.runtime import settings
from app.web.auth import SignedIn, current_actor, signed_in, uses_bearer
from app.web.i18n import current_locale

log = getLogger(__name__)
WRONG_LOGIN = N_("The name or the password is not right.")

# Called with the guest that was and the user that is, inside the transaction that signs in.
AFTER_LOGIN: list[Callable[[Actor, Actor], object]] = []


@dataclass(frozen=True, slots=True)
class LoadedUser:
    """What a request needs to know of its user; no ORM object, so that a rollback costs no second look."""

    id: int
    username: str
    roles: frozenset[Role]


def init_login(manager: LoginManager) -> None:
    """Register the loaders."""
    # A login session is a row; guessing from address and browser whether it was stolen only logs phones out.
    manager.session_protection = None
    manager.user_loader(load_by_session)
    manager.request_loader(load_by_bearer)


def load_by_session(token: str) -> SignedIn | None:
    """The user of a browser's login session; nobody when it has ended or the request shows a bearer token."""
    if uses_bearer():
        return None
    row = db.session.connection().execute(_by_session, {"token_hash": digest(token), "at": now()}).first()
    return SignedIn(_loaded(row.id, row.username, row.role_names), token) if row else None


def load_by_bearer(incoming: Request) -> SignedIn | None:
    """The user of an access token; nobody when it is older than the user's password."""
    if not uses_bearer():
        return None
    claims = read_token(incoming.headers["Authorization"][7:].strip())
    if claims is None:
        return None
    values = {"claimed_id": claims.user_id, "issued_at": claims.issued_at}
    row = db.session.connection().execute(_by_claims, values).first()
    return SignedIn(_loaded(row.id, row.username, row.role_names)) if row else None


# Made once: every request of somebody signed in asks one of these. Of tables, which takes less than mapped objects.
_users, _sessions = cast(Table, User.__table__).c, cast(Table, LoginSession.__table__).c
_who = select(_users.id, _users.username, _users.role_names)
_by_session = _who.join(LoginSession.__table__, _sessions.user_id == _users.id).where(
    _sessions.token_hash == bindparam("token_hash"), _sessions.expires_at > bindparam("at"), _users.is_active
)
_by_claims = _who.where(
    _users.id == bindparam("claimed_id"),
    _users.is_active,
    _users.password_changed_at <= bindparam("issued_at"),
)


def _loaded(user_id: int, username: str, role_names: str) -> LoadedUser:
    return LoadedUser(user_id, username, roles_from(role_names.split()))


def check_login(name: str, password: str) -> LoadedUser:
    """The user of a name (or e-mail address) and a password.

    Raises Unauthorized, the same and after the same time for an unknown name, a wrong password and a closed
    account; RateLimited after too many attempts.
    """
    attempts.count_login(name)
    found = queries.find_credentials(name)
    is_right = passwords.is_right_password(found.password_hash if found else None, password)
    if found is None or not is_right or not found.is_active:
        log.info("login_failed user=%s", found.id if found else "-")
        raise Unauthorized(WRONG_LOGIN)
    attempts.forget_logins(name)
    if passwords.is_outdated(found.password_hash):
        fresh = passwords.hash_password(password)
        in_transaction(lambda: service.renew_hash(found.id, found.password_hash, fresh))
    return _loaded(found.id, found.username, found.role_names)


def sign_in(user: LoadedUser) -> None:
    """Give this browser a new session as `user`; what the guest had is handed over by AFTER_LOGIN."""
    guest = current_actor()
    agent = request.user_agent.string
    token = in_transaction(lambda: _start(user, guest, agent))
    session.clear()
    session.permanent = True
    remember_in_request(SignedIn(user, token))
    log.info("signed_in user=%s", user.id)


def _start(user: LoadedUser, guest: Actor, agent: str) -> str:
    token = start_session(user.id, agent)
    if guest.is_guest:
        member = Actor(user_id=user.id, roles=user.roles, locale=current_locale())
        for hook in AFTER_LOGIN:
            hook(guest, member)
    return token


def start_session(user_id: int, agent: str = "") -> str:
    """Write a login session; returns its token, which only the browser keeps."""
    token = new_token()
    db.session.add(
        LoginSession(
            token_hash=digest(token),
            user_id=user_id,
            user_agent=agent[:200],
            expires_at=now() + timedelta(days=settings().session_days),
        )
    )
    db.session.flush()
    return token


def change_password(who: SignedIn, *, current: str, new: str) -> None:
    """Change the user's password and renew this browser's session; all others end. Raises InvalidParam."""
    user_id, agent = who.user.id, request.user_agent.string

    def work() -> str:
        service.change_password(user_id, current=current, new=new)
        return start_session(user_id, agent)

    remember_in_request(SignedIn(who.user, in_transaction(work)))
    log.info("password_changed user=%s", user_id)


def sign_out() -> None:
    """End this browser's session; its cookie is worth nothing from now on, wherever a copy of it is."""
    who = signed_in()
    if who is not None and who.token is not None:
        token_hash = digest(who.token)
        in_transaction(
            lambda: db.session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash))
        )
    session.clear()
