"""Reads of accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, func, or_, select

from app.accounts import rules
from app.accounts.models import AccountMessage, User, WalletEntry
from app.core.actor import Role, roles_from
from app.core.errors import NotFound
from app.core.pagination import Page
from app.db import db


def get_user(user_id: int) -> User:
    """Raises NotFound."""
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound()
    return user


def find_user_by_name(name: str) -> User | None:
    """The user of a name or an e-mail address."""
    return db.session.scalars(select(User).where(_is_called(name))).first()


def find_roles(user_id: int) -> frozenset[Role]:
    """The roles of an active user; none for somebody who is not there."""
    names = db.session.scalar(select(User.role_names).where(User.id == user_id, User.is_active))
    return roles_from((names or "").split())


def names_of_users(ids: Iterable[int | None]) -> dict[int, str]:
    """User names by id."""
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    rows = db.session.execute(select(User.id, User.username).where(User.id.in_(wanted)))
    return {row.id: row.username for row in rows}


def list_user_ids(role: Role) -> list[int]:
    """The ids of the active users who have a role; the database looks at all users."""
    named = User.role_names.contains(role.value, autoescape=True)
    rows = db.session.execute(select(User.id, User.role_names).where(User.is_active, named))
    return [user_id for user_id, names in rows if role in roles_from(names.split())]


def find_credentials(name: str) -> Row[int, str, str, str, bool] | None:
    """(id, username, role_names, password_hash, is_active) of a name or an e-mail address."""
    columns = (User.id, User.username, User.role_names, User.password_hash, User.is_active)
    return db.session.execute(select(*columns).where(_is_called(name))).first()


def _is_called(name: str) -> Any:
    """Names hold no @, so a text with one is an address."""
    clean = name[:300].encode("utf-8", "replace").decode().replace("\0", "")
    if "@" in clean:
        return User.email == clean.strip().lower()
    return User.username_key == rules.username_key(clean)


def find_taken(username_key: str, email: str) -> str | None:
    """ "username" or "email" when another account has it already."""
    has_name = User.username_key == username_key
    rows = db.session.execute(
        select(has_name.label("has_name")).where(or_(has_name, User.email == email))
    ).all()
    if any(row.has_name for row in rows):
        return "username"
    return "email" if rows else None


def list_wallet_entries(user_id: int, kind: str, *, limit: int = 20, offset: int = 0) -> Page[WalletEntry]:
    """The ledger of points or credit, newest first."""
    mine = (WalletEntry.user_id == user_id, WalletEntry.kind == kind)
    total = db.session.scalar(select(func.count()).select_from(WalletEntry).where(*mine)) or 0
    rows = db.session.scalars(
        select(WalletEntry).where(*mine).order_by(WalletEntry.id.desc()).limit(limit).offset(offset)
    ).all()
    return Page(rows, total, limit, offset)


def list_messages(user_id: int, *, limit: int = 20, offset: int = 0) -> Page[AccountMessage]:
    """What would have been mailed, newest first."""
    mine = AccountMessage.user_id == user_id
    total = db.session.scalar(select(func.count()).select_from(AccountMessage).where(mine)) or 0
    rows = db.session.scalars(
        select(AccountMessage).where(mine).order_by(AccountMessage.id.desc()).limit(limit).offset(offset)
    ).all()
    return Page(rows, total, limit, offset)


def count_unread(user_id: int) -> int:
    """Messages that were not marked as read."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(AccountMessage)
            .where(AccountMessage.user_id == user_id, AccountMessage.read_at.is_(None))
        )
        or 0
    )
