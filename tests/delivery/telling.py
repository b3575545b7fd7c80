"""Consultants who are to be told, and doing by hand what the worker does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.accounts.models import User
from app.consultants.attending import show_life
from app.core.actor import Role
from app.core.clock import shifted
from app.db import db, in_transaction
from app.delivery.jobs import deliver_due
from app.delivery.models import NotificationDelivery
from app.delivery.subscriptions import subscribe
from app.notifications.models import Notification
from app.outbox.jobs import deliver_new
from tests.builders import actor_of, make_user
from tests.delivery.push_service import Browser
from tests.onboarding.registering import register, work


def consultant(name: str = "clara", locale: str = "en", *roles: Role) -> User:
    return make_user(name, roles=(Role.CONSULTANT, *roles), locale=locale)


def comes(user: User, status: str = "online") -> None:
    """The consultant opens the page."""
    in_transaction(lambda: show_life(actor_of(user), status))


def let_take(user: User, browser: Browser) -> int:
    """The user's browser subscribes."""
    told = browser.subscription()
    keys = told["keys"]
    return in_transaction(
        lambda: subscribe(actor_of(user), told["endpoint"], keys["p256dh"], keys["auth"], "Test")
    )


def registers(name: str = "alice", locale: str = "en") -> User:
    """A customer registers, and the automation has run."""
    user = register(name, locale)
    work()
    deliver_new()
    db.session.rollback()
    return user


def deliver(after: timedelta = timedelta(0)) -> None:
    """What a worker does with what is due then."""
    with shifted(after):
        deliver_due()
    db.session.rollback()


def deliveries(user: User | None = None, **values: Any) -> list[NotificationDelivery]:
    db.session.rollback()
    wanted = select(NotificationDelivery).join(
        Notification, Notification.id == NotificationDelivery.notification_id
    )
    if user is not None:
        wanted = wanted.where(Notification.user_id == user.id)
    wanted = wanted.filter_by(**values).order_by(NotificationDelivery.id)
    return list(db.session.scalars(wanted.execution_options(populate_existing=True)))
