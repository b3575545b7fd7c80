"""By what a report is split: 各门店, 按渠道和品类, by store, per channel, which products."""

from __future__ import annotations

import re
from functools import cache

from app.insights.metrics.catalogue import Dimension, catalogue
from app.insights.parsing.draft import Draft, Rank
from app.insights.parsing.text import TAKEN, Text, any_of
from app.insights.question import TIME
from app.language.normalise import detect_language

# All of them together, not one by one.
_TOGETHER = re.compile(
    r"(?:全部|所有|全体|整个|整体)(?:的)?(?:门店|店铺|店|城市|渠道|品类|商品|产品)(?:的)?(?:合计|总计|总共|总和|总的|加起来)?|全渠道|全国|全公司|全品类|全店|集团|公司整体|整体|大盘|(?:门店|我们店)(?:总计|合计)|不分(?:门店|渠道|城市|品类|商品)|"
    r"(?<![a-z])(?:(?:across|for|of|in|from|at|over) )?(?:all|all of)(?: of)?(?: the| our)? (?:stores|shops|cities|channels|categories|products|branches)(?: (?:together|combined|in total))?(?![a-z])|"
    r"(?<![a-z])(?:in total|in all|overall|altogether|combined|company[- ]wide|chain[- ]wide|nationwide|our (?:stores|shops)|the (?:whole )?(?:chain|company)|total)(?![a-z])|"
    r"一共|总共|合计|总计|总和|加起来|汇总|总的"
)
_EACH_ZH = r"(?:各个?|每个?|每一[个家款种]?|每家|分|按照?|不同|逐个?|哪一?[些个家款种几]*|单个?|以|细分到|拆分?到|拆成|区分|划分|分别)(?:的)?"
_AFTER_ZH = r"(?:的)?(?:排名|排行|榜|对比|比较|分布|维度|间|之间|拆分|明细|top|前|有哪|是哪|分别|各自|里|中|谁|情况|列表|清单)"
_EACH_EN = r"(?:(?:broken down |split |split up |grouped |group |segmented |sliced |divided )?by|per|each|every|for each|for every|across(?: the)?|among(?: the)?|between(?: the)?|(?:in )?which|what|list(?: the| of)?|different|individual|our|the|of the|all the|rank(?: the)?|compare(?: the)?|of each|in each|at each|top|bottom|best|worst|[a-z]*¦+)"
_WISE_EN = r"(?:[- ]wise|[- ]level|[- ]by[- ][a-z]+| breakdown| split| ranking| comparison)"


def take_splits(text: Text, draft: Draft) -> None:
    """Take the dimensions. A bare noun is enough for most; "商品" and "products" need a word that asks for each."""
    draft.ungrouped = bool(text.take(_TOGETHER))
    found: list[tuple[int, str]] = []
    for dimension in catalogue().dimensions.values():
        if dimension.time or not dimension.nouns_zh:
            continue
        asked, bare = _patterns(dimension.key)
        hits = text.take(asked)
        if not hits and _takes_bare(dimension, draft):
            hits = text.take(bare)
        found += [(hits[0].start(), dimension.key)] if hits else []
        text.take(bare)
    draft.places |= {key: start for start, key in found}
    draft.dimensions += [key for _, key in sorted(found) if key not in draft.dimensions]
    if draft.rank and draft.rank.count is not None and len(draft.dimensions) >= 2:
        draft.per = _per(text, draft, draft.rank)


def _per(text: Text, draft: Draft, rank: Rank) -> str | None:
    """Within what is ranked: 各门店销量前3的商品, the top product in each city. Not in 每天 after the ranking: that is a series."""
    places = draft.places
    if is_chinese(text.said):
        early = [key for key, start in places.items() if start < rank.start]
        late = [key for key, start in places.items() if start > rank.start and key not in TIME]
        return early[-1] if early and late else None
    eaches = [
        key
        for key in places
        if re.search(rf"(?:each|every|per) (?:{any_of(_nouns(key))})", text.said[rank.start :])
    ]
    return eaches[-1] if eaches and (rank.count in (0, 1) or eaches[-1] not in TIME) else None


def is_chinese(said: str) -> bool:
    return detect_language(said) == "zh"


def _nouns(key: str) -> tuple[str, ...]:
    entry = catalogue().dimensions[key]
    return entry.nouns_en or (key,)


def _takes_bare(dimension: Dimension, draft: Draft) -> bool:
    """A noun alone splits where something is ranked or bounded, or where it hardly means anything else."""
    if draft.rank and draft.rank.count is not None:
        return True
    return bool(draft.bounds) or draft.share or dimension.bare


@cache
def _patterns(key: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    dimension = catalogue().dimensions[key]
    chinese, english = any_of(dimension.nouns_zh), any_of(dimension.nouns_en)
    list_zh = rf"{TAKEN}(?:,|和|与|及|、)"
    asked = (
        rf"(?:{_EACH_ZH}|{list_zh})(?:{chinese})(?:维度|层面)?|(?:{chinese})(?={_AFTER_ZH})|(?:{chinese})(?:维度|分组)|"
        rf"(?<![a-z]){_EACH_EN} (?:of (?:the |our )?)?(?:{english})(?![a-z0-9'])|(?:{english}){_WISE_EN}"
    )
    return re.compile(asked), re.compile(f"{chinese}|{english}")
