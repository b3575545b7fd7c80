"""JSON API of orders (api.md)."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, request

from app.db import in_transaction
from app.orders import queries, service
from app.orders.placing import PlaceOrder
from app.orders.schemas import ListQuery, OrderOut, PayBody, PlaceBody, RefundBody, RefundItem, order_out
from app.web.api import endpoint
from app.web.auth import OPERATOR, USER, current_actor

bp = Blueprint("orders_api", __name__)
MAX_ID = 2**31 - 1


@endpoint(
    bp,
    "/api/orders",
    method="POST",
    who=USER,
    summary="Place an order of what is in the cart; give an Idempotency-Key header to make a retry safe.",
    body=PlaceBody,
    answers={201: OrderOut},
    errors=(400, 404, 409, 422),
)
def place_order(body: PlaceBody) -> tuple[dict[str, Any], int]:
    wanted = PlaceOrder(**body.model_dump(), idempotency_key=request.headers.get("Idempotency-Key"))
    placement = in_transaction(partial(service.place, current_actor(), wanted))
    return placement.answer, 201


@endpoint(
    bp,
    "/api/orders",
    who=USER,
    summary="My orders, newest first; the total is in X-Total-Count.",
    query=ListQuery,
    answers={200: list[OrderOut]},
)
def list_orders(query: ListQuery) -> tuple[list[OrderOut], int, dict[str, str]]:
    page = queries.list_orders(current_actor(), query.limit, query.offset)
    return [order_out(order) for order in page.items], 200, {"X-Total-Count": str(page.total)}


@endpoint(
    bp,
    f"/api/orders/<int(max={MAX_ID}):order_id>",
    who=USER,
    summary="One order of mine (staff: any).",
    answers={200: OrderOut},
    errors=(404,),
)
def get_order(order_id: int) -> OrderOut:
    return order_out(queries.get_order(current_actor(), order_id))


@endpoint(
    bp,
    f"/api/orders/<int(max={MAX_ID}):order_id>/pay",
    method="POST",
    who=USER,
    summary="Pay in the sandbox, with the outcome that is asked for.",
    body=PayBody,
    answers={200: OrderOut},
    errors=(404, 409),
)
def pay_order(order_id: int, body: PayBody) -> OrderOut:
    return order_out(in_transaction(partial(service.pay, current_actor(), order_id, body.outcome)))


@endpoint(
    bp,
    f"/api/orders/<int(max={MAX_ID}):order_id>/cancel",
    method="POST",
    who=USER,
    summary="Cancel an order that was not shipped; a paid one is paid back.",
    answers={200: OrderOut},
    errors=(404, 409),
)
def cancel_order(order_id: int) -> OrderOut:
    return order_out(in_transaction(partial(service.cancel, current_actor(), order_id)))


@endpoint(
    bp,
    f"/api/orders/<int(max={MAX_ID}):order_id>/refund",
    method="POST",
    who=OPERATOR,
    summary="Refund pieces by SKU, or all that are left.",
    body=RefundBody,
    answers={200: OrderOut},
    errors=(404, 409, 422),
)
def refund_order(order_id: int, body: RefundBody) -> OrderOut:
    lines = _by_sku(body.items) if body.items else None
    return order_out(in_transaction(partial(service.refund, current_actor(), order_id, lines)))


def _by_sku(items: list[RefundItem]) -> dict[str, int]:
    pieces: dict[str, int] = {}
    for item in items:
        pieces[item.sku] = pieces.get(item.sku, 0) + item.quantity
    return pieces
