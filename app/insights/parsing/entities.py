"""Filters by name: stores (北京国贸店, 国贸, 3号店, store 3), cities, categories, products, SKUs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from app.insights.names import Names, ProductName, StoreName
from app.insights.parsing.draft import Draft
from app.insights.parsing.negation import is_excluded
from app.insights.parsing.text import Text, any_of
from app.insights.question import Filter
from app.language.concepts import concepts_of_product, find_concepts
from app.language.entities import find_cities, find_skus
from app.language.lexicon import lexicon
from app.language.normalise import is_cjk, normalise
from app.language.numbers import parse_number

Meaning = tuple[str, tuple[str | int, ...]]
_NUMBER = r"(?:\d{1,4}|[一二两三四五六七八九十]{1,3})"
_NUMBERS = (
    rf"{_NUMBER}(?:(?:号(?:门店|分店|店铺|店)?)?(?:,|和|与|及|到|至|-|~|, and| and | & | to ){_NUMBER})*"
)
_NUMBERED = (
    re.compile(rf"(?<![\d.])({_NUMBERS})号(?:门店|分店|店铺|店)"),
    re.compile(rf"第({_NUMBER})(?:家|号)?(?:门店|分店|店铺|店)"),
    re.compile(
        r"(?<![a-z])(?:stores?|shops?|branch(?:es)?) ?(?:nos?\.? ?|numbers? |id |#)?"
        r"(#?\d{1,4}(?:(?:, ?(?:and )?| and | & | to |-)#?\d{1,4})*)(?![\d%.a-z]| ?(?:yuan|percent))"
    ),
    re.compile(rf"(?:门店|分店)(?:编号|号)?(?:为|是)?({_NUMBER})(?:号)?(?![\d%.万千百个家名强天])"),
)
_SPEC = re.compile(r"(?: ?\d+ ?(?:ml|min|分钟|片|支|条|瓶|包|双|pcs|sheets).*|[,(].*| spf.*)$")
_ALL_OF_CITY = r"(?:的)?(?:门店|店铺|店)(?!排|对|前|top|中|里|哪|之间|分布|榜|有|谁|环|同|占)"

_ALL_OF_CITY_EN = r" (?:stores|shops|branches)(?! (?:by|ranked|with|whose|that|where))"


@dataclass(frozen=True, slots=True)
class _Aliases:
    pattern: re.Pattern[str]
    meanings: dict[str, Meaning]


def take_names(text: Text, names: Names, draft: Draft) -> None:
    """Take stores, cities, categories and products by name, and store numbers."""
    _take_numbered(text, names, draft)
    aliases = _aliases(names)
    for match in list(aliases.pattern.finditer(text.left)):
        said = match[0].replace("-", " ")
        dimension, values = aliases.meanings.get(said) or aliases.meanings[_plain(said)]
        _add(draft, text, dimension, values, match.span())
        text.blank(*match.span())
    _take_skus(text, names, draft)
    _note_missing_cities(text, draft)


def take_concepts(text: Text, names: Names, draft: Draft) -> None:
    """Take what is left of words for kinds of goods: 口红, sunscreen, skincare."""
    for match in find_concepts(text.left):
        if match.concept.kind not in ("product", "category"):
            continue
        if found := _goods_of(match.concept.key, match.concept.category_keys, match.concept.kind, names):
            _add(draft, text, found[0], found[1], (match.start, match.end))
            text.blank(match.start, match.end)


def _add(
    draft: Draft, text: Text, dimension: str, values: tuple[str | int, ...], span: tuple[int, int]
) -> None:
    operator = "not_in" if is_excluded(text, *span) else "in"
    merge_filter(draft.filters, Filter(dimension=dimension, operator=operator, values=values))


def merge_filter(filters: list[Filter], new: Filter) -> None:
    """Add a filter; one of the same dimension and kind takes the values in."""
    for index, old in enumerate(filters):
        if (old.dimension, old.operator) == (new.dimension, new.operator) and new.operator in (
            "in",
            "not_in",
        ):
            values = tuple(dict.fromkeys((*old.values, *new.values)))
            filters[index] = old.model_copy(update={"values": values})
            return
    filters.append(new)


def _take_numbered(text: Text, names: Names, draft: Draft) -> None:
    by_id = {store.id: store for store in names.stores}
    for pattern in _NUMBERED:
        for match in text.take(pattern):
            for number in _numbers_in(match[1]):
                if store := by_id.get(number):
                    _add(draft, text, "store", (store.name,), match.span())
                else:
                    draft.missing.append(("store", match[0].strip()))


def _numbers_in(said: str) -> Iterator[int]:
    """1,2和3; 1到3 is all three."""
    parts = re.findall(rf"{_NUMBER}|到|至|-|~| to ", said)
    numbers = [int(parse_number(part) or 0) for part in parts if re.fullmatch(_NUMBER, part)]
    if len(numbers) == 2 and len(parts) == 3 and 0 < numbers[1] - numbers[0] < 100:
        yield from range(numbers[0], numbers[1] + 1)
    else:
        yield from numbers


def _take_skus(text: Text, names: Names, draft: Draft) -> None:
    known = {product.sku.upper() for product in names.products}
    for sku, start, end in find_skus(text.left):
        if sku in known:
            _add(draft, text, "product", (sku,), (start, end))
            text.blank(start, end)


def _note_missing_cities(text: Text, draft: Draft) -> None:
    """A city where the chain has no store is a question back, not a report of nothing."""
    for city, start, end in find_cities(text.left):
        tail = re.match(r"市|(?:门|分)?店| (?:stores?|shops?|branch)(?![a-z])", text.left[end:])
        draft.missing.append(("city", city))
        text.blank(start, end + (tail.end() if tail else 0))


def _plain(said: str) -> str:
    """A city without what may follow it: 上海市, 上海的店 -> 上海."""
    return re.sub(r"(?:市|(?:的)?(?:门店|店铺|店)| (?:stores|shops|branches))$", "", said)


@lru_cache(maxsize=16)
def _aliases(names: Names) -> _Aliases:
    """Every way to name an entity. A longer name wins over a shorter one inside it."""
    meanings: dict[str, Meaning] = {}
    for alias, meaning in [
        *_store_aliases(names.stores),
        *_goods_aliases(names),
        *_city_aliases(names.stores),
    ]:
        if len(alias) >= 2:
            known = meanings.get(alias)
            joined = known is not None and known[0] == meaning[0]
            values = tuple(dict.fromkeys((*known[1], *meaning[1]))) if known and joined else meaning[1]
            meanings.setdefault(alias, (meaning[0], values))
            if joined:
                meanings[alias] = (meaning[0], values)
    cities = any_of(alias for alias, (kind, _) in meanings.items() if kind == "city")
    others = any_of(alias for alias, (kind, _) in meanings.items() if kind != "city")
    parts = [
        part
        for part in (others, f"(?:{cities})(?:市|{_ALL_OF_CITY}|{_ALL_OF_CITY_EN})?" if cities else "")
        if part
    ]
    return _Aliases(
        re.compile("|".join(parts) or r"(?!)"), {key.replace("-", " "): m for key, m in meanings.items()}
    )


def _store_aliases(stores: Iterable[StoreName]) -> Iterator[tuple[str, Meaning]]:
    for store in stores:
        meaning: Meaning = ("store", (store.name,))
        zh, city = normalise(store.name), normalise(store.city)
        short = zh.removesuffix("店")
        forms = {
            zh,
            short,
            short.removeprefix(city) + "店",
            short.removeprefix(city),
            f"{city}市{short.removeprefix(city)}店",
        }
        en, city_en = normalise(store.name_en), normalise(store.city_en)
        local = en.removeprefix(city_en).strip()
        forms |= {en, local} | {
            f"{name} {noun}" for name in (en, local) if name for noun in ("store", "shop", "branch")
        }
        forms |= {form.replace("'", "") for form in forms}
        yield from ((form, meaning) for form in forms if form and form not in (city, city_en))


def _city_aliases(stores: Iterable[StoreName]) -> Iterator[tuple[str, Meaning]]:
    for store in stores:
        zh, en = normalise(store.city), normalise(store.city_en)
        for form in {zh, f"{zh}店", en, en.replace("'", "")}:
            yield form, ("city", (store.city,))


def _goods_aliases(names: Names) -> Iterator[tuple[str, Meaning]]:
    for category in names.categories:
        for form in _category_forms(category.name, category.name_en):
            yield form, ("category", (category.name,))
    for product in names.products:
        for form in _product_forms(product):
            yield form, ("product", (product.sku,))


def _category_forms(zh: str, en: str) -> set[str]:
    name_zh, name_en = normalise(zh), normalise(en)
    forms = {
        name_zh,
        name_en,
        name_zh + "品类",
        name_zh + "类",
        name_en.replace(" ", ""),
        name_en.replace("-", ""),
        # gift sets, the gift set sales
        name_en.removesuffix("s") if name_en.endswith("s") and " " in name_en else name_en,
    }
    return {form for form in forms if form}


def _product_forms(product: ProductName) -> set[str]:
    zh, en = normalise(product.name), normalise(product.name_en)
    forms = {zh, en, _SPEC.sub("", zh).strip(), _SPEC.sub("", en).strip()}
    head = zh.split(" ")[0]
    return {form for form in {*forms, head} if len(form) >= 4 and (is_cjk(form[0]) or " " in form)}


@lru_cache(maxsize=512)
def _goods_of(key: str, category_keys: tuple[str, ...], kind: str, names: Names) -> Meaning | None:
    """A category by the lexicon's word for it, or the products of a kind."""
    if kind == "category":
        wanted = {lexicon().categories[each].name_zh for each in category_keys}
        found = tuple(category.name for category in names.categories if category.name in wanted)
        return ("category", found) if found else None
    skus = tuple(p.sku for p in names.products if key in concepts_of_product(p.name, p.name_en))
    return ("product", skus) if skus else None
