"""Finding products by words, in Chinese and English, ranked.

A query is tried from strict to loose; hits of an earlier step come first:

1. all words as typed, in the name; then all words by their meaning, in the name;
2. all words by their meaning, in name and description together (when the names gave few hits);
3. when hardly anything answers several needs at once (a concern, an occasion): what answers one of them;
4. when nothing was found: what the query asks for (product types, else concerns ...) in the name, whatever
   else it says; then any of its words, or what is related to them.

The meaning of a word is the concept it stands for (app.language.concepts): "frizzy" finds 防毛躁. Within a step,
relevance goes first, then popularity; a product whose SKU or whole name was typed comes before all.

With a model for finding by meaning, the ranking by words and the one by meaning are fused: what both name rises, and what
only the meaning names joins in. Without one, or when it does not answer, nothing of this changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Select, false, select, text

from app.catalogue import meaning
from app.catalogue.cache import cached
from app.catalogue.filters import MAX_QUERY
from app.catalogue.models import Product
from app.catalogue.search_index import (
    INDEXED,
    TOKEN,
    Alternative,
    Entry,
    Expression,
    category_token,
    engine_for,
    entry_of,
)
from app.db import db
from app.language.concepts import QueryTerms, analyse
from app.language.lexicon import Concept
from app.language.normalise import normalise
from app.language.tokens import query_tokens
from app.semantic.fusion import fuse

# Nobody reads further; it bounds the work for a word that half the shop carries.
MAX_HITS = 1000
# With this many products that say it in their names, descriptions are not asked.
ENOUGH = 100
# With fewer products that answer several needs at once, those that answer one of them follow.
FEW = 3
MAX_GROUPS = 24
KEEP_SECONDS = 10.0
BATCH = 500
EXACT, BY_MEANING = -1, 2

Item = TypeVar("Item")


class Hit(NamedTuple):
    """A product found, with what filters and counts need. `level`: 0 by its name, 1 by its description, 2 by meaning."""

    sku: str
    category_id: int
    price_cents: int
    in_stock: bool
    level: int


class Step(NamedTuple):
    """One try. It is left out once `unless` hits were found."""

    expression: Expression
    in_name: bool
    unless: int


def find_hits(q: str, *, words_only: bool = False) -> Sequence[Hit]:
    """The products that answer `q`, best first, at most MAX_HITS; kept for a few seconds."""
    q = normalise(q[:MAX_QUERY])
    by_words = cached(("hits", q), KEEP_SECONDS, lambda: search(q))
    if words_only or not meaning.is_wanted():
        return by_words
    return cached(("meant", q), KEEP_SECONDS, lambda: _with_meaning(by_words, q))


def search(q: str) -> Sequence[Hit]:
    """The products whose words answer `q`, best first, without a cache."""
    hits: dict[str, Hit] = {}
    for step in plan(q):
        if len(hits) < step.unless:
            for hit in _run(step, q):
                hits.setdefault(hit.sku, hit)
    return _exact_first(list(hits.values())[:MAX_HITS], q)


def _with_meaning(hits: Sequence[Hit], q: str) -> Sequence[Hit]:
    """The hits fused with what the meaning of `q` is near to."""
    # Whoever types a SKU means that product; who asks for nothing in particular gets the whole shop.
    names_one, asks_nothing = bool(hits) and hits[0].level == EXACT, not hits and is_vague(q)
    near = () if names_one or asks_nothing else meaning.find_like(q)
    if not near:
        return hits
    known = {hit.sku: hit for hit in hits}
    known |= {hit.sku: hit for hit in _hits_of([sku for sku in near if sku not in known])}
    ranking = fuse([[hit.sku for hit in hits], [sku for sku in near if sku in known]])
    return [known[sku] for sku, _score in ranking][:MAX_HITS]


def _hits_of(skus: Sequence[str]) -> Iterator[Hit]:
    """Those of the products that can be bought."""
    if skus:
        wanted = (Product.sku, Product.category_id, Product.price_cents, Product.stock > 0)
        for sku, category_id, price_cents, in_stock in db.session.execute(
            _for_sale(*wanted).where(Product.sku.in_(skus))
        ):
            yield Hit(sku, category_id, price_cents, bool(in_stock), level=BY_MEANING)


def is_vague(q: str) -> bool:
    """True for words that ask for nothing in particular ("anything nice?"); signs alone are not words."""
    terms = analyse(q[:MAX_QUERY])
    return not terms.concepts and not terms.free_tokens and any(char.isalnum() for char in q)


def plan(q: str) -> list[Step]:
    """What to try for a query, strictest first; nothing for a query without words."""
    terms = analyse(q)
    literal, meaning = _expression(_literally(terms)), _expression(_by_meaning(terms))
    steps = [Step(literal, in_name=True, unless=ENOUGH)]
    if meaning != literal:
        steps.append(Step(meaning, in_name=True, unless=ENOUGH))
    steps.append(Step(meaning or literal, in_name=False, unless=ENOUGH))
    wanted = _expression((tuple(concept.token for concept in terms.required),))
    anything = _expression((tuple(_every_token(terms)),))
    names_a_product = bool(terms.of_kind("product"))
    names_one = names_a_product and len(terms.required) == 1 and not terms.of_kind("recipient", "occasion")
    steps.append(Step(wanted, in_name=names_a_product, unless=1 if names_one else FEW))
    steps.append(Step(anything, in_name=False, unless=1))
    return [step for step in steps if step.expression]


def _expression(*alternatives: Alternative) -> Expression:
    """The alternatives that ask for something, safe tokens only, each once."""
    safe = (
        tuple(group for group in (tuple(filter(TOKEN.fullmatch, tokens)) for tokens in alternative) if group)
        for alternative in alternatives
    )
    return tuple(dict.fromkeys(alternative[:MAX_GROUPS] for alternative in safe if alternative))


def _literally(terms: QueryTerms) -> Alternative:
    """Every word as it was typed."""
    return tuple((token,) for token in terms.tokens or terms.free_tokens or query_tokens(terms.text))


def _by_meaning(terms: QueryTerms) -> Alternative:
    """Every word by the concept it stands for; a shelf's name only where nothing else was said."""
    said = [concept for concept in terms.concepts if concept.kind != "category"]
    shelves = () if said or terms.free_tokens else terms.of_kind("category")
    groups = [(concept.token,) for concept in said] + [_shelf(concept) for concept in shelves]
    return (*groups, *((token,) for token in terms.free_tokens))


def _shelf(concept: Concept) -> tuple[str, ...]:
    return tuple(category_token(category_id) for category_id in concept.category_ids)


def _every_token(terms: QueryTerms) -> Iterator[str]:
    yield from dict.fromkeys((*terms.tokens, *terms.free_tokens))
    found = (*terms.concepts, *terms.required, *terms.related)
    yield from (concept.token for concept in found if concept.kind != "category")


def _run(step: Step, q: str) -> Iterator[Hit]:
    """The step's hits in their order, as one JSON value: reading a thousand rows would cost more than finding them."""
    index = engine_for(db.engine.dialect.name)
    values = {"expression": index.write(step.expression, in_name=step.in_name), "typed": q, "most": MAX_HITS}
    found = db.session.scalar(text(index.query(in_name=step.in_name)), values)
    for sku, category_id, price_cents, in_stock in json.loads(found or "[]"):
        yield Hit(sku, category_id, price_cents, bool(in_stock), level=int(not step.in_name))


def _exact_first(hits: list[Hit], q: str) -> list[Hit]:
    typed = q.replace(" ", "")
    exact = [hit for hit in hits if hit.sku.lower() == typed]
    if not exact:
        return hits
    return [*(hit._replace(level=EXACT) for hit in exact), *(hit for hit in hits if hit not in exact)]


def reindex() -> int:
    """Make the index true to all products; returns how many entries were written or removed.

    Only what differs is written, so it may run at any time. Runs in the caller's transaction.
    """
    stored = _stored()
    changed: list[Entry] = []
    for skus in _batches(list(db.session.scalars(_for_sale(Product.sku)))):
        for entry in map(entry_of, db.session.execute(_for_sale(*_INDEXED).where(Product.sku.in_(skus)))):
            if stored.pop(entry.sku, None) != _mark(entry):
                changed.append(entry)
    _write(changed, gone=sorted(stored))
    meaning.request()
    return len(changed) + len(stored)


def rerank() -> int:
    """Let the index know what sells by now; returns how many products changed their popularity class."""
    connection = db.session.connection()
    moved = engine_for(connection.dialect.name).outranked(connection)
    for skus in _batches(moved):
        _write(
            [entry_of(row) for row in db.session.execute(_for_sale(*_INDEXED).where(Product.sku.in_(skus)))]
        )
    return len(moved)


_INDEXED = [getattr(Product, name) for name in (*INDEXED, "units_sold")]


def _for_sale(*columns: Any) -> Select[Any]:
    return select(*columns).where(Product.is_retired == false())


def _mark(entry: Entry) -> bytes:
    """What tells an entry from an older one, in little room."""
    return hashlib.sha256(f"{entry.name_tokens}\n{entry.text_tokens}".encode()).digest()


def _stored() -> dict[str, bytes]:
    rows = db.session.execute(text("SELECT sku, name_tokens, text_tokens FROM product_search"))
    return {row.sku: _mark(Entry(*row)) for row in rows}


def _write(entries: Sequence[Entry], gone: Sequence[str] = ()) -> None:
    connection = db.session.connection()
    index = engine_for(connection.dialect.name)
    for skus in _batches(gone):
        index.remove(connection, skus)
    for batch in _batches(entries):
        index.put(connection, batch)


def optimise() -> None:
    """Merge what many changes have left in pieces; after `reindex` of a large shop, outside a transaction."""
    dialect = db.engine.dialect.name
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if dialect == "sqlite":
            connection.execute(text("INSERT INTO product_search (product_search) VALUES ('optimize')"))
        else:
            connection.execute(text("OPTIMIZE TABLE product_search")).all()


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
