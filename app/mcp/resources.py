"""The catalogue as resources: `products://all`, page by page, and `products://{sku}`.

They say what list_products and get_product say, so a key has them exactly when it has those tools, and has them
whole: with an argument that the group fixes, a tool tells less than the resource would.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import mcp_types as types
from flask_babel import gettext

from app.catalogue.filters import ProductFilter
from app.catalogue.queries import find_products, get_product
from app.catalogue.tools import product_result
from app.core.errors import NotFound
from app.mcp.visit import Visit
from app.runtime import settings
from app.tools.limits import shorten, to_json
from app.tools.queries import list_tools

ALL = "products://all"
ALL_PAGED = "products://all{?offset,limit}"
ONE = "products://{sku}"
PAGE, MAX_PAGE, MAX_OFFSET = 50, 100, 1_000_000
MAX_URI = 1_000
# What stands around the products of a page, in characters.
FRAME = 200
JSON = "application/json"
NEEDED = {ALL: "list_products", ONE: "get_product"}


def offered(visit: Visit) -> set[str]:
    """Which of the resources this key has."""
    tools = whole_tools(visit)
    return {uri for uri, tool in NEEDED.items() if tool in tools}


def whole_tools(visit: Visit) -> set[str]:
    """The tools of this key that it may ask anything."""
    offers = list_tools(visit.actor())
    return {offer.spec.name for offer in offers if not offer.switch.fixed_arguments}


def list_resources(visit: Visit) -> list[types.Resource]:
    """The resources with a fixed address."""
    if ALL not in offered(visit):
        return []
    told = gettext("All products, page by page: name, price, stock, description.")
    return [
        types.Resource(uri=ALL, name="products", title=gettext("Products"), description=told, mime_type=JSON)
    ]


def list_templates(visit: Visit) -> list[types.ResourceTemplate]:
    """The resources with something to fill in."""
    has = offered(visit)
    told = {
        ALL_PAGED: ("products_page", gettext("Products from `offset` on, at most `limit` (100).")),
        ONE: ("product", gettext("One product by its SKU.")),
    }
    shown = [uri for uri in (ALL_PAGED, ONE) if (ALL if uri == ALL_PAGED else uri) in has]
    return [
        types.ResourceTemplate(uri_template=uri, name=told[uri][0], description=told[uri][1], mime_type=JSON)
        for uri in shown
    ]


def read(visit: Visit, uri: str) -> types.ReadResourceResult:
    """A resource's content. Raises NotFound, the same for what is not there and for what this key has not."""
    if len(uri) > MAX_URI:
        raise NotFound()
    parts = urlsplit(uri)
    if parts.scheme != "products" or parts.path not in ("", "/") or not parts.netloc:
        raise NotFound()
    name = unquote(parts.netloc)
    wanted = ALL if name == "all" else ONE
    if wanted not in offered(visit):
        raise NotFound()
    body = _page(visit, parts.query) if wanted == ALL else _product(visit, name)
    content = types.TextResourceContents(uri=uri, mime_type=JSON, text=to_json(body))
    return types.ReadResourceResult(contents=[content])


def _product(visit: Visit, sku: str) -> dict[str, Any]:
    if len(sku) > 32:
        raise NotFound()
    return shorten(product_result(get_product(sku), visit.locale), settings().mcp_result_max_chars)[0]


def _page(visit: Visit, query: str) -> dict[str, Any]:
    asked = parse_qs(query)
    offset = _number(asked, "offset", 0, 0, MAX_OFFSET)
    limit = _number(asked, "limit", PAGE, 1, MAX_PAGE)
    page = find_products(ProductFilter(sort="-created_at", limit=limit, offset=offset))
    found = [
        {**product_result(product, visit.locale), "uri": f"products://{quote(product.sku)}"}
        for product in page.items
    ]
    shown = _fitting(found, settings().mcp_result_max_chars - FRAME)
    body: dict[str, Any] = {"products": shown, "total": page.total, "offset": offset}
    if shown and offset + len(shown) < page.total:
        body["next"] = f"{ALL}?offset={offset + len(shown)}&limit={limit}"
    return body


def _fitting(products: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """As many of the first products as fit in so many characters; one at least, cut to size."""
    ends = accumulate(len(to_json(product)) + 1 for product in products)
    number = sum(1 for end in ends if end <= room)
    return products[:number] or [shorten(product, room)[0] for product in products[:1]]


def _number(asked: dict[str, list[str]], name: str, default: int, low: int, high: int) -> int:
    """A number of the address; NotFound for what is none, since there is no such page."""
    text = asked.get(name, [str(default)])[0]
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise NotFound()
    return max(low, min(high, int(text)))
