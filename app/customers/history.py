"""Reads of one customer: who it is, what was bought, what was said to the assistant. A handful of statements each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.accounts.models import User
from app.catalogue.cache import cached
from app.conversations.models import SHOP, TEMPORARY, Conversation, Message
from app.core.clock import business_day, now
from app.core.errors import N_, NotFound
from app.db import db
from app.members.models import Member, Store
from app.orders.models import Order, OrderItem
from app.runtime import settings

# The newest of them are enough to know somebody by.
MOST_ORDERS, MOST_MESSAGES = 500, 150
# Of many customers at once.
MOST_LISTED, MOST_ORDERS_OF_ALL = 100, 10_000
GAP_SECONDS = 3_600.0
NO_CUSTOMER = N_("There is no such customer.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A registered user and the membership. `level` is 0 for somebody who is no member."""

    user_id: int
    username: str
    email: str
    phone: str | None
    locale: str
    is_active: bool
    points: int
    registered_at: datetime
    member_id: int | None
    level: int
    store: str
    store_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A paid order. `paid_cents` is what was paid less what was paid back."""

    order_id: int
    day: date
    paid_cents: int
    original_cents: int
    discount_cents: int
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one line of a paid order came to after refunds; `category` is the shelf's Chinese name as it was."""

    order_id: int
    day: date
    sku: str
    name: str
    name_en: str
    category: str
    qty: int
    paid_cents: int

    def title(self, locale: str) -> str:
        """The product's name as it was, in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name


@dataclass(frozen=True, slots=True)
class Said:
    """What the customer wrote to the assistant, newest first, and the SKUs of products that were opened there."""

    words: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    conversations: int = 0


def get_person(user_id: int) -> Person:
    """Raises NotFound."""
    row = db.session.execute(_people().where(User.id == user_id)).first()
    if row is None:
        raise NotFound(NO_CUSTOMER)
    return person_of(row)


def search_people(q: str, limit: int) -> list[Person]:
    """Active users by number, name, e-mail address or phone; the newest first of those that fit."""
    words = q.strip()
    fits: list[ColumnElement[bool]] = [
        User.username.icontains(words, autoescape=True),
        User.email.icontains(words, autoescape=True),
        User.phone.icontains(words, autoescape=True),
    ]
    if words.isascii() and words.isdigit() and len(words) < 10:
        fits.append(User.id == int(words))
    found = _people().where(User.is_active, or_(*fits)).order_by(User.id.desc()).limit(limit)
    return [person_of(row) for row in db.session.execute(found)]


def _people() -> Any:
    return (
        select(
            User.id,
            *(User.username, User.email, User.phone, User.locale, User.is_active, User.points),
            User.created_at,
            Member.id.label("member_id"),
            Member.level,
            Store.name.label("store"),
            Store.name_en.label("store_en"),
        )
        .outerjoin(Member, Member.user_id == User.id)
        .outerjoin(Store, Store.id == Member.store_id)
    )


def person_of(row: Any) -> Person:
    """A row of `_people`."""
    return Person(
        user_id=row.id,
        username=row.username,
        email=row.email,
        phone=row.phone,
        locale=row.locale,
        is_active=row.is_active,
        points=row.points,
        registered_at=row.created_at,
        member_id=row.member_id,
        level=row.level or 0,
        store=row.store or "",
        store_en=row.store_en or "",
    )


def list_purchases(person: Person) -> list[Purchase]:
    """The paid orders of the account and of its membership (a store's till knows the member only), oldest first."""
    newest = (
        select(*_purchase_columns)
        .where(_is_theirs(person), Order.pay_status == 1, Order.paid_on.is_not(None))
        .order_by(Order.paid_on.desc(), Order.id.desc())
        .limit(MOST_ORDERS)
    )
    rows = reversed(db.session.execute(newest).all())
    return [_purchase(row) for row in rows]


_purchase_columns = (
    *(Order.id, Order.paid_on, Order.amount_cents, Order.original_amount_cents),
    *(Order.refunded_cents, Order.channel),
)


def _purchase(row: Any) -> Purchase:
    return Purchase(
        order_id=row.id,
        day=row.paid_on,
        paid_cents=row.amount_cents - row.refunded_cents,
        original_cents=row.original_amount_cents,
        discount_cents=row.original_amount_cents - row.amount_cents,
        channel=row.channel,
    )


def list_people(user_ids: Collection[int]) -> list[Person]:
    """Those of these who are there, in one statement."""
    return [person_of(row) for row in db.session.execute(_people().where(User.id.in_(user_ids)))]


def list_purchases_of(people: Sequence[Person]) -> dict[int, list[Purchase]]:
    """Everybody's paid orders, oldest first, by user; in one statement, the newest 10,000 of all."""
    members = {person.member_id: person.user_id for person in people if person.member_id is not None}
    users = {person.user_id for person in people}
    theirs = or_(Order.user_id.in_(users), Order.member_id.in_(members))
    newest = (
        select(*_purchase_columns, Order.user_id, Order.member_id)
        .where(theirs, Order.pay_status == 1, Order.paid_on.is_not(None))
        .order_by(Order.paid_on.desc(), Order.id.desc())
        .limit(MOST_ORDERS_OF_ALL)
    )
    found: dict[int, list[Purchase]] = {user_id: [] for user_id in users}
    for row in reversed(db.session.execute(newest).all()):
        owner = row.user_id if row.user_id in users else members[row.member_id]
        found[owner].append(_purchase(row))
    return found


def _is_theirs(person: Person) -> ColumnElement[bool]:
    own = Order.user_id == person.user_id
    return own if person.member_id is None else or_(own, Order.member_id == person.member_id)


def list_lines(purchases: Sequence[Purchase]) -> list[Line]:
    """What the orders held and what of it was kept, in the orders' order."""
    if not purchases:
        return []
    days = {purchase.order_id: purchase.day for purchase in purchases}
    rows = db.session.scalars(select(OrderItem).where(OrderItem.order_id.in_(days)).order_by(OrderItem.id))
    kept = [row for row in rows if row.qty > row.refunded_qty]
    lines = [
        Line(
            order_id=row.order_id,
            day=days[row.order_id],
            sku=row.sku,
            name=row.name,
            name_en=row.name_en,
            category=row.category,
            qty=row.qty - row.refunded_qty,
            paid_cents=row.paid_cents - row.refunded_cents,
        )
        for row in kept
    ]
    return sorted(lines, key=lambda line: (line.day, line.order_id))


def read_talks(user_id: int) -> Said:
    """What was said in the user's lasting conversations."""
    theirs = (
        Conversation.user_id == user_id,
        Conversation.status != TEMPORARY,
        Conversation.purpose == SHOP,
    )
    count = db.session.scalar(select(func.count()).select_from(Conversation).where(*theirs)) or 0
    if not count:
        return Said()
    newest = (
        select(Message.role, Message.content, Message.tool_calls)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(*theirs, Message.role.in_(("user", "assistant")))
        .order_by(Message.id.desc())
        .limit(MOST_MESSAGES)
    )
    rows = db.session.execute(newest).all()
    words = tuple(row.content for row in rows if row.role == "user" and row.content)
    calls = (call for row in rows for call in row.tool_calls or ())
    opened = [sku for call in calls if (sku := _opened(call))]
    return Said(words, tuple(dict.fromkeys(opened)), count)


def _opened(call: Any) -> str:
    """The product that a call of the assistant's was about."""
    if not isinstance(call, dict) or call.get("name") not in ("get_product", "add_to_cart"):
        return ""
    arguments = call.get("arguments")
    sku = arguments.get("sku") if isinstance(arguments, dict) else None
    return sku.strip().upper()[:32] if isinstance(sku, str) else ""


def usual_gap_days() -> float | None:
    """Days between two paid orders of a member, on average over the shop's last year; None while nobody came twice.

    The sum of all members' spans over the sum of their gaps, so that frequent buyers count by how often they came.
    """
    return cached("usual_gap_days", GAP_SECONDS, _usual_gap_days)


def _usual_gap_days() -> float | None:
    today = business_day(now(), settings().shop_timezone)
    days = (func.min(Order.paid_on), func.max(Order.paid_on), func.count())
    rows: Sequence[Any] = db.session.execute(
        select(*days)
        .where(Order.member_id.is_not(None), Order.pay_status == 1)
        .where(Order.paid_on >= date(today.year - 1, today.month, 1))
        .group_by(Order.member_id)
        .having(func.count() > 1)
    ).all()
    gaps = sum(count - 1 for _first, _last, count in rows)
    return sum((last - first).days for first, last, _count in rows) / gaps if gaps else None
