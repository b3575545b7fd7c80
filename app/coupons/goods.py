"""What the customer is about to buy, which is what coupons are judged by.

The cart is a layer above and lends its lines (`app.wiring` connects them).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.core.actor import Actor
from app.coupons.rules import Goods

GoodsSource = Callable[[Actor], Sequence[Goods]]
_sources: list[GoodsSource] = []


def lend_goods(source: GoodsSource) -> None:
    """Let `source` answer for every actor."""
    _sources[:] = [source]


def goods_of(actor: Actor) -> Sequence[Goods]:
    """The goods in the actor's cart."""
    return _sources[0](actor) if _sources else ()
