"""Writes of coupons: claim, and the life of one in an order: hold, use, give back (creating: `creation`).

Holding is two guarded UPDATEs in the order's transaction: the customer's piece goes from claimed to held, and
the coupon's count goes up while it is under the cap. Of two that race for the last use, one changes no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import Executable

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import N_, Conflict, NotFound
from app.core.money import yuan
from app.coupons.models import Coupon, CustomerCoupon, HoldingStatus
from app.coupons.queries import check_available, check_claimable, find_by_code, list_holdings
from app.coupons.rules import NOT_APPLICABLE, PUBLISHED, REASON_TEXTS, Goods, Offer, Reason, evaluate
from app.db import Base, db

PIECES = Base.metadata.tables[CustomerCoupon.__tablename__]


def claim(actor: Actor, coupon_id: int) -> CustomerCoupon:
    """Put a coupon into the customer's hands.

    Raises Unauthorized, NotFound, Conflict (ALREADY_CLAIMED, COUPON_EXPIRED, COUPON_EXHAUSTED,
    COUPON_NOT_APPLICABLE before it starts and for customers it is not meant for).
    """
    actor.require_user()
    coupon = db.session.scalars(
        select(Coupon).where(Coupon.id == coupon_id, Coupon.status == PUBLISHED)
    ).one_or_none()
    if coupon is None:
        raise NotFound(N_("There is no such coupon."))
    return _claim(actor, coupon)


def claim_by_code(actor: Actor, code: str) -> CustomerCoupon:
    """Like `claim`, by the coupon's code."""
    actor.require_user()
    return _claim(actor, find_by_code(code))


def _claim(actor: Actor, coupon: Coupon) -> CustomerCoupon:
    check_available(coupon)
    holdings = list_holdings(actor, coupon.id)
    check_claimable(actor, coupon, holdings)
    return _take(actor, coupon, holdings)


def _take(
    actor: Actor, coupon: Coupon, holdings: Sequence[CustomerCoupon], order_id: int | None = None
) -> CustomerCoupon:
    """A new piece under the first free ordinal; the unique key keeps the limit when claims race."""
    status = HoldingStatus.HELD if order_id is not None else HoldingStatus.CLAIMED
    taken = {holding.ordinal for holding in holdings}
    for ordinal in range(1, coupon.per_customer_limit + 1):
        if ordinal in taken:
            continue
        values = {"coupon_id": coupon.id, "user_id": actor.require_user(), "ordinal": ordinal}
        try:
            added = _run(insert(PIECES).values(**values, status=status.value, order_id=order_id))
        except IntegrityError:
            continue
        return db.session.get_one(CustomerCoupon, cast(tuple[int], added.inserted_primary_key)[0])
    raise Conflict(N_("You already have this coupon."), code="ALREADY_CLAIMED")


def hold(actor: Actor, code: str, goods: Sequence[Goods], order_id: int) -> tuple[Offer, CustomerCoupon]:
    """Freeze the coupon for an unpaid order: the customer's claimed piece, or one claimed on the spot.

    Call it inside the transaction that places the order. Raises Unauthorized, NotFound, Conflict
    (COUPON_NOT_APPLICABLE, COUPON_EXHAUSTED, COUPON_EXPIRED).
    """
    actor.require_user()
    coupon = find_by_code(code)
    offer = evaluate(coupon, goods, at=now())
    _require_applicable(offer)
    holdings = list_holdings(actor, coupon.id)
    claimed = next((item for item in holdings if item.status == HoldingStatus.CLAIMED), None)
    if claimed is not None:
        _freeze(claimed, order_id)
        _count_up(coupon)
        return offer, claimed
    _check_on_the_spot(actor, coupon, holdings)
    # The cap first: the new row's foreign key share-locks the coupon, and two share locks cannot both grow.
    _count_up(coupon)
    return offer, _take(actor, coupon, holdings, order_id)


def _check_on_the_spot(actor: Actor, coupon: Coupon, holdings: Sequence[CustomerCoupon]) -> None:
    if len(holdings) < coupon.per_customer_limit:
        return check_claimable(actor, coupon, holdings)
    if any(item.status == HoldingStatus.HELD for item in holdings):
        raise Conflict(N_("This coupon is held by an unpaid order."), code=NOT_APPLICABLE)
    raise Conflict(N_("You have used this coupon already."), code=NOT_APPLICABLE)


def _require_applicable(offer: Offer) -> None:
    reason = offer.reason
    if reason is Reason.BELOW_THRESHOLD:
        raise Conflict(REASON_TEXTS[reason], code=reason.error_code, missing=yuan(offer.missing_cents))
    if reason is not None:
        raise Conflict(REASON_TEXTS[reason], code=reason.error_code)


def _freeze(holding: CustomerCoupon, order_id: int) -> None:
    changed = _run(
        update(CustomerCoupon)
        .where(CustomerCoupon.id == holding.id, CustomerCoupon.status == HoldingStatus.CLAIMED.value)
        .values(status=HoldingStatus.HELD.value, order_id=order_id)
    )
    if changed.rowcount != 1:
        raise Conflict(N_("This coupon is held by an unpaid order."), code=NOT_APPLICABLE)


def _count_up(coupon: Coupon) -> None:
    at = now()
    changed = _run(
        update(Coupon)
        .where(
            Coupon.id == coupon.id,
            Coupon.status == PUBLISHED,
            Coupon.start_at <= at,
            Coupon.end_at > at,
            or_(Coupon.max_redemptions.is_(None), Coupon.redeemed_count < Coupon.max_redemptions),
        )
        .values(redeemed_count=Coupon.redeemed_count + 1)
    )
    if changed.rowcount != 1:
        raise Conflict(REASON_TEXTS[Reason.EXHAUSTED], code=Reason.EXHAUSTED.error_code)


def use(order_id: int) -> bool:
    """The order was paid: what it held is used. False when it held nothing."""
    changed = _run(
        update(CustomerCoupon)
        .where(CustomerCoupon.order_id == order_id, CustomerCoupon.status == HoldingStatus.HELD.value)
        .values(status=HoldingStatus.USED.value, used_at=now())
    )
    return changed.rowcount == 1


def give_back(order_id: int) -> bool:
    """The unpaid order was cancelled: what it held is the customer's again. False when it held nothing.

    A coupon that was used stays used; refunds do not call this.
    """
    held = db.session.execute(
        select(CustomerCoupon.id, CustomerCoupon.coupon_id).where(
            CustomerCoupon.order_id == order_id, CustomerCoupon.status == HoldingStatus.HELD.value
        )
    ).one_or_none()
    if held is None:
        return False
    changed = _run(
        update(CustomerCoupon)
        .where(
            CustomerCoupon.id == held.id,
            CustomerCoupon.order_id == order_id,
            CustomerCoupon.status == HoldingStatus.HELD.value,
        )
        .values(status=HoldingStatus.CLAIMED.value, order_id=None)
    )
    if changed.rowcount != 1:
        return False
    _run(
        update(Coupon)
        .where(Coupon.id == held.coupon_id, Coupon.redeemed_count > 0)
        .values(redeemed_count=Coupon.redeemed_count - 1)
    )
    return True


def _run(statement: Executable) -> CursorResult[Any]:
    return cast("CursorResult[Any]", db.session.execute(statement))
