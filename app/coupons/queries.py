"""Reads of coupons: what a customer holds, may claim, and what is best for a cart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import defer, raiseload

from app.catalogue.models import Category
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, Conflict, NotFound
from app.coupons import labels
from app.coupons.facts import get_facts
from app.coupons.models import Coupon, CustomerCoupon, HoldingStatus
from app.coupons.rules import (
    NOT_APPLICABLE,
    PUBLISHED,
    REASON_TEXTS,
    CustomerFacts,
    Goods,
    Offer,
    Reason,
    availability,
    discount_on,
    evaluate,
    matches_segment,
    rank,
)
from app.db import db

CLAIMABLE, CLAIMED, HELD, USED, EXPIRED = "claimable", "claimed", "held", "used", "expired"
ORDER_OF_STATUS = (CLAIMED, CLAIMABLE, HELD, USED, EXPIRED)
USABLE = frozenset({CLAIMED, CLAIMABLE})
LIST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon as one customer sees it.

    `status` is claimable, claimed, held (by an unpaid order), used or expired. `offer` is what it does for
    the goods that were asked about. `left` is how many uses the whole shop has left; None without a cap.
    """

    coupon: Coupon
    status: str
    offer: Offer
    category: Category | None = None
    holding: CustomerCoupon | None = None

    @property
    def left(self) -> int | None:
        cap = self.coupon.max_redemptions
        return None if cap is None else max(0, cap - self.coupon.redeemed_count)

    @property
    def is_usable(self) -> bool:
        """True when an order may use it now, claimed or claimed on the spot."""
        return self.status in USABLE

    @property
    def worth_at_threshold(self) -> int:
        """Cents that it takes off goods which just reach its threshold."""
        return discount_on(self.coupon, self.coupon.threshold_cents)

    def title(self, locale: str) -> str:
        """The name in the reader's language."""
        return self.offer.title(locale)

    def label(self, locale: str) -> str:
        """The promise in a few words: 满300减50 / 50 off 300."""
        return labels.label(self.coupon, locale)

    def headline(self, locale: str) -> str:
        """The one figure of it: ¥50, 8.5折."""
        return labels.headline(self.coupon, locale)

    def scope(self, locale: str) -> str:
        """The category it is for; empty when for everything."""
        if self.category is None:
            return ""
        return self.category.name_en if locale == "en" else self.category.name


def list_for_customer(actor: Actor, goods: Sequence[Goods] = ()) -> list[CouponView]:
    """What the customer holds and may claim, usable ones first, the best for `goods` at the top.

    A guest sees what everybody may claim. At most three statements.
    """
    at = now()
    holdings = _holdings_of(actor)
    offered = _claimable(actor, holdings, at)
    views = [_view(coupon, category, holding, goods, at) for holding, coupon, category in holdings]
    views += [_view(coupon, category, None, goods, at) for coupon, category in offered]
    return sorted(views, key=_position)


def get_view(actor: Actor, holding_id: int, goods: Sequence[Goods] = ()) -> CouponView:
    """One of the customer's own pieces. Raises NotFound."""
    one = _held.where(CustomerCoupon.id == holding_id)
    held = db.session.execute(one, {"user_id": actor.user_id}).one_or_none()
    if held is None:
        raise NotFound()
    holding, coupon, category = held
    return _view(coupon, category, holding, goods, now())


def best_offer(actor: Actor, goods: Sequence[Goods]) -> Offer | None:
    """The applicable offer that saves most, of what is claimed or claimable; None for guests."""
    if actor.is_guest or not goods:
        return None
    best = best_of(list_for_customer(actor, goods))
    return best.offer if best else None


def best_of(views: Iterable[CouponView]) -> CouponView | None:
    """The usable, applicable coupon that saves most (then: most points, then: ends first)."""
    usable = [view for view in views if view.is_usable and view.offer.applicable]
    return min(usable, key=lambda view: rank(view.offer, view.coupon.end_at), default=None)


def nearest_of(views: Iterable[CouponView]) -> CouponView | None:
    """The usable coupon that lacks least of its threshold ("还差 ¥x") and would save more than the best does."""
    views = list(views)
    best = best_of(views)
    near = [
        view
        for view in views
        if view.is_usable
        and view.offer.reason == Reason.BELOW_THRESHOLD
        and (best is None or view.worth_at_threshold > best.offer.discount_cents)
    ]
    return min(near, key=lambda view: (view.offer.missing_cents, view.coupon.id), default=None)


def find_usable(actor: Actor, code: str) -> Coupon:
    """The coupon of this code if the customer holds it or may claim it now.

    Raises Unauthorized, NotFound, Conflict (COUPON_EXPIRED, COUPON_EXHAUSTED, COUPON_NOT_APPLICABLE).
    """
    actor.require_user()
    coupon = find_by_code(code)
    check_available(coupon)
    holdings = list_holdings(actor, coupon.id)
    if any(holding.status == HoldingStatus.CLAIMED for holding in holdings):
        return coupon
    check_claimable(actor, coupon, holdings)
    return coupon


def find_by_code(code: str) -> Coupon:
    """A published coupon; capital letters do not matter. Raises NotFound."""
    code = code.strip()[:64]
    coupon = db.session.scalars(
        select(Coupon).where(Coupon.code.in_({code, code.upper()}), Coupon.status == PUBLISHED)
    ).first()
    if coupon is None:
        raise NotFound(N_("There is no coupon with this code."))
    return coupon


def list_holdings(actor: Actor, coupon_id: int) -> list[CustomerCoupon]:
    """The customer's pieces of one coupon, by ordinal."""
    return list(
        db.session.scalars(
            select(CustomerCoupon)
            .where(CustomerCoupon.coupon_id == coupon_id, CustomerCoupon.user_id == actor.require_user())
            .options(raiseload(CustomerCoupon.coupon))
            .order_by(CustomerCoupon.ordinal)
            .execution_options(populate_existing=True)
        )
    )


def check_available(coupon: Coupon) -> None:
    """Raises Conflict with the reason as code when the coupon is out of use now."""
    reason = availability(coupon, at=now())
    if reason is not None:
        raise Conflict(REASON_TEXTS[reason], code=reason.error_code)


def check_claimable(actor: Actor, coupon: Coupon, holdings: Sequence[CustomerCoupon]) -> None:
    """Raises Conflict: ALREADY_CLAIMED at the customer's limit, COUPON_NOT_APPLICABLE outside the segment."""
    if len(holdings) >= coupon.per_customer_limit:
        raise Conflict(N_("You already have this coupon."), code="ALREADY_CLAIMED")
    if coupon.segment and not matches_segment(coupon.segment, get_facts(actor.require_user())):
        raise Conflict(N_("This coupon is meant for other customers."), code=NOT_APPLICABLE)


Held = tuple[CustomerCoupon, Coupon, Category | None]


def _holdings_of(actor: Actor) -> list[Held]:
    if actor.is_guest:
        return []
    rows = db.session.execute(_newest_held, {"user_id": actor.user_id})
    return [(holding, coupon, category) for holding, coupon, category in rows]


# Made once: putting these together takes longer than running them.
_held = (
    select(CustomerCoupon, Coupon, Category)
    .join(Coupon, Coupon.id == CustomerCoupon.coupon_id)
    .outerjoin(Category, Category.id == Coupon.category_id)
    .where(CustomerCoupon.user_id == bindparam("user_id"))
    .options(raiseload(CustomerCoupon.coupon), defer(Coupon.threshold), defer(Coupon.value))
)
_newest_held = _held.order_by(CustomerCoupon.id.desc()).limit(LIST_LIMIT)
_on_offer = (
    select(Coupon, Category)
    .outerjoin(Category, Category.id == Coupon.category_id)
    .where(
        Coupon.status == PUBLISHED,
        Coupon.start_at <= bindparam("at"),
        Coupon.end_at > bindparam("at"),
        or_(Coupon.max_redemptions.is_(None), Coupon.redeemed_count < Coupon.max_redemptions),
    )
    .options(defer(Coupon.threshold), defer(Coupon.value))
    .order_by(Coupon.end_at, Coupon.id)
    .limit(LIST_LIMIT)
)


def _claimable(actor: Actor, holdings: Sequence[Held], at: datetime) -> list[tuple[Coupon, Category | None]]:
    """What is on offer, less what the customer has enough of or is not meant to have."""
    mine = Counter(coupon.id for _, coupon, _ in holdings)
    offered: list[tuple[Coupon, Category | None]] = [
        (coupon, category)
        for coupon, category in db.session.execute(_on_offer, {"at": at})
        if mine[coupon.id] < coupon.per_customer_limit
    ]
    facts = _facts_if_needed(actor, offered)
    return [
        (coupon, category)
        for coupon, category in offered
        if not coupon.segment or (facts is not None and matches_segment(coupon.segment, facts))
    ]


def _facts_if_needed(actor: Actor, offered: Sequence[tuple[Coupon, Category | None]]) -> CustomerFacts | None:
    if actor.user_id is None or not any(coupon.segment for coupon, _ in offered):
        return None
    return get_facts(actor.user_id)


def _view(
    coupon: Coupon,
    category: Category | None,
    holding: CustomerCoupon | None,
    goods: Sequence[Goods],
    at: datetime,
) -> CouponView:
    offer = evaluate(coupon, goods, at=at)
    return CouponView(coupon, _status(holding, offer), offer, category, holding)


def _status(holding: CustomerCoupon | None, offer: Offer) -> str:
    if holding is None:
        return CLAIMABLE
    if holding.status == HoldingStatus.CLAIMED and offer.reason == Reason.EXPIRED:
        return EXPIRED
    return holding.status


def _position(view: CouponView) -> tuple[int, bool, tuple[int, int, datetime, int]]:
    return (
        ORDER_OF_STATUS.index(view.status),
        not view.offer.applicable,
        rank(view.offer, view.coupon.end_at),
    )
