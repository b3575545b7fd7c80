"""Who a customer is, as staff and their agents may read it."""

from __future__ import annotations

from typing import Any

from app.core.money import yuan
from app.customers.history import MOST_ORDERS, Person, get_person, list_purchases, search_people

MOST_FOUND, LATEST = 20, 5


def read_profile(user_id: int, locale: str, *, include_details: bool = False) -> dict[str, Any]:
    """Name, level, store and what was ordered; with details also how to reach them and the latest orders.

    Raises NotFound.
    """
    person = get_person(user_id)
    purchases = list_purchases(person)
    told: dict[str, Any] = {
        **_short(person, locale),
        "points": person.points,
        "orders": len(purchases),
        "has_more_orders": len(purchases) == MOST_ORDERS,
        "spend": yuan(sum(purchase.paid_cents for purchase in purchases)),
        "last_order_on": purchases[-1].day.isoformat() if purchases else None,
    }
    if include_details:
        told |= {"email": person.email, "phone": person.phone, "latest_orders": []}
        told["latest_orders"] = [
            {
                "order_id": purchase.order_id,
                "paid_on": purchase.day.isoformat(),
                "paid": yuan(purchase.paid_cents),
                "channel": purchase.channel,
            }
            for purchase in reversed(purchases[-LATEST:])
        ]
    return told


def find_customers(q: str, locale: str) -> list[dict[str, Any]]:
    """Customers by number, name, e-mail address or phone, newest first; at most MOST_FOUND."""
    return [
        {**_short(person, locale), "email": masked_email(person.email)}
        for person in search_people(q, MOST_FOUND)
    ]


def masked_email(email: str) -> str:
    """Enough of an address to tell two people apart: ali***@example.com."""
    name, _, host = email.partition("@")
    return f"{name[: min(3, max(1, len(name) - 1))]}***@{host}"


def _short(person: Person, locale: str) -> dict[str, Any]:
    return {
        "user_id": person.user_id,
        "username": person.username,
        "level": person.level,
        "store": person.store_en if locale == "en" and person.store_en else person.store,
        "language": person.locale,
        "is_active": person.is_active,
        "registered_at": person.registered_at.isoformat(),
    }
