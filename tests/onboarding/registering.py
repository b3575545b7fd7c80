"""Registering customers and doing by hand what worker and scheduler do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from app.accounts import service as accounts
from app.accounts.models import User
from app.conversations.models import Conversation, Message
from app.core.actor import Actor, Role
from app.db import db, in_transaction
from app.notifications.models import Notification
from app.onboarding.jobs import run_automations
from app.onboarding.models import AutomationRun, AutomationStep
from app.onboarding.settings import change_values
from app.outbox.jobs import deliver_new
from tests.builders import actor_of, make_user

CONSULTANTS = ("clara", "carl")


def register(name: str = "alice", locale: str = "en") -> User:
    """A customer, as the page registers one; only the outbox row is written with it."""
    account = accounts.NewAccount(
        username=name,
        email=f"{name}@example.com",
        phone=None,
        password_hash="!",
        locale=locale,
    )
    user = in_transaction(lambda: accounts.register(account))
    # A test asks for the id after the session is gone, too.
    db.session.expunge(user)
    return user


def make_consultants() -> None:
    for name in CONSULTANTS:
        make_user(name, roles=(Role.CUSTOMER, Role.CONSULTANT))


def work() -> None:
    """What the worker does with what is there."""
    deliver_new()
    run_automations()
    db.session.rollback()


def admin() -> Actor:
    return actor_of(make_user("ada", roles=(Role.CUSTOMER, Role.ADMIN)))


def set_values(actor: Actor, **changes: Any) -> None:
    in_transaction(lambda: change_values(actor, changes))


def run_of(user: User) -> AutomationRun:
    db.session.rollback()
    return db.session.scalars(select(AutomationRun).where(AutomationRun.user_id == user.id)).one()


def steps_of(user: User) -> dict[str, str]:
    """The state of each step by its name."""
    rows = db.session.scalars(
        select(AutomationStep)
        .join(AutomationRun, AutomationRun.id == AutomationStep.run_id)
        .where(AutomationRun.user_id == user.id)
        .order_by(AutomationStep.position)
    )
    return {row.name: row.status for row in rows}


def welcomes_of(user: User) -> list[Message]:
    db.session.rollback()
    rows = db.session.scalars(
        select(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Conversation.user_id == user.id, Message.role == "assistant", Message.content != "")
    )
    return list(rows)


def count(model: Any, *conditions: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0


def told_about(user: User) -> list[int]:
    """Who has a notification about a customer, once for each."""
    db.session.rollback()
    told = select(Notification.user_id).where(Notification.about_user_id == user.id)
    return sorted(db.session.scalars(told))
