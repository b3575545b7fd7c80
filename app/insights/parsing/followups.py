"""Words that tie a sentence to the one before: 那, 呢, 只看, 再加上, and ..., what about ..., only ..., instead."""

from __future__ import annotations

import re

from app.insights.parsing.draft import Draft
from app.insights.parsing.text import Text

_OPENING = re.compile(
    r"^(?:那么?|再看?|然后|接着|只看?|仅看?|换成?|改成?|改为|换|也|同时|另外|还有|还要|加上|再加上?|去掉|不看|不要|不分|除了|同样|"
    r"(?:ok(?:ay)?,? |now |and |then |but |also |so )*(?:and|now|what about|how about|only|just|also|then|but|instead|add|same|the same|drop|remove|without|split|break|switch|change|make it|show (?:me )?only|by|per|show (?:it|that|this|them))(?![a-z]))"
)
_CLOSING = re.compile(r"(?:呢|(?<![a-z])(?:instead|too|as well|only|please instead))[?!。. ]*$")
_PLUS = re.compile(
    r"再加上?|加上|也(?:看|要|加)|同时|另外|还有|还要|外加|并且|(?<![a-z])(?:also|add|plus|as well|too|in addition|together with)(?![a-z])"
)
_MINUS = re.compile(r"去掉|不要|不看|移除|取消|(?<![a-z])(?:remove|drop|without|no longer|take out)(?![a-z])")


def take_followup_words(text: Text, draft: Draft) -> None:
    """Note whether the sentence leans on the one before. Nothing is taken: 除了 and without are needed below."""
    draft.is_followup = bool(_OPENING.match(text.said) or _CLOSING.search(text.said))
    draft.adds = bool(_PLUS.search(text.said))
    draft.removes = bool(_MINUS.search(text.said))
