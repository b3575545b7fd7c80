"""What a sentence says of a campaign: offer, duration and budget. Pure; texts are normalised (app.language.normalise)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from app.language.numbers import parse_number

# An amount as people write it: 300, 3,000, 1.5, 3万, 20k, 三百.
NUMBER = r"(?:\d+(?:,\d{3})*(?:\.\d+)?(?: ?[kw](?![a-z])|[万千百])?|[零一二两三四五六七八九十百千万]+)"
YUAN = r"(?: ?(?:元|块钱|块|rmb|yuan|cny))?"
SIGN = r" ?(?:[¥￥]|rmb |cny )? ?"
WORDS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10,
    "twelve": 12, "fourteen": 14, "thirty": 30,
}  # fmt: skip
COUNT = rf"(?:{NUMBER}|{'|'.join(WORDS)})"


@dataclass(slots=True)
class Brief:
    """A sentence, whose parts are taken out one after the other so that nothing is read twice."""

    text: str
    offer: dict[str, Any] = field(default_factory=dict)

    def take(self, pattern: str) -> re.Match[str] | None:
        """Find a part and blank it out."""
        match = re.search(pattern, self.text)
        if match:
            self.text = f"{self.text[: match.start()]} ; {self.text[match.end() :]}"
        return match


def number_of(text: str) -> float:
    """The value of what NUMBER or COUNT matched."""
    if text in WORDS:
        return WORDS[text]
    return parse_number(text.replace(" ", "")) or 0


def _plain(value: float) -> float:
    value = round(value, 2)
    return int(value) if value == int(value) else value


FULL = (
    rf"(?:每?单?满|消费满?|花|买满?|spend(?:ing)? (?:over )?){SIGN}(?P<over>{NUMBER}){YUAN} ?,? ?(?:and |to )?"
    rf"(?:立减|直减|减免?|优惠|便宜|返|save|get){SIGN} ?(?P<off>{NUMBER}){YUAN}(?: off)?",
    rf"(?<![\d.]){SIGN}(?P<over>\d+){YUAN}减{SIGN}(?P<off>\d+){YUAN}",
    rf"{SIGN}(?P<off>{NUMBER}){YUAN} off (?:(?:for |on )?(?:all |any )?(?:orders?|purchases?|baskets?|carts?|every|everything|when you spend|spending|spends?|of|from|on|over|above|for)? ?(?:of |over |above |from )?)"
    rf"{SIGN}(?P<over>{NUMBER}){YUAN}(?!%|\d)(?: (?:or more|and up))?",
)
FLAT = (
    rf"(?:无门槛)?(?:立减|直减|减免|减){SIGN}(?P<off>{NUMBER}){YUAN}",
    rf"(?:无门槛|代金|立减|现金)(?:券)?{SIGN}(?P<off>{NUMBER}){YUAN}(?:的)?券?",
    rf"(?P<off>{NUMBER}){YUAN}(?:的)?(?:无门槛|代金|现金|优惠)券?",
    rf"{SIGN}(?P<off>{NUMBER}){YUAN} off(?! ?\d)",
)
THRESHOLD = (
    rf"满{SIGN}(?P<over>{NUMBER}){YUAN} ?(?:,|即|可|享|打|送)?",
    rf"(?:orders?|purchases?|baskets?|spend(?:ing)?) (?:of|over|above|from|at least) {SIGN}(?P<over>{NUMBER}){YUAN}",
    rf"(?:over|above) {SIGN}(?P<over>{NUMBER}){YUAN}(?= |$|,|;)",
)
ZHE = r"(?:打|享|全场|全部)?(?P<zhe>\d{1,2}(?:\.\d)?|[一二三四五六七八九]{1,2}) ?折"
HALF_PRICE = r"半价|(?<![一二三四五六七八九])五折|half[- ]price|half off"
PERCENT_OFF = r"(?P<percent>\d{1,2}) ?(?:%|percent|per cent)(?: (?:off|discount|reduction))"
MULTIPLE_POINTS = r"(?P<times>双|[两二三四五2-5]|double|triple|twice the) ?倍? ?(?:积分|points)"
GIVEN_POINTS = rf"(?:送|赠送?|加赠|奖励|得|give|get|earn|bonus of)? ?(?P<points>{NUMBER}) ?(?:个)?(?:bonus |extra )?(?:积分|points)"
TIMES = {"双": 2, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "double": 2, "twice the": 2, "triple": 3}


def read_offer(brief: Brief, basket: float) -> dict[str, Any]:
    """The offer's type, threshold and value; empty when the sentence names none. `basket` (yuan) makes points a number."""
    for read in (_full_reduction, _points, _discount, _flat):
        found = read(brief, basket)
        if found:
            return found
    return {}


def _full_reduction(brief: Brief, _basket: float) -> dict[str, Any]:
    for pattern in FULL:
        match = brief.take(pattern)
        if match:
            over, off = number_of(match["over"]), number_of(match["off"])
            return {"type": "full_reduction", "threshold": _plain(over), "value": _plain(off)}
    return {}


def _flat(brief: Brief, _basket: float) -> dict[str, Any]:
    for pattern in FLAT:
        match = brief.take(pattern)
        if match:
            return {"type": "full_reduction", "threshold": 0, "value": _plain(number_of(match["off"]))}
    return {}


def _discount(brief: Brief, _basket: float) -> dict[str, Any]:
    paid = _percent_paid(brief)
    if paid is None:
        return {}
    return {"type": "discount", "threshold": _threshold(brief), "value": paid}


def _percent_paid(brief: Brief) -> int | None:
    if match := brief.take(PERCENT_OFF):
        return 100 - int(match["percent"])
    if brief.take(HALF_PRICE):
        return 50
    match = brief.take(ZHE)
    if match is None:
        return None
    text = match["zhe"]
    if text.isdigit() or "." in text:
        value = float(text)
        return round(value * 10) if value < 10 else round(value)
    digits = "".join(str(int(number_of(char))) for char in text)
    return int(digits) if len(digits) == 2 else int(digits) * 10


def _points(brief: Brief, basket: float) -> dict[str, Any]:
    if match := brief.take(MULTIPLE_POINTS):
        times = TIMES.get(match["times"]) or int(match["times"])
        # An order earns a point for each yuan: as many again, for an order of the usual size.
        points = max(1, round(basket * (times - 1)))
        return {"type": "points", "threshold": _threshold(brief), "value": points}
    if match := brief.take(GIVEN_POINTS):
        points = max(1, int(number_of(match["points"])))
        return {"type": "points", "threshold": _threshold(brief), "value": points}
    return {}


def _threshold(brief: Brief) -> float:
    for pattern in THRESHOLD:
        match = brief.take(pattern)
        if match:
            return _plain(number_of(match["over"]))
    return 0


DURATIONS = (
    (r"(?P<n>半)个?月", 30.0),
    (r"half a (?P<n>)month", 15.0),
    (r"(?P<n>)(?:a |one )?fortnight", 14.0),
    (rf"(?P<n>{COUNT})[ -]?(?:个)?(?:星期|礼拜|周|weeks?|wks?)(?!年|末|[a-z])", 7.0),
    (rf"(?P<n>{COUNT})[ -]?(?:个月|months?)", 30.0),
    (rf"(?P<n>{COUNT})[ -]?(?:天|日(?!元)|days?)(?!前)", 1.0),
    (r"(?P<n>)(?:周末|weekend)", 2.0),
)


def read_days(brief: Brief) -> int | None:
    """How many days it is to run. Days that say something of the customers must have been taken out before."""
    for pattern, unit in DURATIONS:
        match = brief.take(pattern)
        if match:
            count = 0.5 if match["n"] == "半" else number_of(match["n"]) if match["n"] else 1
            days = round(count * unit)
            if days > 0:
                return days
    return None


BUDGETS = (
    rf"(?:总?预算|费用|经费|投入|花费|成本|拨款)(?:上限|总额|控制在|大概|大约|约|不超过|最多|是|为|有|只有|在|:)*{SIGN}(?P<n>{NUMBER})",
    rf"(?:budget|spending cap|cost cap)(?: is| of|:| at| about| around| under| up to| no more than)* ?{SIGN}(?P<n>{NUMBER})",
    rf"{SIGN}(?P<n>{NUMBER}){YUAN} ?(?:的)?(?:预算|经费|budget|in budget|to spend)",
    rf"(?:用|拿|花|出|with|for|spend) ?(?:about )?{SIGN}(?P<n>{NUMBER}){YUAN}(?! ?(?:off|%|折|天|days?|weeks?|周|个|人|名|张|orders?|customers?))",
    rf"(?:[¥￥]) ?(?P<n>{NUMBER})",
    rf"(?P<n>{NUMBER}) ?(?:元|块|yuan|rmb)",
    r"(?<![\d.])(?P<n>\d+(?:,\d{3})*(?:\.\d+)? ?(?:[kw](?![a-z])|万|千))",
)


def read_budget(brief: Brief) -> float | None:
    """Yuan. What the offer and the customers' rules name must have been taken out before."""
    for pattern in BUDGETS:
        match = brief.take(pattern)
        if match:
            amount = number_of(match["n"])
            if amount > 0:
                return _plain(amount)
    return None


MAX_PIECES = (
    rf"(?:限量?|限前|最多|至多|上限|共|发)(?:发放?|领|核销|使用)? ?(?P<n>{NUMBER}) ?(?:张|份|次|名|人)",
    rf"(?:at most|up to|limited to|max(?:imum)?(?: of)?|first) (?P<n>{NUMBER}) (?:coupons?|redemptions?|uses|pieces|customers)",
)


def read_redemptions(brief: Brief) -> int | None:
    """How many uses there are to be at most."""
    for pattern in MAX_PIECES:
        match = brief.take(pattern)
        if match and number_of(match["n"]) >= 1:
            return int(number_of(match["n"]))
    return None
