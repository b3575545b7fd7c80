"""Yes or no: the answer to "shall I place this order?". Strict, because a yes costs money.

Only a message that says nothing else counts. "好的，再加一支" and "yes, but make it two" are new wishes, not answers.
"""

from __future__ import annotations

import re
from typing import Literal

from app.language.normalise import normalise

_YES = (
    "可以下单|没有问题|就买这些|下吧|提交吧|好哒|ok的|成交|成|中|妥|要|买|请下单|请确认|付款吧|确认下单|确认订单|确认提交|确认取消|确认购买|我确认|确认|确定|好的|好嘞|好呀|好啊|好滴|可以的|可以|行的|行吧|行|没问题|没错|对的|对|是的|是|要的|同意|下单吧|下单|提交|买吧|买了|就这样|就这么办|"
    "就这么定|就这些|嗯嗯|嗯|ok|okay|okey|yes|yeah|yep|yup|ye|ya|sure|of course|certainly|absolutely|definitely|confirmed|confirm|correct|"
    "confirm the order|confirm my order|confirm order|confirm it|submit it|submit the order|place my order|let's do it|let's go|please do|that's right|right|go ahead|do it|place it|place the order|place order|order it|buy it|sounds good|looks good|all good|perfect|fine|alright|all right|"
    "proceed|agreed|i agree|i confirm|go for it|yes i do|i'm sure|i am sure|好"
)
_NO = (
    "不想买了|不想要了|等下|等会儿|晚点|以后再说|改天|下次吧|先放着|不确定|不确认|不同意|不可以|不行|不对|不是|不要了|不要|不用了|不用|不买了|不买|不下单了|不下单|不下了|不了|不|先不买了|先不买|先不要了|先不要|先不下单|先不下|先不|先别|先等等|暂时不要|暂时不|暂不|别下单|别买|别|"
    "算了|取消吧|取消|放弃|再想想|再看看|再说|考虑一下|再考虑一下|再考虑考虑|我再想想|等一下|等等|等会|稍等|停|不取消|没想好|还没想好|nope|nah|no|not now|not yet|don't do it|do not do it|don't place it|don't|do not|"
    "no thank you|not today|cancel the order|cancel my order|don't confirm|i'm not sure|not sure|i don't want to|i don't want that|i do not want it|cancel that|cancel it|cancel|stop|never mind|nevermind|wait|hold on|hold off|forget it|later|maybe later|not really|let me think about it|let me think|"
    "i changed my mind|changed my mind|i'd rather not|rather not|no way|abort|not anymore|don't buy it|don't order it|i don't want it"
)
_FILLER = "那就|那|就|我|吧|了|呢|啊|呀|哈|的|请|谢谢你|谢谢|谢|麻烦|please|pls|plz|thanks|thank you|thx|just|now|it|that|well|um|oh|ah|hmm|so|then|哦|噢|唉|哎|一下"
_PART = re.compile(
    "|".join(
        f"(?P<{name}>{'|'.join(_bounded)})"
        for name, _bounded in (
            (
                name,
                sorted(
                    (rf"\b{re.escape(word)}\b" if word.isascii() else word for word in words.split("|")),
                    key=len,
                    reverse=True,
                ),
            )
            for name, words in (
                ("yes_no", "no problem|no worries"),
                ("no", _NO),
                ("yes", _YES),
                ("filler", _FILLER),
            )
        )
    )
    + r"|(?P<gap>[\s,.!?;:~\"'👍🙏✅]+)"
)


def read_answer(text: str) -> Literal["yes", "no"] | None:
    """``yes`` or ``no`` when the whole message is that answer, else None; any no outweighs a yes."""
    normalised = normalise(text)
    if len(normalised) > 60:
        return None
    said: set[str] = {"yes"} if "👍" in normalised or "✅" in normalised else set()
    position = 0
    while position < len(normalised):
        part = _PART.match(normalised, position)
        if part is None:
            return None
        said.add("yes" if part.lastgroup == "yes_no" else str(part.lastgroup))
        position = part.end()
    if "?" in normalised:
        return None
    if "no" in said:
        return "no"
    return "yes" if "yes" in said else None
