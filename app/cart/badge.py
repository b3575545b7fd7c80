"""The number on the cart, on every page."""

from __future__ import annotations

from flask import g

from app.cart.queries import count_pieces
from app.web.auth import current_actor


def count_for_page() -> int:
    """Pieces in the current visitor's cart, asked once a request. For templates."""
    if "cart_count" not in g:
        g.cart_count = count_pieces(current_actor())
    return int(g.cart_count)


def show_count(count: int) -> None:
    """Let this request's page show `count`, which the view knows already."""
    g.cart_count = count
