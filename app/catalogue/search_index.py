"""The search index: table `product_search` with the tokens of every product that can be bought.

The same tokens in both engines, SQLite's FTS5 and the FULLTEXT indexes of MariaDB and MySQL; here is all that
differs between them. Rows follow the products by themselves: see `follow_products`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, event, text
from sqlalchemy import inspect as inspect_row
from sqlalchemy.orm import Mapper, object_session

from app.catalogue import cache
from app.catalogue.models import Category, Product
from app.language.concepts import concept_tokens
from app.language.tokens import index_tokens

# A query: one of the alternatives must hold; of an alternative, every group; of a group, any of its tokens.
Group = tuple[str, ...]
Alternative = tuple[Group, ...]
Expression = tuple[Alternative, ...]

MAX_RANK = 31
TOKEN = re.compile(r"[a-z0-9]{3,60}")
INDEXED = ("sku", "name", "name_en", "description", "description_en", "category_id", "is_retired")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored for one product. `rank` is its popularity class: the number of bits of its sales."""

    sku: str
    name_tokens: str
    text_tokens: str
    rank: int = 0


def entry_of(product: Any) -> Entry:
    """The index entry of a product (or a row with a product's columns)."""
    names = (product.name, product.name_en)
    texts = (product.description, product.description_en)
    name_tokens = [*index_tokens(product.sku), *_tokens(names)]
    text_tokens = [category_token(product.category_id), *_tokens(texts)]
    return Entry(product.sku, " ".join(name_tokens), " ".join(text_tokens), rank_of(product.units_sold))


def rank_of(units_sold: int) -> int:
    """The popularity class, 0 to 31."""
    return min((units_sold or 0).bit_length(), MAX_RANK)


def category_token(category_id: int) -> str:
    """The token that says where a product stands, so that a search for the shelf's name finds it."""
    return f"shelf{category_id}"


def _tokens(texts: Iterable[str]) -> list[str]:
    given = [value for value in texts if value]
    return [token for value in given for token in index_tokens(value)] + concept_tokens(*given)


class Fts5:
    """SQLite. A row's number starts with its popularity class, most popular first, and FTS5 finds in that order.

    So a word that half the shop carries costs no more than the rows that are wanted of it. (The rest of the
    number is made from the SKU, the only way to a row again: 57 bits of SHA-256.)
    """

    search = """
        SELECT json_group_array(json_array(sku, category_id, price_cents, in_stock)) FROM (
            SELECT p.sku, p.category_id, p.price_cents, p.stock > 0 AS in_stock
            FROM (
                SELECT sku, ROUND(bm25(product_search, 0.0, 8.0, 1.0)) AS distance
                FROM product_search WHERE product_search MATCH :expression ORDER BY rowid LIMIT :most
            ) AS found
            JOIN products AS p ON p.sku = found.sku
            ORDER BY (lower(p.name) = :typed OR lower(p.name_en) = :typed) DESC,
                distance, p.units_sold DESC, p.sku
        )
    """

    def query(self, *, in_name: bool) -> str:
        """The statement that finds; the expression says where to look."""
        return self.search

    def put(self, connection: Connection, entries: Sequence[Entry]) -> None:
        self.remove(connection, [entry.sku for entry in entries])
        statement = text(
            "INSERT INTO product_search (rowid, sku, name_tokens, text_tokens) "
            "VALUES (:number, :sku, :name_tokens, :text_tokens)"
        )
        connection.execute(
            statement, [{"number": number_of(entry.sku, entry.rank), **_values(entry)} for entry in entries]
        )

    def remove(self, connection: Connection, skus: Sequence[str]) -> None:
        # Whatever class a product had when it was written.
        statement = text("DELETE FROM product_search WHERE rowid IN :numbers").bindparams(
            bindparam("numbers", expanding=True)
        )
        for sku in skus:
            connection.execute(statement, {"numbers": [number_of(sku, rank) for rank in range(MAX_RANK + 1)]})

    def outranked(self, connection: Connection) -> Sequence[str]:
        """The SKUs whose popularity class has changed since they were written."""
        stored = set(connection.scalars(text("SELECT rowid FROM product_search")))
        sales = connection.execute(text("SELECT sku, units_sold FROM products WHERE is_retired = 0"))
        return [row.sku for row in sales if number_of(row.sku, rank_of(row.units_sold)) not in stored]

    def write(self, expression: Expression, *, in_name: bool) -> str:
        """The expression in FTS5's query language."""
        alternatives = (
            " AND ".join(f"({' OR '.join(group)})" for group in alternative) for alternative in expression
        )
        either = " OR ".join(f"({alternative})" for alternative in alternatives)
        return f"name_tokens : ({either})" if in_name else either


def number_of(sku: str, rank: int) -> int:
    """The FTS5 row number of a product in a popularity class."""
    return (MAX_RANK - rank) << 57 | int.from_bytes(hashlib.sha256(sku.encode()).digest()[:8]) >> 7


class FullText:
    """MariaDB and MySQL (InnoDB). The popularity class is a column, so that only the rows wanted meet the products."""

    def query(self, *, in_name: bool) -> str:
        """The statement that finds."""
        columns = "name_tokens" if in_name else "name_tokens, text_tokens"
        match = f"MATCH({columns}) AGAINST(:expression IN BOOLEAN MODE)"
        return f"""
            SELECT JSON_ARRAYAGG(JSON_ARRAY(sku, category_id, price_cents, in_stock)) FROM (
                SELECT STRAIGHT_JOIN p.sku, p.category_id, p.price_cents, p.stock > 0 AS in_stock
                FROM (
                    SELECT sku, {match} AS relevance FROM product_search
                    WHERE {match} ORDER BY popularity DESC, relevance DESC LIMIT :most
                ) AS found
                JOIN products AS p ON p.sku = found.sku
                ORDER BY (p.name = :typed OR p.name_en = :typed) DESC,
                    ROUND(found.relevance) DESC, p.units_sold DESC, p.sku
                LIMIT :most
            ) AS best
        """  # noqa: S608 - put together from constants only

    def put(self, connection: Connection, entries: Sequence[Entry]) -> None:
        statement = text(
            "REPLACE INTO product_search (sku, name_tokens, text_tokens, popularity) "
            "VALUES (:sku, :name_tokens, :text_tokens, :popularity)"
        )
        connection.execute(statement, [{"popularity": entry.rank, **_values(entry)} for entry in entries])

    def remove(self, connection: Connection, skus: Sequence[str]) -> None:
        statement = text("DELETE FROM product_search WHERE sku IN :skus")
        connection.execute(statement.bindparams(bindparam("skus", expanding=True)), {"skus": list(skus)})

    def outranked(self, connection: Connection) -> Sequence[str]:
        """The SKUs whose popularity class has changed since they were written."""
        statement = (
            "SELECT s.sku, s.popularity, p.units_sold FROM product_search s JOIN products p ON p.sku = s.sku"
        )
        rows = connection.execute(text(statement))
        return [row.sku for row in rows if row.popularity != rank_of(row.units_sold)]

    def write(self, expression: Expression, *, in_name: bool) -> str:
        """The expression in the boolean mode's language."""
        alternatives = [
            " ".join(f"+{group[0]}" if len(group) == 1 else f"+({' '.join(group)})" for group in alternative)
            for alternative in expression
        ]
        return alternatives[0] if len(alternatives) == 1 else " ".join(f"({each})" for each in alternatives)


def engine_for(dialect_name: str) -> Fts5 | FullText:
    """The index of this kind of database."""
    return Fts5() if dialect_name == "sqlite" else FullText()


def _values(entry: Entry) -> dict[str, str]:
    return {"sku": entry.sku, "name_tokens": entry.name_tokens, "text_tokens": entry.text_tokens}


def follow_products() -> None:
    """Keep index and cache true to every product that the session writes, in the same transaction.

    Bulk statements (`insert(Product)`, `update(Product)`) pass by here: after them call `search.reindex()`.
    """
    for name in ("after_insert", "after_update"):
        event.listen(Product, name, _product_written)
    event.listen(Product, "after_delete", _product_gone)
    for name in ("after_insert", "after_update", "after_delete"):
        event.listen(Category, name, _clear_cache)


def _product_written(mapper: Mapper[Product], connection: Connection, product: Product) -> None:
    _clear_cache(mapper, connection, product)
    state = inspect_row(product)
    if state.persistent and not any(state.attrs[name].history.has_changes() for name in INDEXED):
        return
    index = engine_for(connection.dialect.name)
    if product.is_retired:
        index.remove(connection, [product.sku])
    else:
        index.put(connection, [entry_of(product)])


def _product_gone(mapper: Mapper[Product], connection: Connection, product: Product) -> None:
    _clear_cache(mapper, connection, product)
    engine_for(connection.dialect.name).remove(connection, [product.sku])


def _clear_cache(_mapper: Any, _connection: Connection, row: object) -> None:
    session = object_session(row)
    calls = session.info.get("after_commit") if session is not None else None
    cache.clear()
    if calls is not None:
        calls.append(cache.clear)


follow_products()
