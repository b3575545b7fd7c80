"""Whether a name is said to be left out: 除了上海, 不含外卖, excluding Beijing, other than delivery."""

from __future__ import annotations

import re

from app.insights.parsing.text import TAKEN, Text

_BEFORE = re.compile(
    r"(?:除了|除去|除开|除|不含|不包括|不包含|不算|不计|不看|排除|剔除|去掉|去除|扣除|不要|excluding|exclude|excl\.?|except(?: for)?|"
    r"without|leaving out|leave out|other than|apart from|aside from|but not|not counting|minus|remove|drop)"
    rf"(?: the| our| stores? in| those in)? ?(?:{TAKEN}+(?: ?(?:,|和|与|及|、|and|or|&) ?(?:and )?))*$"
)
_NON = re.compile(r"(?:(?<![a-z])(?:non|not)[- ](?:in |from )?|非)$")
_AFTER = re.compile(rf"(?:(?: ?(?:,|和|与|及) ?){TAKEN}+)*(?:以外|之外|外(?!卖|送)|除外|不算|excluded)")


def is_excluded(text: Text, start: int, end: int) -> bool:
    """Whether the words around the span say "not this"; names before it in the same list are already taken."""
    head = text.left[:start]
    return bool(_BEFORE.search(head) or _NON.search(head) or _AFTER.match(text.left, end))


def take_negations(text: Text) -> None:
    """Blank the negating words once their names are known."""
    text.take(_WORDS)


_WORDS = re.compile(
    r"除了|除去|除开|除|不含|不包括|不包含|不算|不计|不看|排除|剔除|去掉|去除|扣除|不要|以外|之外|除外|"
    r"(?<![a-z])(?:excluding|exclude|excluded|excl\.?|except(?: for)?|without|leaving out|leave out|other than|apart from|"
    r"aside from|but not|not counting|minus)(?![a-z])"
)
