"""The lexicon of ``data/concepts/*.toml``: product types, concerns, occasions, categories, and the words for them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from app.language.normalise import normalise
from app.language.tokens import Unit, stem, units


@dataclass(frozen=True, slots=True)
class Category:
    """One of the shop's categories, by the id and names of the demo catalogue."""

    key: str
    id: int
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Concept:
    """One meaning. ``terms_*`` are how a product's own text says it; ``triggers`` how a customer does.

    ``related`` names concepts that answer the same wish a little less well (a lip tint for a lipstick);
    ``broader`` names what such a product is, or is good for, as well; ``akin`` the same, less exactly (a lip
    tint passes for a lipstick). ``implied_by``: each group, said together, means this one (a shampoo for kids).
    ``category_keys`` where such products stand (empty: anywhere). ``is_shelf``: the word for a product is the word for
    its whole category too (礼盒, beauty device); ``is_weak``: a category's word that yields to a concern (a dandruff
    treatment need not be a service).
    """

    key: str
    kind: str
    terms_zh: tuple[str, ...]
    terms_en: tuple[str, ...]
    category_keys: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    akin: tuple[str, ...] = ()
    implied_by: tuple[frozenset[str], ...] = ()
    is_shelf: bool = False
    is_weak: bool = False
    triggers: tuple[str, ...] = field(default=(), repr=False)

    @property
    def token(self) -> str:
        """The search token that stands for the concept in an index."""
        return "kk" + self.key.replace("_", "")

    @property
    def category_ids(self) -> tuple[int, ...]:
        return tuple(lexicon().categories[key].id for key in self.category_keys)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All concepts and categories, and the word trie that finds them."""

    concepts: Mapping[str, Concept]
    categories: Mapping[str, Category]
    said: dict[str, Any]  # what customers say
    written: dict[str, Any]  # what products say of themselves
    noise: dict[str, Any]


END = "\0"


@cache
def lexicon() -> Lexicon:
    """The lexicon, read once from the data files."""
    concepts: dict[str, Concept] = {}
    categories: dict[str, Category] = {}
    noise: list[str] = []
    folder = files("app.language").joinpath("data/concepts")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        data = tomllib.loads(file.read_text("utf-8"))
        categories |= {
            key: Category(key, c["id"], c["zh"], c["en"]) for key, c in data.get("category", {}).items()
        }
        concepts |= {key: _concept(key, entry) for key, entry in data.get("concept", {}).items()}
        noise += data.get("noise", [])
    everything = list(concepts.values())
    return Lexicon(
        concepts,
        categories,
        said=_trie((phrase, concept) for concept in everything for phrase in concept.triggers),
        written=_trie((phrase, c) for c in everything for phrase in {*c.terms_zh, *c.terms_en}),
        noise=_trie((phrase, True) for phrase in noise),
    )


def _concept(key: str, entry: Mapping[str, Any]) -> Concept:
    said_zh, said_en = tuple(entry.get("zh", ())), tuple(entry.get("en", ()))
    return Concept(
        key=key,
        kind=entry["kind"],
        terms_zh=tuple(entry.get("terms_zh", said_zh)) + tuple(entry.get("also_zh", ())),
        terms_en=tuple(entry.get("terms_en", said_en)) + tuple(entry.get("also_en", ())),
        category_keys=tuple(entry.get("categories", ())),
        related=tuple(entry.get("related", ())),
        broader=tuple(entry.get("broader", ())),
        akin=tuple(entry.get("akin", ())),
        implied_by=tuple(frozenset(group) for group in entry.get("implied_by", ())),
        is_shelf=entry.get("is_shelf", False),
        is_weak=entry.get("is_weak", False),
        triggers=said_zh + said_en,
    )


def _trie(phrases: Iterable[tuple[str, object]]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for phrase, value in phrases:
        node = root
        for unit in units(normalise(phrase)):
            node = node.setdefault(key_of(unit), {})
        node.setdefault(END, []).append(value)
    return root


def key_of(unit: Unit) -> str:
    return unit.text if unit.is_cjk else stem(unit.text)
