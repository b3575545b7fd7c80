"""What an order would cost now, and what stands in its way: for the checkout page and for confirmations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.accounts import wallet
from app.cart import queries as cart_queries
from app.cart.queries import CartView
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, BadRequest, Conflict, DomainError, InsufficientStock
from app.core.money import yuan
from app.coupons import queries as coupon_queries
from app.coupons.rules import REASON_TEXTS, Offer, evaluate
from app.orders.pricing import Price, max_points, points_earned, points_value, price
from app.orders.stock import retired


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The cart priced. Points and credit beyond what may be used are cut down to that; nothing else is."""

    cart: CartView
    offer: Offer | None
    price: Price
    points_balance: int
    credit_balance_cents: int
    problems: tuple[DomainError, ...]

    @property
    def most_points(self) -> int:
        """The most points this customer may use here."""
        return min(self.points_balance, max_points(self.price.original_cents - self.price.coupon_cents))

    @property
    def points_earned(self) -> int:
        return points_earned(self.price.amount_cents) + (self.offer.points if self.offer else 0)

    def require_no_problem(self) -> None:
        """Raises the first problem."""
        if self.problems:
            raise self.problems[0]


def quote(
    actor: Actor,
    *,
    coupon_code: str | None = None,
    points: int = 0,
    credit_cents: int = 0,
    accept_changes: bool = False,
) -> Quote:
    """Price the actor's cart. Problems (empty, short, dearer, coupon) are told, not raised."""
    actor.require_user()
    cart = cart_queries.get_cart(actor)
    problems = find_problems(cart, actor.locale, accept_changes=accept_changes)
    offer = None
    try:
        offer = find_offer(actor, cart, coupon_code)
    except DomainError as error:
        problems.append(error)
    return quote_cart(actor, cart, offer, points=points, credit_cents=credit_cents, problems=problems)


def quote_cart(
    actor: Actor,
    cart: CartView,
    offer: Offer | None,
    *,
    points: int = 0,
    credit_cents: int = 0,
    problems: Sequence[DomainError] = (),
) -> Quote:
    """Price a cart that is at hand, with an offer for it. One statement: the wallet's."""
    balance = wallet.get_balance(actor.require_user())
    subtotals = [line.line_total_cents for line in cart.lines]
    left = sum(subtotals) - (min(offer.discount_cents, sum(subtotals)) if offer else 0)
    points = max(0, min(points, balance.points, max_points(left)))
    credit = max(0, min(credit_cents, balance.credit_cents, left - points_value(points)))
    return Quote(
        cart=cart,
        offer=offer,
        price=price(subtotals, offer, points, credit),
        points_balance=balance.points,
        credit_balance_cents=balance.credit_cents,
        problems=tuple(problems),
    )


def find_offer(actor: Actor, cart: CartView, code: str | None) -> Offer | None:
    """What a coupon gives for the cart; None without a code. Raises NotFound, or Conflict with its reason."""
    if not code:
        return None
    coupon = coupon_queries.find_usable(actor, code)
    offer = evaluate(coupon, cart.goods(), at=now())
    if offer.reason is not None:
        missing = yuan(offer.missing_cents)
        raise Conflict(REASON_TEXTS[offer.reason], code=offer.reason.error_code, missing=missing)
    return offer


def find_problems(cart: CartView, locale: str, *, accept_changes: bool) -> list[DomainError]:
    """Why the cart cannot be ordered as it stands, the gravest first. A changed price can be agreed to."""
    if cart.is_empty:
        return [BadRequest(N_("The cart is empty."), code="CART_EMPTY")]
    problems: list[DomainError] = [retired(line.title(locale)) for line in cart.lines if line.is_retired]
    problems += [
        InsufficientStock(name=line.title(locale), left=line.stock)
        for line in cart.lines
        if line.is_short and not line.is_retired
    ]
    if not accept_changes and any(line.price_changed for line in cart.lines):
        message = N_("A price has changed. Please look at the cart and order again.")
        problems.append(Conflict(message, code="PRICE_CHANGED"))
    return problems
