"""Products as JSON: what comes in and what goes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, model_validator

from app.catalogue.filters import MAX_LIMIT, MAX_QUERY, Sort
from app.catalogue.models import Product
from app.catalogue.records import CategoryView, ProductView
from app.core.errors import N_
from app.core.money import MAX_CENTS
from app.core.pagination import MAX_OFFSET
from app.web.api import Schema

SKU_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
# A picture is one of ours, or a secure address elsewhere; never a script or a data URL.
IMAGE_PATTERN = r"^$|^/(static|media)/[A-Za-z0-9/_.-]+$|^https://[^\s\"'<>\\]+$"
MAX_STOCK = 1_000_000
MAX_ID = 2**31 - 1


def _visible(value: str) -> str:
    """Refuses control characters, which no name or description needs."""
    if any(ord(char) < 32 and char not in "\n\t" for char in value):
        raise ValueError(N_("Characters that cannot be seen are not allowed."))
    return value


Text = Annotated[str, AfterValidator(_visible)]
Name = Annotated[Text, Field(min_length=1, max_length=120)]
Description = Annotated[Text, Field(max_length=5000)]
PriceCents = Annotated[int, Field(ge=0, le=MAX_CENTS, strict=True)]
Stock = Annotated[int, Field(ge=0, le=MAX_STOCK, strict=True)]
CategoryId = Annotated[int, Field(ge=1, le=MAX_ID, strict=True)]
ImageUrl = Annotated[str, Field(max_length=200, pattern=IMAGE_PATTERN)]


class ProductQuery(Schema):
    """The filters of the list; an empty value counts as not given."""

    q: str = Field("", max_length=MAX_QUERY)
    category_id: int | None = Field(None, ge=1, le=MAX_ID)
    min_price_cents: int | None = Field(None, ge=0, le=MAX_CENTS)
    max_price_cents: int | None = Field(None, ge=0, le=MAX_CENTS)
    in_stock: bool = False
    sort: Sort = "relevance"
    limit: int = Field(20, ge=1, le=MAX_LIMIT)
    offset: int = Field(0, ge=0, le=MAX_OFFSET)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        return (
            {name: value for name, value in values.items() if value != ""}
            if isinstance(values, dict)
            else values
        )


class ProductIn(Schema):
    """A new product. `name_en` defaults to the name."""

    sku: str = Field(pattern=SKU_PATTERN)
    name: Name
    name_en: Annotated[Text, Field(max_length=120)] = ""
    description: Description = ""
    description_en: Description = ""
    price_cents: PriceCents
    stock: Stock = 0
    category_id: CategoryId
    image_url: ImageUrl = ""


class ProductPatch(Schema):
    """A change; what is left out stays as it is."""

    name: Name | None = None
    name_en: Annotated[Text, Field(max_length=120)] | None = None
    description: Description | None = None
    description_en: Description | None = None
    price_cents: PriceCents | None = None
    stock: Stock | None = None
    category_id: CategoryId | None = None
    image_url: ImageUrl | None = None


class ProductOut(BaseModel):
    """A product; name and description are in the request's language."""

    sku: str
    name: str
    name_zh: str
    name_en: str
    price_cents: int
    stock: int
    description: str
    description_zh: str
    description_en: str
    image_url: str
    category_id: int
    created_at: datetime
    updated_at: datetime


class CategoryOut(BaseModel):
    """A category; `name` is in the request's language."""

    id: int
    name: str
    name_zh: str
    name_en: str


def product_json(product: Product | ProductView, locale: str) -> ProductOut:
    """The JSON form of a product."""
    return ProductOut(
        sku=product.sku,
        name=product.title(locale),
        name_zh=product.name,
        name_en=product.name_en,
        price_cents=product.price_cents,
        stock=product.stock,
        description=product.text(locale),
        description_zh=product.description,
        description_en=product.description_en,
        image_url=product.image_url,
        category_id=product.category_id,
        created_at=product.created_at,
        updated_at=product.updated_at,
    )


def category_json(category: CategoryView, locale: str) -> CategoryOut:
    """The JSON form of a category."""
    return CategoryOut(
        id=category.id, name=category.title(locale), name_zh=category.name, name_en=category.name_en
    )
