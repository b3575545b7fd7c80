"""Placing an order: one transaction from the cart to the stock.

The rows are locked as `app.orders.locks` says; the stock comes last, because that row is what many want.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert

from app.accounts import contacts, wallet
from app.accounts.contacts import ContactDetails
from app.accounts.models import DeliveryContact
from app.cart import queries as cart_queries
from app.cart.models import CartItem
from app.cart.queries import CartLine, CartView
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam, NotFound
from app.coupons import service as coupons
from app.coupons.rules import Offer
from app.db import db
from app.members import queries as members
from app.orders import idempotency, stock
from app.orders.idempotency import StoredAnswer
from app.orders.locks import lock_customer
from app.orders.models import Order, OrderItem
from app.orders.pricing import Price, points_earned, price
from app.orders.quoting import find_problems
from app.orders.schemas import order_out
from app.orders.settlement import announce, deadline, move_wallet, settle
from app.runtime import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """What a customer asks for.

    Without `store_id` it is the customer's own store. A delivery goes to `contact_id`, or to `new_contact`,
    which is kept among the customer's contacts, or to the default contact; a program may give none.
    `accept_changes` agrees to prices that changed; to fewer pieces nobody can agree here. `expected_cents` is
    the amount that the customer was shown: another one is refused, so that nobody pays what they did not see.
    """

    coupon_code: str | None = None
    store_id: int | None = None
    channel: str = "online"
    contact_id: int | None = None
    new_contact: ContactDetails | None = None
    points: int = 0
    credit_cents: int = 0
    expected_cents: int | None = None
    idempotency_key: str | None = None
    accept_changes: bool = False

    def hash(self) -> str:
        values = asdict(self)
        values.pop("idempotency_key")
        return idempotency.hash_request(values)


@dataclass(frozen=True, slots=True)
class Placement:
    """The order's id and the JSON answer, which is the stored one when the key was used before."""

    order_id: int
    answer: dict[str, Any]


def place(actor: Actor, request: PlaceOrder) -> Placement:
    """Turn the actor's cart into an order.

    Raises BadRequest CART_EMPTY, InsufficientStock, Conflict (PRICE_CHANGED, PRODUCT_RETIRED, the coupon's
    and the wallet's kinds), IdempotencyConflict, InvalidParam, NotFound.
    """
    key = request.idempotency_key
    if key is not None:
        idempotency.check_key(key)
    lock_customer(actor.require_user())
    stored = idempotency.find_answer(actor.subject, key, request.hash()) if key is not None else None
    if stored is not None:
        return Placement(stored.order_id, stored.body)
    placement = _place_cart(actor, request)
    if key is not None:
        answer = StoredAnswer(placement.order_id, placement.answer)
        idempotency.keep_answer(actor.subject, key, request.hash(), answer)
    return placement


def _place_cart(actor: Actor, request: PlaceOrder) -> Placement:
    cart = cart_queries.get_cart(actor)
    for problem in find_problems(cart, actor.locale, accept_changes=request.accept_changes):
        raise problem
    order, priced = _open_order(actor, cart, request)
    items = _write_lines(order, cart.lines, priced)
    _pay_from_wallet(order)
    db.session.execute(delete(CartItem).where(CartItem.id.in_([line.item_id for line in cart.lines])))
    announce("order.placed", order, discount_cents=order.discount_cents, expires_at=deadline(order))
    quantities = {line.sku: line.quantity for line in cart.lines}
    if order.due_cents == 0:
        settle(order, quantities)
    stock.take(quantities, actor.locale)
    return Placement(order.id, order_out(order, items).model_dump(mode="json"))


def _open_order(actor: Actor, cart: CartView, request: PlaceOrder) -> tuple[Order, Price]:
    """Insert the order, hold its coupon, and write the sums that follow from it."""
    subtotals = [line.line_total_cents for line in cart.lines]
    order = _new_order(actor, request, sum(subtotals))
    db.session.add(order)
    db.session.flush()
    offer = _hold_coupon(actor, cart, request, order)
    priced = price(subtotals, offer, request.points, request.credit_cents)
    if request.expected_cents not in (None, priced.amount_cents):
        raise Conflict(N_("The total has changed. Please check it and order again."), code="PRICE_CHANGED")
    order.amount_cents = priced.amount_cents
    order.coupon_discount_cents = priced.coupon_cents
    order.points_used, order.points_discount_cents = priced.points, priced.points_cents
    order.credit_used_cents = priced.credit_cents
    order.points_awarded = points_earned(priced.amount_cents) + (offer.points if offer else 0)
    db.session.flush()
    return order, priced


def _new_order(actor: Actor, request: PlaceOrder, original_cents: int) -> Order:
    home = members.find_home(actor.require_user())
    created = now()
    return Order(
        user_id=actor.user_id,
        member_id=home.member_id if home else None,
        store_id=_store_id(request.store_id, home.store_id if home else None),
        channel=request.channel,
        contact=_contact(actor.require_user(), request),
        original_amount_cents=original_cents,
        amount_cents=original_cents,
        points_awarded=points_earned(original_cents),
        created_at=created,
        updated_at=created,
        expires_at=created + timedelta(minutes=settings().unpaid_order_minutes),
    )


def _store_id(asked: int | None, own: int | None) -> int:
    if asked is None or asked == own:
        return own if own is not None else members.list_stores()[0].id
    try:
        return members.get_store(asked).id
    except NotFound as error:
        raise InvalidParam(fields={"store_id": N_("Choose one of our stores.")}) from error


def _contact(user_id: int, request: PlaceOrder) -> dict[str, str] | None:
    """The address as it is now: a copy, so that the order keeps it. None when there is none yet."""
    if request.channel != "delivery":
        return None
    if request.new_contact is not None:
        contact: DeliveryContact | None = contacts.add_contact(user_id, request.new_contact)
    else:
        contact = _kept_contact(user_id, request.contact_id)
    if contact is None:
        return None
    return {name: getattr(contact, name) for name in ("recipient", "phone", "city", "address")}


def _kept_contact(user_id: int, contact_id: int | None) -> DeliveryContact | None:
    if contact_id is None:
        return contacts.default_contact(user_id)
    try:
        return contacts.get_contact(user_id, contact_id)
    except NotFound as error:
        raise InvalidParam(fields={"contact_id": N_("Choose one of your contacts.")}) from error


def _hold_coupon(actor: Actor, cart: CartView, request: PlaceOrder, order: Order) -> Offer | None:
    if not request.coupon_code:
        return None
    offer, holding = coupons.hold(actor, request.coupon_code, cart.goods(), order.id)
    order.customer_coupon_id, order.coupon_name = holding.id, offer.name
    return offer


def _write_lines(order: Order, lines: Sequence[CartLine], priced: Price) -> list[OrderItem]:
    """Insert all lines with one statement (Core: an ORM flush would ask for every id)."""
    rows = [_line(order, line, discount) for line, discount in zip(lines, priced.shares, strict=True)]
    db.session.execute(insert(OrderItem.__table__), rows)  # type: ignore[arg-type]
    return [OrderItem(**row, refunded_qty=0, refunded_cents=0) for row in rows]


def _line(order: Order, line: CartLine, discount_cents: int) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "sku": line.sku,
        "name": line.name,
        "name_en": line.name_en,
        "category": line.category,
        "qty": line.quantity,
        "price_cents": line.price_cents,
        "discount_cents": discount_cents,
    }


def _pay_from_wallet(order: Order) -> None:
    move_wallet(
        order, {wallet.POINTS: -order.points_used, wallet.CREDIT: -order.credit_used_cents}, "order_placed"
    )
