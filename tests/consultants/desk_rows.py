"""People at the desk and customers who wait, for tests."""

from __future__ import annotations

from itertools import count
from typing import Any

from sqlalchemy import select

from app.accounts.models import User
from app.consultants import attending, service
from app.consultants.models import Consultation
from app.conversations.models import Conversation, Message
from app.core.actor import Actor, Role
from app.db import db, in_transaction
from app.onboarding.settings import change_values
from tests.builders import actor_of, make_user, save

_numbers = count(1)
ADMIN = Actor(user_id=None, roles=frozenset({Role.ADMIN}))


def make_consultant(name: str | None = None, *, is_online: bool = True) -> Actor:
    user = make_user(name or f"consultant{next(_numbers)}", roles=(Role.CONSULTANT,))
    actor = actor_of(user, locale="en")
    if is_online:
        in_transaction(lambda: attending.show_life(actor, "online"))
    return actor


def make_talk(name: str | None = None, **values: Any) -> tuple[Actor, str]:
    """A customer with a conversation."""
    user = make_user(name or f"customer{next(_numbers)}", locale="en")
    actor = actor_of(user, locale="en")
    talk = save(Conversation(owner=actor.subject, user_id=user.id, title="Hello", **values))
    return actor, talk.id


def make_waiting(name: str | None = None, asked: str = "a person, please") -> tuple[Actor, str]:
    """A customer who has asked for a person."""
    customer, talk = make_talk(name)
    in_transaction(lambda: service.ask_for_person(customer, talk, asked))
    return customer, talk


def claim(who: Actor, customer: Actor) -> list[Consultation]:
    return in_transaction(lambda: service.claim(who, customer.user_id))  # type: ignore[arg-type]


def consultation_of(talk: str) -> Consultation:
    db.session.rollback()
    latest = select(Consultation).where(Consultation.conversation_id == talk)
    found = db.session.scalars(latest.order_by(Consultation.id.desc())).first()
    assert found is not None
    return found


def status_of(talk: str) -> str:
    db.session.rollback()
    return db.session.scalars(select(Conversation.status).where(Conversation.id == talk)).one()


def said_in(talk: str) -> list[tuple[str, str]]:
    """(role, text) of all that is in a conversation; of lines what they are instead of their text."""
    db.session.rollback()
    rows = db.session.scalars(
        select(Message).where(Message.conversation_id == talk).order_by(Message.id)
    ).all()
    return [(row.role, row.status if row.role == "system" else row.content) for row in rows]


def set_rules(**changes: Any) -> None:
    admin = db.session.scalars(select(User).where(User.username == "boss")).first()
    boss = actor_of(admin or make_user("boss", roles=(Role.ADMIN,)))
    in_transaction(lambda: change_values(boss, changes))
