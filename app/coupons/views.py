"""Pages of coupons."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash
from flask_babel import gettext

from app.core.errors import Conflict
from app.coupons import queries, service
from app.coupons.goods import goods_of
from app.coupons.queries import CouponView
from app.db import in_transaction
from app.web.auth import PUBLIC, USER, access, current_actor
from app.web.htmx import go_to, is_partial, page
from app.web.i18n import error_text

bp = Blueprint("coupons", __name__)


@bp.get("/coupons")
@access(PUBLIC)
def show_coupons() -> Response:
    actor = current_actor()
    goods = goods_of(actor)
    views = queries.list_for_customer(actor, goods)
    best = queries.best_of(views)
    return page(
        "coupons/coupons.html",
        has_goods=bool(goods),
        best=best,
        mine=[view for view in views if view.status in (queries.CLAIMED, queries.HELD)],
        claimable=[view for view in views if view.status == queries.CLAIMABLE],
        past=[view for view in views if view.status in (queries.USED, queries.EXPIRED)],
        ticket=ticket,
    )


@bp.post("/coupons/<int:coupon_id>/claim")
@access(USER)
def claim_coupon(coupon_id: int) -> Response:
    actor = current_actor()
    try:
        holding = in_transaction(lambda: service.claim(actor, coupon_id))
    except Conflict as error:
        return _refuse(error)
    if not is_partial():
        flash(gettext("The coupon is yours."), "ok")
        return go_to("/coupons")
    goods = goods_of(actor)
    view = queries.get_view(actor, holding.id, goods)
    return page("coupons/_claimed.html", view=view, ticket=ticket, has_goods=bool(goods))


def _refuse(error: Conflict) -> Response:
    if is_partial():
        # Only a toast: the ticket stays as it is.
        return page("coupons/_refused.html", text=error_text(error), status=error.status)
    flash(error_text(error), "danger")
    return go_to("/coupons")


def ticket(view: CouponView, locale: str, *, names_owner: bool = False) -> dict[str, Any]:
    """A coupon as the macro `ui.coupon_ticket` reads it; `names_owner` where no heading says whose it is."""
    coupon = view.coupon
    return {
        "name": view.title(locale),
        "headline": view.headline(locale),
        "type": coupon.type,
        "benefit": coupon.benefit,
        "threshold_cents": coupon.threshold_cents,
        "max_discount_cents": coupon.max_discount_cents,
        "scope": view.scope(locale),
        "end_at": coupon.end_at,
        "status": view.status,
        "status_label": _status_label(view.status) if names_owner or view.status != queries.CLAIMED else "",
    }


def _status_label(status: str) -> str:
    labels = {
        queries.CLAIMED: gettext("Yours"),
        queries.HELD: gettext("In an unpaid order"),
        queries.USED: gettext("Used"),
        queries.EXPIRED: gettext("Expired"),
    }
    return str(labels.get(status, ""))
