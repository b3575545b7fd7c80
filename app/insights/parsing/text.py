"""A sentence of which parts are taken as they are understood."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from app.language.normalise import normalise

# Stands for a character that has been understood: no letter, no digit, no punctuation of ours.
TAKEN = "¦"
MAX_CHARS = 400


class Text:
    """`said` is the normalised sentence; in `left` what has been taken is blanked, so that positions stay."""

    def __init__(self, sentence: str) -> None:
        self.said = normalise(sentence)[:MAX_CHARS]
        self.left = self.said

    def take(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """All matches in what is left; they are blanked."""
        found = list(pattern.finditer(self.left))
        for match in found:
            self.blank(match.start(), match.end())
        return found

    def blank(self, start: int, end: int) -> None:
        self.left = self.left[:start] + TAKEN * (end - start) + self.left[end:]

    def has(self, pattern: re.Pattern[str]) -> bool:
        """Whether what was said, taken or not, has the pattern."""
        return bool(pattern.search(self.said))


def word(phrase: str) -> str:
    """A pattern for a phrase: English at word boundaries, Chinese anywhere."""
    escaped = re.escape(phrase).replace(r"\ ", "[ -]")
    return rf"(?<![a-z0-9]){escaped}(?![a-z0-9])" if phrase[:1].isascii() else escaped


def any_of(phrases: Iterable[str]) -> str:
    """An alternation of phrases, the longest first."""
    return "|".join(word(phrase) for phrase in sorted(set(phrases), key=len, reverse=True))


def runs(left: str) -> Iterator[re.Match[str]]:
    """What has not been taken: runs of Chinese characters, words, numbers."""
    return _RUN.finditer(left)


_RUN = re.compile(r"[\u4e00-\u9fff]+|[a-z][a-z'-]*|\d+(?:\.\d+)?%?")
