"""Texts cut into pieces that a model reads whole. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Characters of a piece: models read 512 tokens, that is about as many Chinese characters or four times as many letters.
MOST_CJK, MOST_LATIN = 400, 1_200
_CJK = re.compile(r"[\u3400-\u9fff]")
_SENTENCE = re.compile(r"[^\n。！？!?;；.]+[\n。！？!?;；.]*")


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of a thing (`key`) in one language; there may be several of a key."""

    key: str
    locale: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What becomes one vector. `digest` tells it from what it was before a change."""

    id: str
    key: str
    locale: str
    text: str
    digest: str


def pieces_of(passages: Iterable[Passage]) -> Iterator[Piece]:
    """Each passage in pieces, every piece under its title."""
    for passage in passages:
        for number, part in enumerate(_parts(passage.text.strip())):
            text = f"{passage.title}\n{part}".strip()
            digest = hashlib.sha256(text.encode()).hexdigest()[:16]
            yield Piece(f"{passage.key}/{passage.locale}/{number}", passage.key, passage.locale, text, digest)


def _parts(text: str) -> list[str]:
    """The text at its sentences, in parts of about the same length."""
    most = MOST_CJK if len(_CJK.findall(text)) * 4 > len(text) else MOST_LATIN
    count = -(-len(text) // most)
    if count <= 1:
        return [text]
    size, parts = len(text) / count, [""]
    for sentence in _sentences(text, most):
        if parts[-1] and len(parts[-1]) + len(sentence) / 2 > size:
            parts.append("")
        parts[-1] += sentence
    return parts


def _sentences(text: str, most: int) -> Iterator[str]:
    for sentence in _SENTENCE.findall(text):
        yield from (sentence[start : start + most] for start in range(0, len(sentence), most))
