"""English words as they are typed in a hurry: short forms written out, slips of the shop's own words mended."""

from __future__ import annotations

import difflib
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from app.language.lexicon import lexicon
from app.language.tokens import STOP_WORDS, stem

# Shorter words have too many neighbours: cream, dream, cram.
_SHORTEST = 6
_ALIKE = 0.84
_WORD = re.compile(r"(?<![\w'.@/-])[a-z]+(?![\w'@/-])")


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("app.language").joinpath("data/spelling.toml").read_text("utf-8"))


@cache
def _targets() -> dict[str, tuple[str, ...]]:
    """The words a slip may have meant, by their first letter."""
    kinds = lexicon().concepts.values()
    words = {
        word for concept in kinds for phrase in concept.triggers for word in re.findall(r"[a-z]{5,}", phrase)
    }
    words |= {word for word in _data()["words"] if len(word) >= _SHORTEST - 1}
    return {
        letter: tuple(sorted(w for w in words if w[0] == letter)) for letter in {word[0] for word in words}
    }


@cache
def _known() -> frozenset[str]:
    return frozenset(stem(word) for words in _targets().values() for word in words)


def mended(normalised: str, known: frozenset[str] = frozenset()) -> str:
    """``normalised`` with short forms written out ("wanna") and slips mended ("lipstik").

    A word is left alone when the shop, or ``known``, has it; the text is no longer the customer's own.
    """
    short: dict[str, str] = _data()["short"]
    return _WORD.sub(lambda match: short.get(match[0]) or _mended_word(match[0], known), normalised)


def _mended_word(word: str, known: frozenset[str]) -> str:
    if len(word) < _SHORTEST or word in known or word in STOP_WORDS or stem(word) in _known():
        return word
    near = [target for target in _targets().get(word[0], ()) if abs(len(target) - len(word)) <= 2]
    return next(iter(difflib.get_close_matches(word, near, n=1, cutoff=_ALIKE)), word)
