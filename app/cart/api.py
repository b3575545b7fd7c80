"""JSON API of the cart."""

from __future__ import annotations

from flask import Blueprint

from app.cart import service
from app.cart.queries import get_cart, get_line
from app.cart.schemas import AddIn, CartItemOut, QuantityIn, cart_item_json
from app.db import in_transaction
from app.web.api import endpoint
from app.web.auth import VISITOR, acting_visitor, current_actor

bp = Blueprint("cart_api", __name__)


@endpoint(bp, "/api/cart", who=VISITOR, summary="What is in my cart", answers={200: list[CartItemOut]})
def show_cart() -> list[CartItemOut]:
    actor = current_actor()
    return [cart_item_json(line, actor.locale) for line in get_cart(actor).lines]


@endpoint(
    bp,
    "/api/cart",
    method="POST",
    who=VISITOR,
    summary="Add pieces of a product; adding it again adds up",
    body=AddIn,
    answers={201: CartItemOut},
    errors=(404, 409, 422),
)
def add_to_cart(body: AddIn) -> CartItemOut:
    actor = acting_visitor()
    line = in_transaction(lambda: service.add_item(actor, body.sku, body.quantity))
    return cart_item_json(line, actor.locale)


@endpoint(
    bp,
    "/api/cart/<int:item_id>",
    method="PATCH",
    who=VISITOR,
    summary="Set the quantity of a line",
    body=QuantityIn,
    answers={200: CartItemOut},
    errors=(404, 409, 422),
)
def change_quantity(item_id: int, body: QuantityIn) -> CartItemOut:
    actor = acting_visitor()
    in_transaction(lambda: service.set_quantity(actor, item_id, body.quantity))
    return cart_item_json(get_line(actor, item_id), actor.locale)


@endpoint(
    bp,
    "/api/cart/<int:item_id>",
    method="DELETE",
    who=VISITOR,
    summary="Take a line out",
    answers={204: None},
    errors=(404,),
)
def remove_from_cart(item_id: int) -> None:
    actor = acting_visitor()
    in_transaction(lambda: service.remove_item(actor, item_id))


@endpoint(bp, "/api/cart/clear", method="DELETE", who=VISITOR, summary="Empty the cart", answers={204: None})
def clear_cart() -> None:
    actor = acting_visitor()
    in_transaction(lambda: service.clear(actor))
