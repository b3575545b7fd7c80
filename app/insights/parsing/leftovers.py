"""What nobody took: filler, vague words, or something that was asked for and not understood."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

from app.insights.parsing.draft import Draft
from app.insights.parsing.text import TAKEN, Text, runs
from app.language.tokens import STOP_WORDS

_VAGUE = re.compile(
    r"怎么?样|如何|情况|状况|咋样|还好吗|好不好|好吗|行不行|总结|概况|概览|表现|数据|报表|报告|日报|周报|月报|数字|指标|kpi|业绩|生意|大盘|汇报|经营|运营|"
    r"(?<![a-z])(?:how (?:are|is|were|was|did|have|has|do)|how's|numbers?|figures?|performance|performing|overview|summary|report|reports|dashboard|stats|statistics|data|"
    r"metrics?|kpis?|situation|status|doing|going|business|results?|update|analytics|insights?)(?![a-z])"
)
_BUSINESS = re.compile(
    r"店|商品|产品|会员|顾客|客户|订单|销售|卖|买|渠道|品类|支付|付款|公司|业务|优惠|折扣|促销|"
    r"(?<![a-z])(?:stores?|shops?|products?|members?|customers?|orders?|sales|sell|sold|sales|channels?|categor(?:y|ies)|payments?|buyers?|business|company|discounts?|revenue|branch(?:es)?)(?![a-z])"
)
_ASKS_HOW = re.compile(
    r"怎么?样|如何|情况|状况|咋样|还好吗|好不好|好吗|表现|概况|"
    r"(?<![a-z])(?:how (?:are|is|were|was|did|have|has|do)(?! many| much)[^?]*(?:doing|going|performing?|look(?:ing)?|been|perform|do)?|how's|performance|overview|situation|summary)(?![a-z])"
)
_FILLER = tomllib.loads(files("app.insights.parsing").joinpath("data/filler.toml").read_text("utf-8"))
_FILLER_ZH = re.compile("|".join(sorted(_FILLER["zh"].split(), key=len, reverse=True)))
_FILLER_EN = STOP_WORDS | frozenset(_FILLER["en"].split())
_PLACE_BEFORE = re.compile(r"(?<![a-z])(?:in|at|for|from|of|only) (?:the |our )?$")


def unknown_words(text: Text, draft: Draft) -> None:
    """Fill in `unknown`, unknown stores (虹桥店, at Hongqiao) into `missing`, and whether it is vague or about the shop."""
    draft.is_vague = bool(_ASKS_HOW.search(text.said))
    draft.is_business = bool(_VAGUE.search(text.said) or _BUSINESS.search(text.said))
    for run in runs(text.left):
        if rest := _content(run[0]):
            _sort_out(rest, run.start(), run.end(), text, draft)


_STORE = re.compile(r"([\u4e00-\u9fff]{2,8})(?:门店|分店|店)")


def note_missing_stores(text: Text, draft: Draft) -> None:
    """虹桥店 where there is none is a question back; 哪些门店 and 其他门店 are not."""
    for match in _STORE.finditer(text.left):
        if (name := _content(match[1])) and match[1].endswith(name):
            draft.missing.append(("store", f"{name}店"))
            text.blank(match.end(1) - len(name), match.end())


def _content(said: str) -> str:
    if said[0].isascii():
        plain = said.removesuffix("'s")
        return "" if plain in _FILLER_EN or len(plain) < 3 or said[0].isdigit() else plain
    parts = [part for part in _FILLER_ZH.split(said) if len(part) >= 2]
    return max(parts, key=len) if parts else ""


def _sort_out(word: str, start: int, end: int, text: Text, draft: Draft) -> None:
    is_place = (
        word.isascii() and bool(_PLACE_BEFORE.search(text.said[:start])) and TAKEN not in text.said[start:end]
    )
    if is_place:
        draft.missing.append(("name", word))
    else:
        draft.unknown.append(word)
