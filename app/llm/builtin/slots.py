"""Slots of a clause: which products it points at, how many, at which price."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise

from app.language.concepts import Match, content_phrase, find_concepts
from app.language.entities import MEASURES, PriceRange, Quantity, find_price_range, find_quantities, find_skus
from app.language.numbers import find_numbers
from app.llm.builtin import cues
from app.llm.builtin.intents import Extreme, Item, Relative
from app.llm.builtin.shelves import category_of

_EXTREMES: tuple[Extreme, ...] = ("cheapest", "dearest", "best_selling", "newest")
_RELATIVES: tuple[Relative, ...] = ("cheaper", "dearer")
_JOIN = re.compile(
    r"以及|还有|加上|外加|再加|或者|还是|和|跟|与|及|或|,|/|&|(?<!\d)\+|(?<=[x×*]\d)\+| (?:and|plus|as well as|or|vs\.?|versus|than|against|also) |(?<=[\u4e00-\u9fff])(?:比|vs)(?!较|如|起)|(?<=[0-9a-z])比(?!较|如|起)"
)
# Between the words of a complaint: 手总是很干裂.
_ADVERBS = re.compile(r"总是|老是|经常|特别|非常|有点儿?|有些|真的|实在|越来越|一直|很|太")
_BRACKETS = re.compile(r"[(\[][^)\]]*[)\]]")
_ORDINAL = re.compile(
    rf"第 ?(?P<zh>\d+|[一二两三四五六七八九十]+) ?(?:[{MEASURES}项]|种)?|(?P<last>最后(?:那)?(?:一)?(?:[{MEASURES}种])|\b(?:the )?last (?:one|item|product)\b|\bthe last\b(?=$| one| please))"
    r"|\b(?:the )?(?P<en>first|second|third|fourth|fifth|sixth|seventh|eighth|1st|2nd|3rd|4th|5th|6th|7th|8th) (?:one|item|product|option|choice)s?\b"
    r"|\bthe (?P<en2>first|second|third|fourth|fifth|sixth|1st|2nd|3rd|4th|5th|6th)\b(?! (?:time|order|thing))|^(?P<en3>first|second|third|fourth|fifth)$"
    r"|(?:\bnumber|\bno\.?|#|\boption|\bitem) ?(?P<number>\d+|one|two|three|four|five)(?!\d)"
)
_EN_ORDINALS = {
    word: place
    for place, words in enumerate(
        (
            "first 1st one",
            "second 2nd two",
            "third 3rd three",
            "fourth 4th four",
            "fifth 5th five",
            "sixth 6th",
            "seventh 7th",
            "eighth 8th",
        ),
        1,
    )
    for word in words.split()
}
# "one" that stands for a thing and counts nothing: the red one, this one, which one.
_ONE_BEFORE = re.compile(
    r"(?:^|[,:] ?|\b(?:add|buy|get|want|take|have|order|need|me|just|only|to|it|like|and|put|with|make|plus|also|then|grab|another|is|be|for|have|give|more) )$"
)
_BARE_NUMERAL_BEFORE = re.compile(r"(?:成|到|为|要|来|买|加|是|拿)$")


def mask(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """``text`` with the spans blanked out, so that all positions stay valid."""
    chars = list(text)
    for start, end in spans:
        chars[start:end] = " " * (end - start)
    return "".join(chars)


def read_ordinal(text: str) -> tuple[int, tuple[int, int]] | None:
    """A place in a list ("第二个", "the last one"; the last is -1), and where it is said."""
    match = _ORDINAL.search(text)
    if match is None:
        return None
    if match["last"]:
        return -1, match.span()
    word = match["zh"] or match["en"] or match["en2"] or match["en3"] or match["number"]
    numbers = find_numbers(word)
    place = _EN_ORDINALS.get(word) or (int(numbers[0].value) if numbers else 1)
    return place, match.span()


def quantities(text: str) -> list[Quantity]:
    """The counts that are a customer's wish: not part of a product word, a bracket, an ordinal or an idiom."""
    taken = [(m.start, m.end) for m in find_concepts(text) if m.concept.kind == "product"]
    taken += [match.span() for match in _BRACKETS.finditer(text)]
    taken += [(start, end) for _, start, end in find_skus(text)]
    if ordinal := read_ordinal(text):
        taken.append(ordinal[1])
    return [
        found
        for found in find_quantities(text)
        if not _overlaps(found.start, found.end, taken) and _counts(text, found)
    ]


def _overlaps(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in spans)


def _counts(text: str, found: Quantity) -> bool:
    said = text[found.start : found.end]
    before = text[: found.start]
    if said.startswith("one") and not found.has_measure:
        return bool(_ONE_BEFORE.search(before))
    if found.has_measure or said[0].isascii():
        return True
    return (
        said in ("俩", "仨")
        or said.endswith("打")
        or (
            _BARE_NUMERAL_BEFORE.search(before) is not None and not text[found.end :].strip(" 吧了呢就好可以")
        )
    )


def extreme_of(text: str) -> tuple[Extreme, tuple[int, int]] | None:
    """A superlative (最便宜, best-selling), and where it is said."""
    for name in _EXTREMES:
        if match := cues.pattern(name).search(text):
            return name, match.span()
    return None


def relative_of(text: str) -> tuple[Relative, tuple[int, int]] | None:
    """A comparison (便宜的那个, the pricier one), and where it is said."""
    for name in _RELATIVES:
        if match := cues.pattern(name).search(text):
            return name, match.span()
    return None


# Each is looked at with all that follows it: somebody who writes 500 would keep the whole shop waiting.
_MAX_JOINS = 16


def split_items(clause: str) -> list[str]:
    """The parts of a list ("a and two b"), never cut inside a product word, and only where both sides say something."""
    concepts = find_concepts(clause)
    parts: list[str] = []
    begin = 0
    for match in islice(_JOIN.finditer(clause), _MAX_JOINS):
        inside = any(c.start < match.end() and match.start() < c.end for c in concepts)
        if inside or not (
            _says_something(clause[begin : match.start()]) and _says_something(clause[match.end() :])
        ):
            continue
        parts.append(clause[begin : match.start()])
        begin = match.end()
    return [*parts, clause[begin:]]


def _says_something(part: str) -> bool:
    item = read_item(part)
    return bool(
        item.phrase or item.sku or item.ordinal or item.category_id or (item.pronoun and part.strip())
    )


def read_items(clause: str) -> tuple[Item, ...]:
    """Every product that ``clause`` points at; empty when it points at none."""
    parts = [piece for part in split_items(clause) for piece in _runs(part)]
    items = _shared_count(clause, [read_item(part) for part in parts])
    return tuple(item for item in items if not item.is_empty or item.qty is not None or item.price)


def _runs(part: str) -> list[str]:
    """一个吹风机一个脱毛仪, 护手霜两支身体乳一瓶: counted products that nothing joins."""
    counts = [count for count in quantities(part) if count.has_measure]
    products = [match for match in find_concepts(part) if match.concept.kind == "product"]
    if len(counts) < 2 or len(products) < 2:
        return [part]
    counts_first = counts[0].start < products[0].start
    cuts = [0, *([q.start for q in counts[1:]] if counts_first else [q.end for q in counts[:-1]]), len(part)]
    pieces = [part[start:end] for start, end in pairwise(cuts)]
    return pieces if all(product_words(piece) for piece in pieces) else [part]


EACH = re.compile(r"各|每(?:样|种|款)|\b(?:each|apiece)\b")


def _shared_count(clause: str, items: list[Item]) -> list[Item]:
    """ "Two each of a and b": one count for all."""
    counts = [item.qty for item in items if item.qty is not None]
    if len(counts) != 1 or not EACH.search(clause):
        return items
    return [replace(item, qty=counts[0]) for item in items]


def read_item(part: str) -> Item:
    """The one product that ``part`` points at."""
    price = find_price_range(part)
    skus = find_skus(part)
    counts = quantities(part)
    extreme, relative = extreme_of(part), None
    ordinal = read_ordinal(part)
    spans = [
        *(price.spans if price else ()),
        *((start, end) for _, start, end in skus),
        *((q.start, q.end) for q in counts),
    ]
    spans += [found[1] for found in (extreme, ordinal) if found]
    if extreme is None and (relative := relative_of(mask(part, spans))):
        spans.append(relative[1])
    rest = mask(part, spans)
    phrase = product_words(rest)
    every = cues.pattern("every").search(part) is not None
    return Item(
        phrase=phrase,
        sku=skus[0][0] if skus else None,
        ordinal=ordinal[0] if ordinal else None,
        pronoun=cues.pattern("pronoun").search(part) is not None,
        extreme=extreme[0] if extreme else None,
        relative=relative[0] if relative else None,
        every=every,
        qty=None if every else _whole(counts),
        price=price,
        category_id=category_of(rest),
    )


def _whole(counts: Sequence[Quantity]) -> int | None:
    return int(counts[0].value) if counts else None


def product_words(text: str) -> str:
    """What is left of ``text`` when commands, please and punctuation are gone: the words for the product."""
    text = _ADVERBS.sub("", text)
    concepts = find_concepts(text)
    commands = [span for span in cues.command_spans(text) if not _inside(span, concepts)]
    return content_phrase(mask(text, commands))


def _inside(span: tuple[int, int], concepts: Sequence[Match]) -> bool:
    return any(concept.start < span[1] and span[0] < concept.end for concept in concepts)


def merged_price(items: Iterable[Item]) -> PriceRange | None:
    """The first price condition among the items."""
    return next((item.price for item in items if item.price), None)


def clauses(text: str) -> Iterator[str]:
    """The parts of a message that can each hold an intent."""
    for part in _CLAUSE.split(text):
        if part and part.strip(" ,.;!?~"):
            yield part.strip(" ,.;!?~")


_CLAUSE = re.compile(
    r"(?<!\d)[,;](?!\d)|(?<=\d)[,;](?!\d{3})|(?<!\d)[,;](?=\d)|[!?\n]+|(?<!\d)(?<!\bvs)(?<!\bno)\.(?!\d)|\.$|然后|接着|之后|最后(?!一|那|的)|顺便|另外|并且|同时|"
    r"(?=再(?:加|来|买|要|给|帮|把|下单|结|看|去|用|领|换|删))|(?<=[\u4e00-\u9fff])并(?=[把加下结用买放])|"
    r"\b(?:and then|then|after that|afterwards|as well,)\b|"
    r"\band (?=(?:also |please |then |i |let me |could you |can you |i'd )*(?:add|remove|delete|check|place|put|buy|show|tell|order|pay|empty|clear|use|apply|cancel|make|change|claim|take|drop|swap|replace|how much|what|is|do|want|like to)\b)"
)
