"""What agents may do with coupons."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.core.actor import Actor, Role
from app.coupons import service
from app.coupons.goods import goods_of
from app.coupons.queries import EXPIRED, best_of, get_view, list_for_customer
from app.coupons.schemas import coupon_json
from app.tools.spec import Arguments, ToolSpec, tool


class ClaimCoupon(Arguments):
    """Which coupon."""

    code: str = Field(min_length=1, max_length=32, description="The coupon's code, from list_coupons")


@tool(
    category="coupon",
    zh="列出顾客已领取和可领取的优惠券,以及每张券对当前购物车的优惠、还差多少金额;best 是最划算的一张。",
    en="List the coupons the customer holds or may claim, with what each does for the present cart and how "
    "much is missing for it; best is the one that saves most.",
    roles=(Role.CUSTOMER,),
)
def list_coupons(actor: Actor, _arguments: Arguments) -> dict[str, Any]:
    views = [view for view in list_for_customer(actor, goods_of(actor)) if view.status != EXPIRED]
    best = best_of(views)
    return {
        "coupons": [coupon_json(view, actor.locale).model_dump(mode="json") for view in views],
        "best": best.coupon.code if best else None,
    }


@tool(
    category="coupon",
    zh="为顾客领取一张优惠券。",
    en="Claim a coupon for the customer.",
    arguments=ClaimCoupon,
    roles=(Role.CUSTOMER,),
    writes=True,
)
def claim_coupon(actor: Actor, arguments: ClaimCoupon) -> dict[str, Any]:
    holding = service.claim_by_code(actor, arguments.code)
    view = get_view(actor, holding.id, goods_of(actor))
    return {"coupon": coupon_json(view, actor.locale).model_dump(mode="json")}


TOOLS: tuple[ToolSpec, ...] = (list_coupons, claim_coupon)
