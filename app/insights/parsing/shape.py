"""The shape of a report: comparison, share of total, averages by day, the step of a series, trend."""

from __future__ import annotations

import re

from app.insights.parsing.draft import Draft
from app.insights.parsing.metric_words import names_metric
from app.insights.parsing.text import Text
from app.insights.question import TIME
from app.language.periods import rolling

_YEAR = re.compile(
    r"同比|去年同期|上年同期|(?:比|和|与|跟|较)去年(?:同期)?(?:相?比)?|年同比|(?<![a-z])(?:yoy|y/y|year[- ](?:over|on)[- ]year|"
    r"(?:vs\.?|versus|compared (?:to|with)|against) (?:the same (?:period|time|days|week|month) (?:of )?)?(?:last|a|the previous|the prior) year(?: ago| earlier| before)?|"
    r"(?:than|from) (?:a year ago|last year)|the same (?:period|time|week|month) last year|a year (?:ago|earlier|before))(?![a-z])"
)
_PREVIOUS = re.compile(
    r"环比(?:变化|增长率?|增幅|增速|下降|情况|涨跌|变动)?|(?:和|与|跟|同|较|比|相比)?(?:上期|上一期|前期|上一?个?周期|前一?个?周期|上一个?同等?周期|前一?段时间|之前(?:同期|一期)?|上一阶段)(?:相比|比较|对比|比|的?变化)?|"
    r"(?<![a-z])(?:wow|w/w|mom|m/m|dod|pop|qoq|(?:week|month|day|period|quarter)[- ](?:over|on)[- ](?:week|month|day|period|quarter)|"
    r"(?:vs\.?|versus|compared (?:to|with)|against|relative to|than|from|over) (?:the |our )?(?:day before(?! yesterday)|period before|previous (?:period|one|\d+ days|seven days|week|month)|prior (?:period|one|week|month)|preceding (?:period|one|week|month|\d+ days)|one before|(?:\d+ |seven )?(?:days|week|weeks|month|months) (?:before|earlier|prior)|period prior))(?: that| it| this)?(?![a-z])|"
    r"(?<![a-z])(?:with|and|to|against) (?:the )?(?:previous|preceding|prior) (?:period|(?:\d+ |seven )?days|week|month)(?![a-z])|"
    r"(?<![a-z])(?:period before|previous period|prior period|preceding period)(?![a-z])"
)
_CHANGE = re.compile(
    r"增长率|增长了?|增幅|增速|涨幅|跌幅|降幅|涨跌(?:情况|幅)?|变化(?:情况|率|趋势)?|变动(?:情况)?|涨了|跌了|上涨了?|下跌了?|上升了?|下降了?|下滑了?|提升了|降低了|减少了|升了|降了|"
    r"(?<![a-z])(?:growth(?: rate)?|grown|grew|grow|change[ds]?|changing|increase[ds]?|decrease[ds]?|declined?|dropped|fallen|fell|rose|risen|gone (?:up|down)|went (?:up|down)|go (?:up|down)|up or down)(?![a-z])"
)
_VERSUS = re.compile(
    r"对比|相比(?:较)?|比较|比起|比(?!例|重|率)|较|vs\.?|versus|compar(?:e|ed|ison|ing)(?: (?:to|with))?|against|相较于?|差(?:异|距|多少)"
)
_SHARE = re.compile(
    r"(?:各自|所|分别)?(?:占比|占(?:总|整体|全部|全国|所有|大盘)?(?P<of>[\u4e00-\u9fff¦]{0,10}?)(?:的)?(?:比例|比重|百分比|百分之几|多少|几成)|比重|份额|贡献占比|贡献率|贡献度|贡献|构成(?:比例)?|结构(?:比例)?|比例|百分比)(?:情况|分布)?|"
    r"(?<![a-z])(?:(?:market |percentage |percent |relative )?shares?(?: of (?:the )?(?:total|overall|all))?|(?:what |as a )?(?:percentage|percent|proportion|fraction)s?(?: of (?:the )?(?:total|overall))?|contributions?|contribut(?:e|es|ed)(?: to)?|(?<=¦ )mix|(?:category|channel|product|store|city|customer) mix(?: of)?|composition|makeup of|% of(?: the)? total)(?![a-z])"
)
_DAILY = re.compile(
    r"日均|平均每(?:天|日)(?:的)?|每(?:天|日)平均(?:的)?|天均|(?<![a-z])(?:average|avg\.?|mean)(?: number of)?(?: daily| ¦+ (?:per|a|each) day)|(?<![a-z])daily (?:average|avg|mean)|on average (?:per|each|every|a) day|(?:per|a) day on average"
)
_GRAINS = (
    (
        "day",
        re.compile(
            r"(?:按|分|逐|以)(?:照)?(?:天|日)(?:期)?(?:统计|汇总|拆分|展示|看)?|每一?(?:天|日)|逐日|各(?:天|日)|日趋势|日度|天级|单日|分日|当日每天|(?<=[和与及,])(?:天|日期)(?=的|$|¦|[,。?! ])|(?<![a-z])(?:daily|(?:by|per|each|every) (?:single )?(?:day|date)|day[- ]by[- ]day|(?<=and )(?:by )?day|(?<=, )(?:by )?day|(?<=& )day|for each day|a day(?! before)|over the days)(?![a-z])"
        ),
    ),
    (
        "week",
        re.compile(
            r"(?:按|分|逐|以)(?:照)?(?:自然)?(?:周|星期)(?:统计|汇总|拆分|看)?|每(?:一|个)?(?:周|星期|礼拜)(?!末)|逐周|各(?:个)?(?:周|星期)|周趋势|周度|分周|(?<![a-z])(?:weekly|(?:by|per|each|every) week|week[- ]by[- ]week|(?<=and )(?:by )?week|(?<=, )(?:by )?week|for each week)(?![a-z])"
        ),
    ),
    (
        "month",
        re.compile(
            r"(?:按|分|逐|以)(?:照)?(?:自然)?月(?:份|度)?(?:统计|汇总|拆分|看)?|每(?:一|个)*月|逐月|各(?:个)?月(?:份)?|月趋势|月度|分月|(?<![a-z])(?:monthly|(?:by|per|each|every) month|month[- ]by[- ]month|(?<=and )(?:by )?month|(?<=, )(?:by )?month|for each month)(?![a-z])"
        ),
    ),
)
# The day, week or month that a superlative or threshold asks for.
_WHICH_GRAINS = (
    (
        "day",
        re.compile(
            r"(?:哪|哪些|哪几|哪一|的(?:那|一)?)(?:些|几)?(?:天|日(?!均)|日子)|(?<=¦)(?:天|日)(?!均)|日子|(?<![a-z])(?:(?:which|what) (?:single )?(?:days?|dates?)|(?<=¦ )days?(?= |¦|$|\?)|day of (?:the )?¦+|days (?:with|when|where|on which))(?![a-z])"
        ),
    ),
    (
        "week",
        re.compile(
            r"(?:哪|哪些|哪几|哪一|的一)(?:些|几|个)?(?:周|星期)|(?<![a-z])(?:which|what) weeks?(?![a-z])|(?<=¦ )weeks?(?= |$|\?)|weeks (?:with|when)"
        ),
    ),
    (
        "month",
        re.compile(
            r"(?:哪|哪些|哪几|哪一|的一)(?:些|几|个)*月(?:份)?|(?<![a-z])(?:which|what) months?(?![a-z])|(?<=¦ )months?(?= |$|\?)|months (?:with|when)"
        ),
    ),
)
_TREND = re.compile(
    r"趋势图?|走势图?|变化曲线|曲线|(?<![a-z])(?:trends?|trending|trend line|over time|time series|curve|development|evolution|evolved?|timeline)(?![a-z])"
)


_BY_MONTH = re.compile(r"月环比|(?<![a-z])(?:mom|m/m|month[- ](?:over|on)[- ]month)(?![a-z])")


def take_shape(text: Text, draft: Draft) -> None:
    """Take all that says how the figures are to be shown. Periods are taken already."""
    if text.take(_YEAR):
        draft.comparison = "year"
    elif text.take(_PREVIOUS):
        draft.comparison = "previous"
    draft.daily = bool(text.take(_DAILY))
    draft.share = _take_share(text)
    draft.trend = bool(text.take(_TREND))
    _take_grains(text, draft)
    if draft.comparison is None:
        _take_named_comparison(text, draft)
    else:
        text.take(_CHANGE)
    if draft.comparison == "previous" and not draft.periods and _BY_MONTH.search(text.said):
        draft.periods.append(rolling(1, "month"))


def _take_share(text: Text) -> bool:
    """Blank the words for a share. In 占全国订单的比重 the orders stay: they are what it is a share of."""
    found = list(_SHARE.finditer(text.left))
    for match in found:
        is_said = bool(match["of"]) and names_metric(match["of"])
        start, end = match.span("of") if is_said else (match.end(), match.end())
        text.blank(match.start(), start)
        text.blank(end, match.end())
    return bool(found)


def take_versus(text: Text) -> None:
    """Blank "compared with" and its like, once "new vs returning" has been read."""
    text.take(_VERSUS)


def _take_named_comparison(text: Text, draft: Draft) -> None:
    """Two periods are compared with each other; a change without a base is against the period before."""
    is_series = draft.trend or any(step in draft.dimensions for step in TIME)
    if len(draft.periods) == 1 and text.take(_CHANGE) and not is_series:
        draft.comparison = "previous"
    else:
        text.take(_CHANGE)


def _take_grains(text: Text, draft: Draft) -> None:
    for step, pattern in _GRAINS:
        if found := text.take(pattern):
            draft.dimensions.append(step)
            draft.places[step] = found[0].start()
    for step, pattern in _WHICH_GRAINS:
        if (draft.rank or draft.bounds) and step not in draft.dimensions and text.take(pattern):
            draft.dimensions.append(step)
