"""The checkout page: a plain form; HTMX asks for the totals again when something is changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.accounts import contacts
from app.cart import badge
from app.cart import queries as cart_queries
from app.cart.queries import CartView
from app.core.actor import Actor
from app.core.errors import DomainError
from app.core.ids import new_id
from app.coupons import queries as coupons
from app.coupons.queries import CouponView
from app.db import db, in_transaction
from app.members import queries as members
from app.orders import service
from app.orders.forms import NO_COUPON, CheckoutForm
from app.orders.payment import provider
from app.orders.quoting import Quote, find_problems, quote_cart
from app.orders.states import Status
from app.runtime import settings
from app.web.auth import USER, access, current_actor
from app.web.htmx import go_to, page
from app.web.i18n import error_text

bp = Blueprint("checkout", __name__)


@bp.get("/checkout")
@access(USER)
def show_checkout() -> Response:
    actor = current_actor()
    cart = cart_queries.get_cart(actor)
    if cart.is_empty:
        return _to_empty_cart()
    form = CheckoutForm(formdata=None)
    form.key.data = new_id()
    views = coupons.list_for_customer(actor, cart.goods())
    best = coupons.best_of(views)
    form.coupon.data = best.coupon.code if best else NO_COUPON
    home = members.find_home(actor.require_user())
    form.store_id.data = str(home.store_id) if home else None
    return _checkout_page(actor, form, cart, views)


@bp.post("/checkout")
@access(USER)
def submit_checkout() -> Response:
    """Place the order, or, without the button `place`, show the totals of what is chosen."""
    actor, form = current_actor(), CheckoutForm()
    status = 200
    if "place" in request.form:
        try:
            placement = in_transaction(partial(service.place, actor, form.to_request()))
        except DomainError as error:
            status = error.status
            form.show_error(error)
            db.session.rollback()
        else:
            return _placed(placement)
    cart = cart_queries.get_cart(actor)
    if cart.is_empty:
        return _to_empty_cart()
    views = coupons.list_for_customer(actor, cart.goods())
    return _checkout_page(actor, form, cart, views, status=status)


def _placed(placement: service.Placement) -> Response:
    if placement.answer["status"] == Status.PENDING:
        return go_to(provider.pay_url(placement.order_id))
    flash(gettext("Thank you. The order is paid."), "ok")
    return go_to(f"/orders/{placement.order_id}")


def _to_empty_cart() -> Response:
    flash(gettext("The cart is empty."), "info")
    return go_to("/cart")


def _checkout_page(
    actor: Actor, form: CheckoutForm, cart: CartView, views: list[CouponView], *, status: int = 200
) -> Response:
    known = contacts.list_contacts(actor.require_user())
    form.offer(members.list_stores(), known)
    usable = [view for view in views if view.is_usable]
    quote = _quote(actor, form, cart, usable)
    form.expected_cents.data = str(quote.price.amount_cents)
    badge.show_count(cart.count)
    return page(
        "orders/checkout.html",
        block="summary",
        status=status,
        form=form,
        quote=quote,
        contacts=known,
        coupons=usable,
        best=coupons.best_of(views),
        nearest=coupons.nearest_of(views),
        minutes=settings().unpaid_order_minutes,
        error_text=error_text,
    )


def _quote(actor: Actor, form: CheckoutForm, cart: CartView, usable: list[CouponView]) -> Quote:
    """Price what is chosen; what cannot be read or used counts as nothing and is said beside its field."""
    chosen = next((view for view in usable if view.coupon.code == form.coupon.data), None)
    return quote_cart(
        actor,
        cart,
        chosen.offer if chosen and chosen.offer.applicable else None,
        points=_readable(form, form.read_points),
        credit_cents=_readable(form, form.read_credit),
        problems=find_problems(cart, actor.locale, accept_changes=True),
    )


def _readable(form: CheckoutForm, read: Callable[[], int]) -> int:
    try:
        return read()
    except DomainError as error:
        if "place" not in request.form:
            form.show_error(error)
        return 0
