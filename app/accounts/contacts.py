"""Delivery contacts: to whom and where. Exactly one of a user's contacts is the default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Select, delete, func, select, update

from app.accounts import rules
from app.accounts.models import DeliveryContact
from app.core.errors import N_, Conflict, NotFound
from app.db import db

MOST_CONTACTS = 20
LENGTHS = {"recipient": 60, "city": 60, "address": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDetails:
    """What somebody enters."""

    recipient: str
    phone: str
    city: str
    address: str
    is_default: bool = False


def list_contacts(user_id: int) -> Sequence[DeliveryContact]:
    """The user's contacts, the default first."""
    return db.session.scalars(_of(user_id)).all()


def _of(user_id: int) -> Select[DeliveryContact]:
    return (
        select(DeliveryContact)
        .where(DeliveryContact.user_id == user_id)
        .order_by(DeliveryContact.is_default.desc(), DeliveryContact.id)
    )


def get_contact(user_id: int, contact_id: int) -> DeliveryContact:
    """Raises NotFound, also for another user's contact."""
    contact = db.session.scalars(
        select(DeliveryContact).where(DeliveryContact.id == contact_id, DeliveryContact.user_id == user_id)
    ).first()
    if contact is None:
        raise NotFound()
    return contact


def default_contact(user_id: int) -> DeliveryContact | None:
    """The contact to suggest at checkout, if any."""
    return db.session.scalars(_of(user_id).limit(1)).first()


def add_contact(user_id: int, details: ContactDetails) -> DeliveryContact:
    """Write a contact; the first one becomes the default. Raises InvalidParam, Conflict TOO_MANY_CONTACTS."""
    values = _checked(details)
    count = _count(user_id)
    if count >= MOST_CONTACTS:
        raise Conflict(N_("You can keep up to 20 contacts. Delete one first."), code="TOO_MANY_CONTACTS")
    contact = DeliveryContact(user_id=user_id, **values)
    db.session.add(contact)
    db.session.flush()
    if details.is_default or count == 0:
        make_default(user_id, contact.id)
    return contact


def update_contact(user_id: int, contact_id: int, details: ContactDetails) -> DeliveryContact:
    """Change a contact. Orders keep what they were placed with. Raises NotFound, InvalidParam."""
    values = _checked(details)
    contact = get_contact(user_id, contact_id)
    for name, value in values.items():
        setattr(contact, name, value)
    db.session.flush()
    if details.is_default:
        make_default(user_id, contact_id)
    return contact


def remove_contact(user_id: int, contact_id: int) -> None:
    """Delete a contact; when it was the default, the oldest one left takes its place. Raises NotFound."""
    contact = get_contact(user_id, contact_id)
    was_default = contact.is_default
    db.session.execute(
        delete(DeliveryContact).where(DeliveryContact.id == contact_id, DeliveryContact.user_id == user_id)
    )
    heir = default_contact(user_id)
    if was_default and heir is not None:
        make_default(user_id, heir.id)


def make_default(user_id: int, contact_id: int) -> None:
    """Make one contact the default and no other, in one statement: two at once leave one. Raises NotFound."""
    get_contact(user_id, contact_id)
    db.session.execute(
        update(DeliveryContact)
        .where(DeliveryContact.user_id == user_id)
        .values(is_default=DeliveryContact.id == contact_id)
    )


def _count(user_id: int) -> int:
    return (
        db.session.scalar(
            select(func.count()).select_from(DeliveryContact).where(DeliveryContact.user_id == user_id)
        )
        or 0
    )


def _checked(details: ContactDetails) -> dict[str, str]:
    found = rules.Findings()
    values = {
        name: found.take(name, partial(rules.clean_line, longest=longest), getattr(details, name))
        for name, longest in LENGTHS.items()
    }
    values["phone"] = found.take("phone", _needed_phone, details.phone)
    found.raise_if_any()
    return values


def _needed_phone(value: str) -> str:
    digits = rules.clean_phone(value)
    if not digits:
        raise ValueError(rules.MISSING)
    return digits
