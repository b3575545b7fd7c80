"""What agents may do with the cart."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.cart import service
from app.cart.queries import get_cart
from app.cart.schemas import cart_json
from app.core.actor import Actor
from app.tools.spec import Arguments, ToolSpec, tool

SKU = Field(min_length=1, max_length=32, description="The product's SKU, from list_products")


class AddToCart(Arguments):
    """What to add."""

    sku: str = SKU
    qty: int = Field(1, ge=1, description="Pieces to add")


class UpdateCart(Arguments):
    """What to change."""

    sku: str = SKU
    qty: int = Field(ge=0, description="Pieces wanted in all; 0 takes the product out")


class RemoveFromCart(Arguments):
    """What to take out."""

    sku: str = SKU


@tool(
    category="cart",
    zh="把商品加入购物车;已在购物车里的会累加数量。",
    en="Add a product to the cart; pieces add up.",
    arguments=AddToCart,
    writes=True,
)
def add_to_cart(actor: Actor, arguments: AddToCart) -> dict[str, Any]:
    service.add_item(actor, arguments.sku, arguments.qty)
    return _cart(actor)


@tool(
    category="cart",
    zh="查看购物车:商品、数量、小计和总额。",
    en="Show the cart: products, quantities, line totals and the total.",
)
def view_cart(actor: Actor, _arguments: Arguments) -> dict[str, Any]:
    return _cart(actor)


@tool(
    category="cart",
    zh="把购物车里某件商品改成指定数量。",
    en="Set how many pieces of a product in the cart are wanted.",
    arguments=UpdateCart,
    writes=True,
)
def update_cart(actor: Actor, arguments: UpdateCart) -> dict[str, Any]:
    if arguments.qty == 0:
        service.remove_by_sku(actor, arguments.sku)
    else:
        service.set_quantity_by_sku(actor, arguments.sku, arguments.qty)
    return _cart(actor)


@tool(
    category="cart",
    zh="从购物车里移除一件商品。",
    en="Take a product out of the cart.",
    arguments=RemoveFromCart,
    writes=True,
)
def remove_from_cart(actor: Actor, arguments: RemoveFromCart) -> dict[str, Any]:
    service.remove_by_sku(actor, arguments.sku)
    return _cart(actor)


@tool(category="cart", zh="清空购物车。", en="Empty the cart.", writes=True)
def clear_cart(actor: Actor, _arguments: Arguments) -> dict[str, Any]:
    service.clear(actor)
    return _cart(actor)


def _cart(actor: Actor) -> dict[str, Any]:
    return {"cart": cart_json(get_cart(actor), actor.locale)}


TOOLS: tuple[ToolSpec, ...] = (add_to_cart, view_cart, update_cart, remove_from_cart, clear_cart)
