"""Texts that other people and programs have written, without tricks of spelling. Pure."""

from __future__ import annotations

import re

# Nobody sees these, a model reads them: format characters (zero-width, bidirectional, tags, joiners), fillers,
# private use, surrogates, controls save tab and newline, and variation selectors save the two that emoji need.
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf"
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]"
    # The joiner that holds an emoji family together stays between two of them.
    f"|(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}])"
)
# Beginnings of what chat templates take for their own marks: <|im_start|>, <system>, <<SYS>>, </s>, [INST] ...
_TAG = re.compile(r"<(?=[|｜/!?<a-zA-Z])")
_BRACKET = re.compile(
    r"\[(?=/?(?:INST|SYS|SYSTEM|USER|ASSISTANT|TOOL\w*|AVAILABLE_TOOLS|DATA|BEGIN|END)\b)", re.I
)


def cleaned(text: str) -> str:
    """The text as a person sees it: nothing invisible, nothing that a chat template takes for its own."""
    text = _UNSEEN.sub("", text)
    return _BRACKET.sub("［", _TAG.sub("‹", text))
