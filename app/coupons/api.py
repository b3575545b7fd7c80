"""JSON API of coupons."""

from __future__ import annotations

from flask import Blueprint

from app.coupons import service
from app.coupons.goods import goods_of
from app.coupons.queries import get_view, list_for_customer
from app.coupons.schemas import CouponOut, coupon_json
from app.db import in_transaction
from app.web.api import endpoint
from app.web.auth import USER, current_actor

bp = Blueprint("coupons_api", __name__)


@endpoint(
    bp,
    "/api/coupons",
    who=USER,
    summary="My coupons and those I may claim, judged by my cart",
    answers={200: list[CouponOut]},
)
def list_coupons() -> list[CouponOut]:
    actor = current_actor()
    return [coupon_json(view, actor.locale) for view in list_for_customer(actor, goods_of(actor))]


@endpoint(
    bp,
    "/api/coupons/<int:coupon_id>/claim",
    method="POST",
    who=USER,
    summary="Claim a coupon",
    answers={201: CouponOut},
    errors=(404, 409),
)
def claim_coupon(coupon_id: int) -> CouponOut:
    actor = current_actor()
    holding = in_transaction(lambda: service.claim(actor, coupon_id))
    return coupon_json(get_view(actor, holding.id, goods_of(actor)), actor.locale)
