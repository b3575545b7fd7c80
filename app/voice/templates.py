"""Sentence templates first: what is said in one of the usual ways is understood exactly, in a millisecond.

The templates are data (`data/zh.yaml`, `data/en.yaml`, in hassil's form); the names of products are the shop's own.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml
from hassil import Intents, RangeSlotList, TextSlotList, recognize_best
from hassil.recognize import RecognizeResult

from app.catalogue.cache import cached
from app.catalogue.queries import list_names
from app.language.normalise import normalise
from app.llm.builtin.intents import Intent, Item, Plan

NAMES_SECONDS = 30.0
MOST_NAMES = 1_000
MOST_QTY = 999
_WITH_PRODUCT = frozenset({"add", "remove", "set_qty"})
Names = tuple[tuple[str, str], ...]


def match_template(said: str, language: str) -> Plan | None:
    """The plan that a template of the language gives, or None."""
    names = product_names(language)
    found = recognize_best(
        said,
        _intents(language),
        slot_lists={"product": _products(names), "qty": _quantities()},
        language=language,
    )
    return Plan(language, (_intent_of(found, said),)) if found is not None else None


def _intent_of(found: RecognizeResult, said: str) -> Intent:
    name = str(found.intent.name)
    values = {key: entity.value for key, entity in found.entities.items()}
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


@lru_cache(maxsize=8)
def _products(names: Names) -> TextSlotList:
    return TextSlotList.from_tuples(names, name="product")


@cache
def _quantities() -> RangeSlotList:
    return RangeSlotList(name="qty", start=1, stop=MOST_QTY)
