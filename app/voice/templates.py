"""Sentence templates first: what is said in one of the usual ways is understood exactly, in a millisecond.

The templates are data (`data/zh.yaml`, `data/en.yaml`, in hassil's form); the names of products and cities are those in the
database, those of figures the metric catalogue's.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml
from hassil import Intents, RangeSlotList, TextSlotList, recognize_best
from hassil.recognize import RecognizeResult

from app.catalogue.cache import cached
from app.catalogue.queries import list_names
from app.insights.metrics.catalogue import catalogue
from app.language.normalise import normalise
from app.llm.builtin.intents import Intent, Item, Plan
from app.members.queries import list_stores

NAMES_SECONDS = 30.0
MOST_NAMES = 1_000
MOST_QTY = 999
MOST_DAYS = 365
FIGURES = "figures"
# A word of the catalogue that means itself.
_PLAIN = re.compile(r"[\w' -]+")
_WITH_PRODUCT = frozenset({"add", "remove", "set_qty"})
Names = tuple[tuple[str, str], ...]


def match_template(said: str, language: str) -> Plan | None:
    """The plan that a template of the language gives, or None."""
    found = _recognised(said, language)
    if found is None or found.intent.name == FIGURES:
        return None
    return Plan(language, (_intent_of(found, said),))


def asks_for_figures(said: str, language: str) -> bool:
    """Whether the words ask for a figure of the metric catalogue in one of the usual ways."""
    found = _recognised(said, language)
    return found is not None and found.intent.name == FIGURES


def _recognised(said: str, language: str) -> RecognizeResult | None:
    lists = {
        "product": _listed(product_names(language), "product"),
        "city": _listed(_city_names(language), "city"),
        "metric": _listed(_metric_names(language), "metric"),
        "qty": _numbers("qty", MOST_QTY),
        "days": _numbers("days", MOST_DAYS),
    }
    return recognize_best(said, _intents(language), slot_lists=lists, language=language)


def _intent_of(found: RecognizeResult, said: str) -> Intent:
    name = str(found.intent.name)
    values = {key: entity.value for key, entity in found.entities.items()}
    if name == "list_stores":
        return Intent(name, said, city=str(values["city"]))
    if name not in _WITH_PRODUCT:
        return Intent(name, said)
    qty = int(values["qty"]) if "qty" in values else None
    if name == "set_qty":
        return Intent(name, said, items=(Item(sku=str(values["product"])),), qty=qty)
    return Intent(name, said, items=(Item(sku=str(values["product"]), qty=qty),))


def product_names(language: str) -> Names:
    """How products are called (normalised) and their SKUs; a name that several have is not there."""
    return cached(("voice names", language), NAMES_SECONDS, lambda: _load_names(language))


def _load_names(language: str) -> Names:
    found: dict[str, set[str]] = {}
    for product in list_names(MOST_NAMES):
        for name in _spoken(product.name_zh if language == "zh" else product.name_en, language):
            found.setdefault(name, set()).add(product.sku)
    return tuple((name, next(iter(skus))) for name, skus in sorted(found.items()) if len(skus) == 1)


def _spoken(name: str, language: str) -> set[str]:
    """A name as it is said: without what stands in brackets and without sizes."""
    whole = normalise(name)
    short = whole.partition("(")[0].strip()
    return {part for part in (whole, short) if len(part) >= (2 if language == "zh" else 4)}


@cache
def _intents(language: str) -> Intents:
    text = files("app.voice").joinpath(f"data/{language}.yaml").read_text("utf-8")
    told: dict[str, Any] = yaml.safe_load(text)
    return Intents.from_dict(told)


def _city_names(language: str) -> Names:
    """What the cities of our stores are called (normalised), and the name that stores are looked for by."""
    return cached(("voice cities", language), NAMES_SECONDS, lambda: _load_cities(language))


def _load_cities(language: str) -> Names:
    stores = list_stores()
    names = {
        (normalise(s.city if language == "zh" else s.city_en or s.city), s.city) for s in stores if s.city
    }
    return tuple(sorted((name, city) for name, city in names if name))


@cache
def _metric_names(language: str) -> Names:
    """What the figures of the metric catalogue are called (normalised), and their keys."""
    found: dict[str, str] = {}
    for key, metric in catalogue().metrics.items():
        for word in (metric.name(language), *(metric.words_zh if language == "zh" else metric.words_en)):
            if _PLAIN.fullmatch(normalise(word)):
                found.setdefault(normalise(word), key)
    return tuple(sorted(found.items()))


@lru_cache(maxsize=16)
def _listed(names: Names, name: str) -> TextSlotList:
    return TextSlotList.from_tuples(names, name=name)


@cache
def _numbers(name: str, most: int) -> RangeSlotList:
    return RangeSlotList(name=name, start=1, stop=most)
