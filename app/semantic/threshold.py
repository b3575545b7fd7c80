"""From which similarity on a text says something about a question, for one model and one set of texts. Pure.

Models differ: one gives 0.3 to what has nothing in common, another 0.8. So each is measured on the texts' own titles: how
similar is a title to the text it stands over, to the texts of other things, and how similar is nonsense to any text?
"""

from __future__ import annotations

from collections.abc import Sequence

# Of the other texts this share may pass for near; several texts on one subject are.
OTHERS_PASSING = 0.08
STEP = 0.0001
# What no text of a shop is about, in both languages, and what is no language.
NONSENSE = (
    "昨晚的足球比赛三比二结束",
    "火车几点从北京开往西安",
    "量子力学的测不准原理",
    "帮我写一首关于月亮的诗",
    "锄禾日当午汗滴禾下土",
    "the capital of Mongolia is Ulaanbaatar",
    "how do I change a flat bicycle tyre",
    "the train leaves platform nine at noon",
    "a recursive function calls itself",
    "asdf qwer zxcv",
    "啊啊啊嗯嗯哦哦",
    "xqzt 1234 %%% ----",
)


def threshold_of(own: Sequence[float], others: Sequence[float], nonsense: Sequence[float]) -> float:
    """The similarity that a text must exceed to come up.

    `own`: of each title to its own text; `others`: of titles to texts of other things; `nonsense`: of each
    sentence of nonsense to the text that is nearest to it. Above most others and most nonsense, but never so high
    that titles would not find their own texts.
    """
    wanted = max(quantile(others, 1 - OTHERS_PASSING), quantile(nonsense, 0.9))
    return round(min(wanted, quantile(own, 0.1) - STEP) if own else wanted, 4)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
