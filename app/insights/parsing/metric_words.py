"""Which metrics a sentence names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from app.insights.metrics.catalogue import catalogue
from app.insights.parsing.draft import Draft, Said
from app.insights.parsing.text import TAKEN, Text, any_of

# What joins the members of a list: GMV、客单价和订单; GMV and orders.
_LIST = r"(?: ?(?:,|和|与|及|以及|还有|加上|、|/|&|\+|and|plus|as well as|also|along with) ?(?:the |total |also |and )?)+"
_AFTER_METRIC = re.compile(rf"{TAKEN}{_LIST}$")
_BEFORE_METRIC = re.compile(rf"{_LIST}{TAKEN}")


# 品类销售额 and 新老客人数 name a metric, and the noun in them a split: it stays for `splits` to read.
_NOUN = re.compile(r"品类|类目|商品|产品|新老(?:客户|顾客|客)")


# "The discount rate of online orders" asks for one figure.
_OF_ORDERS = re.compile(rf"(?<![a-z])(?:of|from|for|on|in) (?:all |the |our |{TAKEN}+ |[a-z]+ )?$")


@dataclass(frozen=True, slots=True)
class _Words:
    pattern: re.Pattern[str]
    metrics: dict[str, str]


@cache
def _words(*, weak: bool) -> _Words:
    """The words of all metrics. Weak ones stand in the pattern of the strong too, so that "new buyers" is not "buyers"."""
    meanings: dict[str, str] = {}
    for metric in catalogue().metrics.values():
        words = (*metric.weak_zh, *metric.weak_en) if weak else (*metric.words_zh, *metric.words_en)
        meanings |= {phrase.replace("-", " "): metric.key for phrase in words}
    others = () if weak else _words(weak=True).metrics
    return _Words(re.compile(any_of({*meanings, *others})), meanings)


def take_metrics(text: Text) -> list[Said]:
    """Take the metrics that are named without doubt."""
    words, found = _words(weak=False), list[Said]()
    for match in list(words.pattern.finditer(text.left)):
        metric = words.metrics.get(match[0].replace("-", " "))
        if metric is None:
            continue
        if found and metric == "orders" and _OF_ORDERS.search(text.left, 0, match.start()):
            continue
        noun = _NOUN.match(match[0]) if metric in ("category_sales", "buyers") else None
        start = match.start() + (noun.end() if noun else 0)
        found.append(Said(metric, start, match.end()))
        text.blank(start, match.end())
    return found


_PEOPLE = frozenset({"buyers", "new_buyers", "returning_buyers"})
# 老客的客单价: whose figure it is, not one more figure.
_WHOSE = re.compile(rf"(?:的|'s|s'| )?{TAKEN}")


def names_metric(said: str) -> bool:
    """Whether a word that may stand for a metric is in it."""
    return bool(_words(weak=True).pattern.search(said))


def take_weak_metrics(text: Text, strong: list[Said]) -> list[Said]:
    """Take weak words (销售, orders, new customers) where no metric is named, or in one list with those that are."""
    words = _words(weak=True)
    spans = {(said.start, said.end) for said in strong}
    candidates = list(words.pattern.finditer(text.left))
    keys = [words.metrics[match[0].replace("-", " ")] for match in candidates]
    found: list[Said] = []
    for match, key in zip(candidates, keys, strict=True):
        if strong and not _is_listed(text, match, spans):
            continue
        if strong and key in _PEOPLE and _WHOSE.match(text.left, match.end()):
            continue
        if not strong and key in _PEOPLE and not set(keys) <= _PEOPLE:
            continue  # 新客订单占比: orders, of new customers
        found.append(Said(key, *match.span(), is_weak=True))
        spans.add(match.span())
        text.blank(*match.span())
    return found


def _is_listed(text: Text, match: re.Match[str], spans: set[tuple[int, int]]) -> bool:
    """Whether a comma or an "and" joins the word with a metric."""
    head, tail = (
        _AFTER_METRIC.search(text.left, 0, match.start()),
        _BEFORE_METRIC.match(text.left, match.end()),
    )
    ends, starts = {end for _, end in spans}, {start for start, _ in spans}
    return bool((head and head.start() + 1 in ends) or (tail and tail.end() - 1 in starts))


_HOW_MANY_SOLD = re.compile(
    r"(?<![a-z])how many (?!orders|customers|members|people|buyers|stores).{1,60}(?:sold|sell|bought|buy)|卖(?:出|掉)?了?(?:多少|几)(?!钱)"
)


# How much did the Guomao store sell: money, unless a metric is named.
_HOW_MUCH_SOLD = re.compile(
    r"(?<![a-z])how much (?:did|do|does|has|have|was|is) .{1,60}(?:sell|sold|make|made|take in|took in|earn(?:ed)?|bring in)(?![a-z])"
)
# 买过面膜的人数, 买了东西的会员有多少
_BOUGHT_BY = re.compile(
    r"(?:买|购买|消费|下单)(?:过|了).{0,20}?(?:人数|多少人|(?:会员|顾客|客户|用户)(?:数|有多少|有几|人数)|多少(?:会员|顾客|客户|用户))"
)
# "New vs returning buyers" names a split, and in it what is counted.
_BUYERS_APART = re.compile(
    r"(?<![a-z])(?:buyers|shoppers|customers)(?![a-z])|(?:新老|老|新)(?:客|客户|顾客|会员)(?:人数|数)|(?:老|新)(?:客户|顾客|会员|客)(?:各自?|分别)?(?:有|是)?(?:多少|几)(?!钱|单)"
)


def sold_metric(text: Text, draft: Draft) -> list[str]:
    """卖得最好, "how many lipsticks did we sell": units of goods, money of anything else."""
    if text.has(_HOW_MANY_SOLD):
        return ["units"]
    if text.has(_HOW_MUCH_SOLD):
        return ["gmv"]
    if text.has(_BOUGHT_BY):
        return ["buyers"]
    if text.has(_BUYERS_APART) and "customer" in draft.dimensions:
        return ["buyers"]
    if draft.rank is None or not draft.rank.sold:
        return []
    reach = {*draft.dimensions, *(part.dimension for part in draft.filters)}
    return [
        "gmv"
        if reach & {"store", "city", "channel", "level", "day", "week", "month"} and "product" not in reach
        else "units"
    ]


def nearest(metrics: list[Said], start: int, end: int, *, before_first: bool) -> str | None:
    """The metric that stands by a span: the last before it, or the first after it; the other side when there is none."""
    before = [said for said in metrics if said.end <= start]
    after = [said for said in metrics if said.start >= end]
    sides = (before[-1:], after[:1]) if before_first else (after[:1], before[-1:])
    for side in sides:
        if side:
            return side[0].metric
    return metrics[0].metric if metrics else None
