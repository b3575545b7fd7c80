"""Making coupons: the terms an operator sets, checked, and publishing them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.exc import IntegrityError

from app.core.actor import SYSTEM, Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam, NotFound
from app.coupons.models import Coupon, CouponType
from app.coupons.rules import DISCOUNT, PUBLISHED, is_sound_rule
from app.db import db

MAX_CENTS = 100_000_000
POSITIVE = N_("More than zero, please.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponDraft:
    """What a coupon promises (see `app.coupons.models.Coupon` for the units)."""

    code: str
    name: str
    name_en: str = ""
    type: str
    benefit: int
    start_at: datetime
    end_at: datetime
    threshold_cents: int = 0
    max_discount_cents: int | None = None
    max_redemptions: int | None = None
    per_customer_limit: int = 1
    segment: list[dict[str, Any]] = field(default_factory=list)
    category_id: int | None = None


def create_coupon(actor: Actor, draft: CouponDraft) -> Coupon:
    """A coupon that nobody sees before it is published. Operators, admins and the system may.

    Raises Unauthorized, Forbidden, InvalidParam (with fields), Conflict CODE_TAKEN.
    """
    _require_operator(actor)
    errors = check_draft(draft)
    if errors:
        raise InvalidParam(fields=errors)
    values = asdict(draft) | {"code": draft.code.strip().upper()}
    if db.session.scalar(select(Coupon.id).where(Coupon.code == values["code"])) is not None:
        raise Conflict(N_("There is a coupon with this code already."), code="CODE_TAKEN")
    coupon = Coupon(**values, status="draft")
    db.session.add(coupon)
    try:
        db.session.flush()
    except IntegrityError as error:
        raise Conflict(N_("There is a coupon with this code already."), code="CODE_TAKEN") from error
    return coupon


def publish_coupon(actor: Actor, coupon_id: int) -> Coupon:
    """Let customers see and claim it; publishing again changes nothing. Raises NotFound too."""
    _require_operator(actor)
    coupon = db.session.get(Coupon, coupon_id)
    if coupon is None:
        raise NotFound(N_("There is no such coupon."))
    db.session.execute(
        update(Coupon).where(Coupon.id == coupon_id, Coupon.status == "draft").values(status=PUBLISHED)
    )
    return coupon


def end_coupon(actor: Actor, coupon_id: int) -> bool:
    """Let it expire now; False when it had ended before. Orders that hold it keep it."""
    _require_operator(actor)
    at = now()
    changed = db.session.execute(
        update(Coupon).where(Coupon.id == coupon_id, Coupon.end_at > at).values(end_at=at)
    )
    return bool(cast("CursorResult[Any]", changed).rowcount)


def _require_operator(actor: Actor) -> None:
    if actor is not SYSTEM:
        actor.require_role(Role.OPERATOR, Role.ADMIN)


def check_draft(draft: CouponDraft) -> dict[str, str]:
    """What is wrong with it, by field; empty when it is sound."""
    checks = {
        "code": (0 < len(draft.code.strip()) <= 32, N_("1 to 32 characters.")),
        "name": (0 < len(draft.name.strip()) <= 80, N_("1 to 80 characters.")),
        "name_en": (len(draft.name_en) <= 80, N_("At most 80 characters.")),
        "type": (draft.type in set(CouponType), N_("Unknown kind of coupon.")),
        "benefit": (_is_sound_benefit(draft), N_("Out of bounds.")),
        "threshold_cents": (0 <= draft.threshold_cents <= MAX_CENTS, N_("Out of bounds.")),
        "max_discount_cents": (_is_positive(draft.max_discount_cents), POSITIVE),
        "max_redemptions": (_is_positive(draft.max_redemptions), POSITIVE),
        "per_customer_limit": (1 <= draft.per_customer_limit <= 100, N_("Between 1 and 100.")),
        "end_at": (draft.start_at < draft.end_at, N_("The end must be after the start.")),
        "segment": (all(is_sound_rule(rule) for rule in draft.segment), N_("A rule makes no sense.")),
    }
    return {name: message for name, (is_sound, message) in checks.items() if not is_sound}


def _is_sound_benefit(draft: CouponDraft) -> bool:
    return 1 <= draft.benefit <= (99 if draft.type == DISCOUNT else MAX_CENTS)


def _is_positive(value: int | None) -> bool:
    return value is None or 0 < value <= MAX_CENTS
