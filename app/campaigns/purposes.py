"""What a campaign is for: its goal, figure of success, channels and controls in words, both languages. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.campaigns.plans import Plan
from app.coupons.labels import label


@dataclass(frozen=True, slots=True)
class Purpose:
    """A kind of campaign. `cue` finds it in a normalised sentence; `metric` is the report's name of the figure."""

    metric: str
    cue: str
    zh: str
    en: str
    target_zh: str
    target_en: str


PURPOSES = (
    Purpose("repeat_rate", r"复购|回购|repeat|repurchase|come back again|second order", "提升复购率", "Raise the repeat rate", "活动期复购率高于活动前同等天数", "Repeat rate above that of as many days before"),
    Purpose("returning_buyers", r"唤醒|召回|沉睡|流失|休眠|win[- ]?back|win them back|lapsed|dormant|inactive|reactivat|没来|没下单|haven't|not ordered|no order|not bought", "唤醒久未下单的会员", "Win back members who stopped ordering", "久未下单的会员有 5% 回来下单", "5 percent of the lapsed members order again"),
    Purpose("new_buyers", r"拉新|新客|新会员|首单|首购|new customers?|new members?|new buyers?|first order|acquire|acquisition", "促成新客首单", "Bring new customers to their first orders", "新客数高于活动前同等天数", "More new buyers than in as many days before"),
    Purpose("aov", r"客单价|凑单|连带|aov|basket|average order|order value|larger orders|bigger orders", "提升客单价", "Raise the average order value", "使用优惠券的订单客单价高于未使用的", "Orders with the coupon above orders without it"),
    Purpose("orders", r"订单数|订单量|单量|客流|more orders|number of orders|traffic|footfall", "增加订单数", "Get more orders", "订单数高于活动前同等天数", "More orders than in as many days before"),
    Purpose("gmv", r"", "提升销售额", "Raise sales", "成交额高于活动前同等天数", "GMV above that of as many days before"),
)  # fmt: skip
CHANNELS = {
    "sms": (r"短信|sms|text message", "短信", "SMS"),
    "wechat": (r"微信|公众号|企微|wechat", "微信", "WeChat"),
    "email": (r"邮件|e-?mail", "邮件", "E-mail"),
    "store": (r"门店|到店|店内|in[- ]store|in the stores?", "门店", "Stores"),
}
CENTRE = ("优惠券中心", "My coupons")
CONTROLS = (
    ("每位顾客限用一次,每单限用一张券", "One use for each customer, one coupon for each order"),
    ("使用次数用完或到期即停", "It ends when its uses or its days are over"),
)
CAPPED = ("每单优惠设上限,总成本不超过预算", "The discount of an order is capped, so that the budget holds")
SEGMENT_WORDS: Mapping[str, tuple[str, str]] = {
    "level": ("会员等级{op}{value}", "level {op} {value}"),
    "store": ("{value}号店", "store {value}"),
    "city": ("{value}", "in {value}"),
    "days_since_last_order": ("距上次下单{op}{value}天", "last order {op} {value} days ago"),
    "orders_count": ("已付款订单{op}{value}单", "{op} {value} paid orders"),
    "total_spent": ("累计消费{op}{value}元", "spent {op} {value} yuan"),
    "member_days": ("入会{op}{value}天", "a member for {op} {value} days"),
    "customer_type": ("{value}", "{value} customers"),
    "category_bought": ("买过{value}", "bought {value}"),
}
TYPES = {"new": ("新客(付款不到2单)", "new"), "returning": ("老客(付款2单及以上)", "returning")}
OPERATORS = {
    ">=": ("≥", "≥"), "<=": ("≤", "≤"), ">": (">", ">"), "<": ("<", "<"), "==": ("=", "="), "!=": ("≠", "≠"),
    "in": ("", ""), "not_in": ("非", "not"),
}  # fmt: skip


def purpose_of(normalised: str) -> Purpose:
    """The first purpose that the sentence names; sales otherwise."""
    return next(each for each in PURPOSES if re.search(each.cue, normalised))


def channels_of(normalised: str, locale: str) -> list[str]:
    """The shop's own list of coupons, and what else the sentence names."""
    english = locale == "en"
    named = [en if english else zh for cue, zh, en in CHANNELS.values() if re.search(cue, normalised)]
    return [CENTRE[english], *named]


def definition_of(
    rules: list[dict[str, Any]], locale: str, english_names: Mapping[str, str] | None = None
) -> str:
    """A segment's rules in words; `english_names` are those of cities and categories by their Chinese names."""
    english = locale == "en"
    if not rules:
        return "All members" if english else "全部会员"
    joined = (", " if english else "、").join(
        _rule_words(rule, english, english_names or {}) for rule in rules
    )
    return f"Members: {joined}" if english else f"会员:{joined}"


def _rule_words(rule: dict[str, Any], english: bool, names: Mapping[str, str]) -> str:
    value = rule["value"]
    listed = value if isinstance(value, list) else [value]
    told = [
        TYPES[each][english] if each in TYPES else names.get(str(each), str(each)) if english else str(each)
        for each in listed
    ]
    pattern = SEGMENT_WORDS[rule["field"]][english]
    text = pattern.format(op=OPERATORS[rule["op"]][english], value=("/" if english else "或").join(told))
    is_negated = rule["op"] in ("!=", "not_in") and "{op}" not in pattern
    return f"{'not ' if english else '非'}{text}" if is_negated else text


@dataclass(frozen=True, slots=True)
class Worth:
    """An offer as `app.coupons.labels.label` reads it."""

    type: str
    benefit: int
    threshold_cents: int
    max_discount_cents: int | None = None


def offer_label(plan: Plan, locale: str, *, with_cap: bool = False) -> str:
    """满300减50 / 50 off 300."""
    offer = plan.offer
    cap = plan.cap_cents if with_cap and offer.type == "discount" else None
    return label(Worth(offer.type, offer.benefit, offer.threshold_cents, cap), locale)
