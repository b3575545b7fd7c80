"""Search tokens: one alphabet for Chinese and English that every full-text engine indexes as it is.

A run of Chinese characters becomes overlapping pairs (``防晒乳`` -> ``z9632z6652 z6652z4e73``), so any two
characters find it in mid-word; its single characters follow at the end of the document (``u9632``) for queries of one
character. English words become Snowball stems behind ``en`` (``sunscreens`` -> ``ensunscreen``), codes and
amounts stay whole (``enspf50``, ``en400ml``). Every token is lower-case ASCII of three letters or more: no engine's
stop words, minimum length or collation ever touches it.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from app.language.normalise import normalise

_UNIT = re.compile(
    r"(?P<cjk>[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)|(?P<word>[^\W_\u3400-\u9fff]+(?:['][^\W_\u3400-\u9fff]+)*)"
)
_COMPOUND = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
_AMOUNT = re.compile(r"(?<![a-z0-9])(\d+(?:\.\d+)?) ?(ml|g|kg|mg|mm|cm|oz|l)(?![a-z0-9])")
_LETTERS_DIGITS = re.compile(r"[a-z]+|\d+")
_MAX_TOKEN = 40  # InnoDB keeps words up to 84 characters; a longer one is noise.

# The British spelling is the index's; both are typed.
_AMERICAN = (
    (re.compile(r"(col|od|flav|fav|hum|savi)or(s|ed|ing|ful|less|ite|ites)?$"), r"\1our\2"),
    (re.compile(r"([a-z]{4,})iz(e|ed|er|ers|es|ing|ation)$"), r"\1is\2"),
    (re.compile(r"^gray(ish)?$"), r"grey\1"),
    (re.compile(r"^alumin(um)$"), "aluminium"),
    (re.compile(r"^travel(er|ers|ed|ing)$"), r"travell\1"),
)

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "can",
        "could",
        "d",
        "do",
        "does",
        "did",
        "for",
        "from",
        "get",
        "give",
        "got",
        "had",
        "has",
        "have",
        "hello",
        "hey",
        "hi",
        "how",
        "i",
        "i'd",
        "i'll",
        "i'm",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "it's",
        "just",
        "let",
        "like",
        "ll",
        "looking",
        "m",
        "may",
        "me",
        "my",
        "need",
        "no",
        "not",
        "of",
        "on",
        "one",
        "ones",
        "or",
        "our",
        "please",
        "re",
        "s",
        "show",
        "so",
        "some",
        "something",
        "stuff",
        "t",
        "than",
        "that",
        "the",
        "their",
        "them",
        "there",
        "these",
        "they",
        "thing",
        "things",
        "this",
        "those",
        "to",
        "too",
        "us",
        "use",
        "used",
        "ve",
        "very",
        "want",
        "wants",
        "was",
        "we",
        "what",
        "what's",
        "which",
        "who",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)

# Snowball folds these into words of another meaning (redness -> red).
_KEPT_WORDS = frozenset({"redness", "fitness", "fineness", "news"})

_stemmer = snowballstemmer.stemmer("english")
_stemmer_lock = threading.Lock()  # the stemmer keeps the word it works on in itself


@dataclass(frozen=True, slots=True)
class Unit:
    """One Chinese character or one Latin word of a normalised text, with where it stands."""

    text: str
    start: int
    end: int
    is_cjk: bool


def units(normalised: str) -> list[Unit]:
    """The characters and words of an already normalised text, in order."""
    found: list[Unit] = []
    for match in _UNIT.finditer(normalised):
        if match["cjk"]:
            begin = match.start()
            found.extend(Unit(char, begin + i, begin + i + 1, True) for i, char in enumerate(match["cjk"]))
        else:
            found.append(Unit(match["word"], match.start(), match.end(), False))
    return found


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    return "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The Snowball stem of a lower-case English word, British and American spelling alike."""
    plain = _without_accents(word.removesuffix("'s").replace("'", ""))
    for pattern, british in _AMERICAN:
        plain = pattern.sub(british, plain)
    if plain in _KEPT_WORDS:
        return plain
    with _stemmer_lock:
        stemmed: str = _stemmer.stemWord(plain)
    return stemmed or plain


def stems(text: str) -> list[str]:
    """The stems of the English words of ``text``, stop words included, in order."""
    return [stem(unit.text) for unit in units(normalise(text)) if not unit.is_cjk]


def bigrams(text: str) -> list[str]:
    """The overlapping character pairs of every Chinese run of ``text``; a run of one gives itself."""
    pairs: list[str] = []
    for match in _UNIT.finditer(normalise(text)):
        if run := match["cjk"]:
            pairs.extend([run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)])
    return pairs


def index_tokens(text: str) -> list[str]:
    """What a search index stores for ``text``.

    Pairs and words in the text's order (so a phrase query works), then each single character once.
    """
    normalised = _AMOUNT.sub(r"\1\2", normalise(text))
    ordered = [token for part in _UNIT.finditer(normalised) for token in _part_tokens(part)]
    singles = dict.fromkeys(character_token(unit.text) for unit in units(normalised) if unit.is_cjk)
    compounds = [_word(found.replace("-", "")) for found in _COMPOUND.findall(normalised)]
    return [*ordered, *compounds, *(token for token in singles if token not in ordered)]


def query_tokens(text: str) -> list[str]:
    """What to look for: as :func:`index_tokens`, without stop words, single characters only where they stand alone."""
    normalised = _AMOUNT.sub(r"\1\2", normalise(text))
    tokens = (
        token
        for part in _UNIT.finditer(normalised)
        if part["cjk"] or part["word"] not in STOP_WORDS
        for token in _query_part_tokens(part)
    )
    return list(dict.fromkeys(tokens))


def phrase_tokens(term: str) -> tuple[str, ...]:
    """The adjacent tokens that stand for one word or phrase (``防晒乳`` -> two pairs), for a phrase query."""
    return tuple(_query_parts(_AMOUNT.sub(r"\1\2", normalise(term))))


def _query_parts(normalised: str) -> Iterator[str]:
    for part in _UNIT.finditer(normalised):
        yield from _query_part_tokens(part)


def _part_tokens(part: re.Match[str]) -> Iterable[str]:
    yield from _query_part_tokens(part)
    word = part["word"]
    if word and any(char.isdigit() for char in word) and any(char.isalpha() for char in word):
        yield from (_word(piece) for piece in _LETTERS_DIGITS.findall(word))


def _query_part_tokens(part: re.Match[str]) -> Iterable[str]:
    run = part["cjk"]
    if not run:
        return [_word(part["word"])]
    if len(run) == 1:
        return [character_token(run)]
    return [f"z{ord(run[i]):x}z{ord(run[i + 1]):x}" for i in range(len(run) - 1)]


def character_token(char: str) -> str:
    """The token of a single Chinese character."""
    return f"u{ord(char):x}"


def _word(word: str) -> str:
    ascii_form = stem(word)
    if not ascii_form.isascii():  # another script keeps its code points
        ascii_form = "".join(char if char.isascii() else f"{ord(char):x}" for char in ascii_form)
    return f"en{ascii_form}"[:_MAX_TOKEN]
