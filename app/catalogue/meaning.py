"""Products by their meaning: what the index of meanings has of them, and asking it.

Only where there is a model (EMBED_MODEL_PATH); without one nothing here is ever asked of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import event, false, func, select
from sqlalchemy import inspect as inspect_row
from sqlalchemy.orm import Mapper

from app.catalogue.models import Product
from app.db import db
from app.runtime import settings
from app.semantic.passages import Passage
from app.semantic.reader import meaning
from app.semantic.requests import request_after_commit
from app.semantic.sources import Source
from app.semantic.state import Unavailable

COLLECTION = "products"
# So many products at most come up by their meaning: what is further away is not what was meant.
MOST = 20
TEXTS = ("name", "name_en", "description", "description_en", "is_retired")


def product_source() -> Source:
    """For `semantic.sources`."""
    return Source(COLLECTION, _version, _passages)


def is_wanted() -> bool:
    """True where there is a model for it."""
    return settings().embed_model_path is not None


def find_like(q: str) -> Sequence[str]:
    """SKUs of products near to what was asked for, nearest first; none where meaning cannot be had."""
    if not q:
        return ()
    try:
        return [sku for sku, _similarity in meaning().find(COLLECTION, q, MOST).matches]
    except Unavailable:
        return ()


def _version() -> str:
    statement = select(func.count(), func.max(Product.created_at)).where(Product.is_retired == false())
    count, newest = db.session.execute(statement).one()
    return f"{count} {newest}"


def _passages() -> Iterator[Passage]:
    statement = select(
        Product.sku, Product.name, Product.description, Product.name_en, Product.description_en
    ).where(Product.is_retired == false())
    for sku, name, text, name_en, text_en in db.session.execute(statement.order_by(Product.sku)):
        yield Passage(sku, "zh", name, text)
        if name_en:
            yield Passage(sku, "en", name_en, text_en)


def request() -> None:
    """Let the index follow once the open transaction is committed."""
    if is_wanted():
        request_after_commit(COLLECTION)


def _written(_mapper: Mapper[Product], _connection: Any, product: Product) -> None:
    state = inspect_row(product)
    if not state.persistent or any(state.attrs[name].history.has_changes() for name in TEXTS):
        request()


def _gone(_mapper: Mapper[Product], _connection: Any, _product: Product) -> None:
    request()


def follow_products() -> None:
    """Ask for the index to follow every product that the session writes; `search.reindex` does for bulk statements."""
    event.listen(Product, "after_insert", _written)
    event.listen(Product, "after_update", _written)
    event.listen(Product, "after_delete", _gone)


follow_products()
