"""Thresholds: 成交额超过10万, 客单价低于平均值, 支付成功率95%以下, more than 500 orders, GMV dropped by over 10%."""

from __future__ import annotations

import re

from app.insights.parsing.draft import Bound, Said
from app.insights.parsing.metric_words import nearest
from app.insights.parsing.text import TAKEN, Text
from app.insights.question import Comparator
from app.language.numbers import parse_number

_GT = r"超过|[破过](?=[一二两三四五六七八九十\d]{0,4}[百千万])|超出|超|大于|高于|多于|突破|高过|胜过|优于|好于|>|(?<![a-z])(?:over|above|more than|greater than|higher than|larger than|exceed(?:s|ed|ing)?|beat(?:s|ing)?|better than|beyond|upwards of)"
_GE = r"不低于|不少于|不小于|不下于|至少|起码|达到|达|>=|≥|(?<![a-z])(?:at least|no less than|not less than|no lower than|no fewer than|minimum of|a minimum of)"
_LT = r"低于|小于|少于|不足|不到|不满|未达到?|没到|没有达到|低过|差于|<|(?<![a-z])(?:below|under|less than|fewer than|lower than|smaller than|worse than)"
_LE = r"不超过|不高于|不大于|不多于|至多|最多(?!的)|<=|≤|(?<![a-z])(?:at most|no more than|not more than|not over|up to|no higher than)"
_COMPARE = rf"(?P<ge>{_GE})|(?P<le>{_LE})|(?P<gt>{_GT})|(?P<lt>{_LT})"
_NUMBER = r"(?:[¥$]|rmb ?|cny ?)?(?P<n>百分之[\d.一二两三四五六七八九十百]+|[\d,]*\d(?:\.\d+)?|[一二两三四五六七八九十百千万]+|(?:one|two|three|five|ten|twenty|fifty|a) (?:hundred|thousand|million))"
_SCALE = r" ?(?P<scale>万|千|百|亿|w(?![a-z])|k(?![a-z])|m(?![a-z])|million|thousand|hundred)?"
_UNIT = r" ?(?P<unit>%|个百分点|个点|percent|per cent|pct|成(?!交|功)|元钱|元|块钱|块|yuan|rmb|cny|单|笔|件|个人|人|位|名|个|orders?|units?|pieces|items|buyers|customers|members|people)?"
_VALUE = rf"(?:了|的|过|到|by|为|是)? ?(?:约|大约)?{_NUMBER}{_SCALE}{_UNIT}"
_FALL = r"(?P<fall>下降|下跌|下滑|降低|减少|跌|降|回落|fell|fallen|drop(?:s|ped)?|declin(?:e|ed|es|ing)|decreas(?:e|ed|es|ing)|falling|dropping|down|lost)"
_RISE = r"(?P<rise>增长|上升|上涨|增加|提升|涨|升|grew|grown|grow(?:s|ing)?|ris(?:e|en|es|ing)|rose|increas(?:e|ed|es|ing)|up|gained)"
_CHANGE = rf"(?:环比|同比)?(?:{_FALL}|{_RISE})(?:幅度|幅|率)?(?: by)? ?"
_OF_ALL = r"(?:全部|所有|整体|总体|全体|各|全国|全公司|公司|集团|全)?(?:的)?(?:门店|店铺|店|城市|渠道|品类|商品|产品)?(?:之间)?(?:的)?"
_AVERAGE_ZH = rf"{_OF_ALL}(?:平均(?:值|水平|数|线|¦+)?|均值|均线|总体水平|整体水平|大盘)"
_AVERAGE_EN = rf"(?: than)? ?(?:the |our )?(?:overall |chain(?:-wide)? |company(?:-wide)? |network |global |general |total |all-store |store |group |{TAKEN}+ )*(?:average|mean)(?: value| level)?(?: (?:of|across|over|for) (?:all |the |our )*(?:stores|cities|channels|products|categories|shops))?"
_AVERAGE = re.compile(
    rf"(?:(?P<gt>高于|超过|大于|高过|优于|好于|胜过|多于|超出|above|over|higher than|more than|greater than|exceed(?:s|ing)?|better than|beat(?:s|ing)?)|"
    rf"(?P<lt>低于|小于|不及|不到|少于|低过|差于|不如|below|under|lower than|less than|worse than|fewer than))(?:了|过)? ?-?(?:{_AVERAGE_ZH}|{_AVERAGE_EN})"
)
_BY_CHANGE = re.compile(rf"(?<![a-z]){_CHANGE}(?:{_COMPARE})? ?{_VALUE}(?P<suffix>以上|以下|or more|\+)?")
# 环比下降的门店: those whose figure fell, by however much.
_BY_DIRECTION = re.compile(
    r"(?:(?:较|比|相比)(?:上期|上一期|上周期|上一周期|前期|之前))?(?:环比)?(?:(?P<fall>下降|下跌|下滑|降低|减少|回落)|(?P<rise>增长|上升|上涨|增加|提升))了?的"
    r"(?:有)?(?=(?:所有|全部|那些)?(?:门店|店铺|店|城市|渠道|品类|类目|商品|产品|单品|等级))"
)
_PREFIX = re.compile(rf"(?:{_COMPARE}) ?{_VALUE}(?P<suffix>以上|以下)?")
_SUFFIX = re.compile(
    rf"(?<![\d.前第]){_NUMBER}{_SCALE}{_UNIT} ?(?P<suffix>及以上|及以下|以上|以下|以内|or more|or above|or higher|and above|and over|or less|or below|or lower|\+(?!\d))"
)
_BETWEEN = re.compile(
    r"(?:在|介于|between )(?:[¥$])?(?P<a>\d[\d,.]*) ?(?P<as>万|千|百|k|w)?(?:%|元|yuan)?(?: ?(?:到|至|-|~|和|与|and|to) ?)(?:[¥$])?(?P<b>\d[\d,.]*) ?(?P<bs>万|千|百|k|w)?(?P<bu>%|元|yuan|单|件)?(?:之间)?"
)
_SCALES = {
    "万": 1e4,
    "千": 1e3,
    "百": 1e2,
    "亿": 1e8,
    "w": 1e4,
    "k": 1e3,
    "m": 1e6,
    "million": 1e6,
    "thousand": 1e3,
    "hundred": 1e2,
}
_UNIT_METRICS = {
    **dict.fromkeys(("元", "元钱", "块", "块钱", "yuan", "rmb", "cny"), "gmv"),
    **dict.fromkeys(("单", "笔", "order", "orders"), "orders"),
    **dict.fromkeys(("件", "unit", "units", "pieces", "items"), "units"),
    **dict.fromkeys(("人", "个人", "位", "名", "buyers", "customers", "people"), "buyers"),
}
_COMPARATORS: tuple[Comparator, ...] = ("ge", "le", "gt", "lt")
_PERCENTS = ("%", "个百分点", "个点", "percent", "per cent", "pct")


def take_thresholds(text: Text, metrics: list[Said]) -> list[Bound]:
    """Take every threshold; its metric is the one before it, in English also the one after."""
    found = [
        Bound(
            "gt" if m["gt"] else "lt",
            None,
            nearest(metrics, *m.span(), before_first=not _is_adjective(text, m)),
        )
        for m in text.take(_AVERAGE)
    ]
    found += [bound for match in text.take(_BY_CHANGE) if (bound := _change(match, metrics))]
    found += [
        Bound("lt" if m["fall"] else "gt", 0.0, nearest(metrics, *m.span(), before_first=True), "change")
        for m in text.take(_BY_DIRECTION)
    ]
    for match in text.take(_BETWEEN):
        metric, percent = nearest(metrics, *match.span(), before_first=True), match["bu"] == "%"
        found.append(Bound("ge", _plain_number(match["a"], match["as"], percent), metric, percent=percent))
        found.append(Bound("le", _plain_number(match["b"], match["bs"], percent), metric, percent=percent))
    for pattern in (_PREFIX, _SUFFIX):
        for match in list(pattern.finditer(text.left)):
            if bound := _bound(match, metrics):
                found.append(bound)
                text.blank(*match.span())
    return found


def _is_adjective(text: Text, match: re.Match[str]) -> bool:
    """below-average AOV: the metric follows."""
    return text.left[match.end() : match.end() + 2] == f" {TAKEN}" and match[0].endswith("average")


def _change(match: re.Match[str], metrics: list[Said]) -> Bound | None:
    value = _value(match)
    if value is None:
        return None
    share = abs(value) / 100 if match["unit"] in _PERCENTS or abs(value) > 1 else abs(value)
    falls = bool(match["fall"])
    more = not (match["lt"] or match["le"] or match["suffix"] == "以下")
    comparator: Comparator = "lt" if falls == more else "gt"
    return Bound(
        comparator, -share if falls else share, nearest(metrics, *match.span(), before_first=True), "change"
    )


def _bound(match: re.Match[str], metrics: list[Said]) -> Bound | None:
    value = _value(match)
    if value is None:
        return None
    groups = match.groupdict()
    comparator = next((key for key in _COMPARATORS if groups.get(key)), None) or _of_suffix(groups["suffix"])
    unit = match["unit"] or ""
    is_percent = unit in _PERCENTS or unit == "成" or match["n"].startswith("百分之")
    metric = _metric_of(unit, match, metrics)
    return Bound(
        comparator, value / (10 if unit == "成" else 100) if is_percent else value, metric, percent=is_percent
    )


def _of_suffix(suffix: str | None) -> Comparator:
    return (
        "le"
        if suffix and ("下" in suffix or "内" in suffix or suffix.split()[-1] in ("less", "below", "lower"))
        else "ge"
    )


def _metric_of(unit: str, match: re.Match[str], metrics: list[Said]) -> str | None:
    """The metric by the threshold. A unit names one where no other stands near: 超过500单, more than 500 orders."""
    close = [said for said in metrics if 0 <= match.start() - said.end <= 8]
    if close:
        return close[-1].metric
    if unit in _UNIT_METRICS and unit not in ("元", "块", "yuan", "人", "个人", "位", "名"):
        return _UNIT_METRICS[unit]
    return nearest(metrics, *match.span(), before_first=True) or _UNIT_METRICS.get(unit)


def _value(match: re.Match[str]) -> float | None:
    said = match["n"].removeprefix("百分之").replace(",", "")
    # 破万: a scale alone is one of it.
    base = _SCALES[said] if said in _SCALES else parse_number(said)
    return None if base is None else base * _SCALES.get(match["scale"] or "", 1)


def _plain_number(said: str, scale: str | None, percent: bool) -> float:
    value = float(said.replace(",", "").rstrip(".") or 0) * _SCALES.get(scale or "", 1)
    return value / 100 if percent else value
