"""What agents may do in the shop, for guests too: find products, read one, ask for stores and services."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.catalogue import queries, topics
from app.catalogue.filters import MAX_QUERY, ProductFilter
from app.catalogue.models import Product
from app.catalogue.records import ProductView
from app.core.actor import Actor
from app.core.errors import N_, InvalidParam
from app.core.money import cents, yuan
from app.language.concepts import analyse
from app.language.normalise import normalise
from app.members.queries import list_stores as stores_in
from app.tools.spec import Arguments, ToolSpec, tool

Yuan = Annotated[Decimal, Field(ge=0, le=100_000_000, allow_inf_nan=False)]


def _cut(value: Any) -> Any:
    """A model may send a whole sentence; the first words are enough."""
    return value[:MAX_QUERY] if isinstance(value, str) else value


class ListProducts(Arguments):
    """Arguments of list_products."""

    q: Annotated[str, BeforeValidator(_cut)] = Field(
        "", description="What is wanted, in the customer's words: 敏感肌防晒, gift"
    )
    top_k: int = Field(5, ge=1, le=20, description="How many products at most")
    category: str | int | None = Field(None, description="A category's id or name, e.g. 1, 护肤, make-up")
    min_price: Yuan | None = Field(None, description="Lowest price in yuan")
    max_price: Yuan | None = Field(None, description="Highest price in yuan")
    in_stock: bool = Field(False, description="Only what is in stock")
    sort: Literal["relevance", "price", "-price", "-created_at", "-sales"] = Field(
        "relevance", description="Order: best match, cheapest, dearest, newest, best-selling"
    )


class GetProduct(Arguments):
    """Arguments of get_product."""

    sku: str = Field(min_length=1, max_length=32, description="The product's SKU, e.g. SKN-002")


class ListStores(Arguments):
    """Arguments of list_stores."""

    city: str | None = Field(
        None, max_length=40, description="A city in Chinese or English; all stores when left out"
    )


class ServiceInfo(Arguments):
    """Arguments of service_info."""

    q: Annotated[str, BeforeValidator(_cut)] = Field(
        "", description="The question, e.g. 怎么退货, delivery time"
    )


@tool(
    category="shop",
    zh="查找商品：按需求、类别、价格、库存筛选并排序。商品名称、价格和库存只以此结果为准。",
    en="Find products by wish, category, price and stock. Names, prices and stock come from here only.",
    arguments=ListProducts,
)
def list_products(actor: Actor, arguments: ListProducts) -> dict[str, Any]:
    """Products that fit, best first."""
    page = queries.find_products(
        ProductFilter(
            q=arguments.q,
            category_id=_category_id(arguments.category),
            min_price_cents=_cents(arguments.min_price),
            max_price_cents=_cents(arguments.max_price),
            in_stock=arguments.in_stock,
            sort=arguments.sort,
            limit=arguments.top_k,
            best_only=arguments.sort != "relevance",
        )
    )
    return {
        "products": [product_result(product, actor.locale) for product in page.items],
        "total": page.total,
    }


@tool(
    category="shop",
    zh="查看一件商品的详情：名称、价格、库存、介绍。",
    en="Read one product: name, price, stock, description.",
    arguments=GetProduct,
)
def get_product(actor: Actor, arguments: GetProduct) -> dict[str, Any]:
    """One product."""
    return {"product": product_result(queries.get_product(arguments.sku.strip()), actor.locale)}


@tool(
    category="shop",
    zh="查询门店，可以按城市。",
    en="List the stores, of one city if named.",
    arguments=ListStores,
)
def list_stores(actor: Actor, arguments: ListStores) -> dict[str, Any]:
    """Stores, in the reader's language."""
    english = actor.locale == "en"
    return {
        "stores": [
            {
                "id": store.id,
                "name": store.name_en if english else store.name,
                "city": store.city_en if english else store.city,
            }
            for store in stores_in(arguments.city)
        ]
    }


@tool(
    category="shop",
    zh="查询购物须知：配送、退货退款、付款、服务预约、积分等级、优惠券、营业时间、发票等。",
    en="How the shop works: delivery, returns, payment, booking, points, coupons, opening hours, invoices.",
    arguments=ServiceInfo,
)
def service_info(actor: Actor, arguments: ServiceInfo) -> dict[str, Any]:
    """What the shop says about a subject; every subject when none is named."""
    return {"topics": [topic.as_json(actor.locale) for topic in topics.find_topics(arguments.q)]}


def product_result(product: Product | ProductView, locale: str) -> dict[str, Any]:
    """A product as tools show it; money in yuan and in cents."""
    category = queries.find_category(product.category_id)
    return {
        "sku": product.sku,
        "name": product.title(locale),
        "name_zh": product.name,
        "name_en": product.name_en,
        "price": yuan(product.price_cents),
        "price_cents": product.price_cents,
        "stock": product.stock,
        "category_id": product.category_id,
        "category": category.title(locale) if category else "",
        "description": product.text(locale),
        "image_url": product.image_url,
    }


def _cents(amount: Decimal | None) -> int | None:
    return None if amount is None else cents(amount)


def _category_id(named: str | int | None) -> int | None:
    """A category by id, by name in either language, or by a word for it. Raises InvalidParam."""
    if named is None or named == "":
        return None
    wanted = normalise(str(named)[:60])
    for category in queries.list_categories_cached():
        if wanted in (str(category.id), normalise(category.name), normalise(category.name_en)):
            return category.id
    meant = [concept.category_ids for concept in analyse(wanted).of_kind("category")]
    if meant and meant[0]:
        return meant[0][0]
    raise InvalidParam(
        N_("There is no category called %(name)s."), name=str(named)[:60], fields={"category": "unknown"}
    )


TOOLS: tuple[ToolSpec, ...] = (list_products, get_product, list_stores, service_info)
