"""What the tests of orders share: filling carts, racing threads, counting statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import User, WalletEntry
from app.cart.models import CartItem
from app.catalogue.models import Product
from app.core.actor import Actor, Role
from app.core.errors import DomainError
from app.db import db, in_transaction, transaction
from app.orders import service
from app.orders.models import Order
from app.orders.placing import PlaceOrder
from tests.builders import actor_of, make_user


def fill_cart(actor: Actor, **pieces: int) -> None:
    """Put pieces of SKUs (A=2) straight into the cart at today's prices."""
    with transaction() as session:
        for sku, quantity in pieces.items():
            price = session.get_one(Product, sku).price_cents
            session.add(
                CartItem(
                    owner=actor.subject,
                    user_id=actor.user_id,
                    sku=sku,
                    quantity=quantity,
                    price_seen_cents=price,
                )
            )


def make_customer(**values: Any) -> Actor:
    return actor_of(make_user(**values))


def make_operator() -> Actor:
    return actor_of(make_user(roles=(Role.CUSTOMER, Role.OPERATOR)))


def place(actor: Actor, **request: Any) -> Order:
    """Place what is in the cart and return the order as it is in the database."""
    order_id = in_transaction(lambda: service.place(actor, PlaceOrder(**request))).order_id
    db.session.rollback()
    return db.session.get_one(Order, order_id)


def buy(actor: Actor, request: dict[str, Any] | None = None, **pieces: int) -> Order:
    """Fill the cart and place it."""
    fill_cart(actor, **pieces)
    return place(actor, **(request or {}))


def pay(actor: Actor, order: Order, outcome: Any = "success") -> Order:
    return in_transaction(lambda: service.pay(actor, order.id, outcome))


def stock_of(sku: str) -> int:
    db.session.rollback()
    return db.session.get_one(Product, sku).stock


def wallet_of(actor: Actor) -> tuple[int, int]:
    """Points and credit."""
    db.session.rollback()
    user = db.session.get_one(User, actor.user_id)
    return user.points, user.credit_cents


def ledger_sums(actor: Actor) -> dict[str, int]:
    """What the ledger's movements add up to, by kind."""
    sums = (
        select(WalletEntry.kind, func.sum(WalletEntry.delta))
        .where(WalletEntry.user_id == actor.user_id)
        .group_by(WalletEntry.kind)
    )
    return {kind: int(total) for kind, total in db.session.execute(sums)}


def race(app: Flask, calls: Sequence[Callable[[], Any]], threads: int = 32) -> list[Any]:
    """Run all calls at once, each in its own context and transaction; a DomainError is a result.

    The threads open their connections first and start together: otherwise the first is done before the second
    is connected.
    """
    ready = Barrier(min(threads, len(calls)))

    def connect() -> None:
        with app.app_context():
            db.session.execute(select(1))
            ready.wait()

    def run(call: Callable[[], Any]) -> Any:
        with app.app_context():
            try:
                return in_transaction(call)
            except DomainError as error:
                return error

    with ThreadPoolExecutor(ready.parties) as pool:
        for warm in [pool.submit(connect) for _ in range(ready.parties)]:
            warm.result()
        return list(pool.map(run, calls))


def codes(results: Sequence[Any]) -> set[str]:
    """The codes of the errors among the results."""
    return {result.code for result in results if isinstance(result, DomainError)}
