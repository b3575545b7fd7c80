"""One written form for what people type: width, case, punctuation, traditional characters, white space."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from importlib.resources import files

_PUNCTUATION = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "`": "'",
        "“": '"',
        "”": '"',
        "、": ",",
        "。": ".",
        "—": "-",
        "–": "-",
        "～": "~",
        "·": " ",
    }
)
_INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufe0f]"
)
_SPACES = re.compile(r"\s+")
# A space between two Chinese characters carries no meaning ("防晒 乳"), but it does separate words: kept by default.
_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"


@cache
def _simplified() -> dict[int, str]:
    text = files("app.language").joinpath("data/traditional.json").read_text("utf-8")
    pairs: dict[str, str] = json.loads(text)
    return str.maketrans(pairs)


def normalise(text: str) -> str:
    """``text`` in the one form all rules are written for.

    NFKC (full to half width), lower case, simplified characters, ASCII quotes and commas, no control
    characters, single spaces, no space at either end.
    """
    folded = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION).casefold()
    visible = _INVISIBLE.sub("", folded.translate(_simplified()))
    return _SPACES.sub(" ", visible).strip()


def is_cjk(char: str) -> bool:
    """Whether ``char`` is a Chinese character."""
    return "\u4e00" <= char <= "\u9fff" or "\u3400" <= char <= "\u4dbf" or "\uf900" <= char <= "\ufaff"


def detect_language(text: str, fallback: str = "zh") -> str:
    """``zh`` or ``en``, by the script of ``text``; ``fallback`` where it has neither letters nor characters.

    A product name in the other script does not turn the sentence: words weigh about as much as the same
    thing said in Chinese characters.
    """
    chinese = sum(map(is_cjk, text))
    words = len(re.findall(r"[a-zA-Z]{2,}", text))
    if chinese == 0 and words == 0:
        return fallback
    return "zh" if chinese > 1.5 * words or words == 0 else "en"
