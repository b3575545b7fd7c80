"""What the shop says about itself: delivery, returns, payment ... in both languages, from a data file."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from app.language.normalise import normalise
from app.language.tokens import query_tokens


@dataclass(frozen=True, slots=True)
class Topic:
    """One subject. Titles and texts are by language; `words` are how customers call it."""

    key: str
    titles: dict[str, str]
    texts: dict[str, str]
    words: tuple[str, ...]

    def as_json(self, locale: str) -> dict[str, str]:
        """For a tool's answer."""
        return {"key": self.key, "title": self.titles[locale], "text": self.texts[locale]}


@cache
def all_topics() -> tuple[Topic, ...]:
    """Every topic, in the file's order."""
    data = tomllib.loads(files("app.catalogue").joinpath("data/service_topics.toml").read_text("utf-8"))
    return tuple(
        Topic(
            key,
            {"zh": entry["title_zh"], "en": entry["title_en"]},
            {"zh": " ".join(entry["text_zh"].split()), "en": " ".join(entry["text_en"].split())},
            tuple(normalise(word) for word in entry["words"]),
        )
        for key, entry in data.items()
    )


def find_topics(q: str, limit: int = 3) -> Sequence[Topic]:
    """The topics a question is about, best first; all of them when it is empty or about none."""
    asked = normalise(q[:200])
    scored = [(_score(asked, topic), topic) for topic in all_topics()]
    found = [topic for score, topic in sorted(scored, key=lambda pair: -pair[0]) if score > 0]
    return found[:limit] or all_topics()


def _score(asked: str, topic: Topic) -> float:
    """How much of the question is about it: customers' own words count by length, shared tokens a little."""
    if not asked:
        return 0.0
    named = sum(2.0 + len(word) / 10 for word in topic.words if _says(asked, word))
    wanted = set(query_tokens(asked))
    shared = wanted & set(query_tokens(" ".join((*topic.titles.values(), *topic.words))))
    return named + len(shared) / (len(wanted) or 1)


def _says(asked: str, word: str) -> bool:
    """English words stand alone, Chinese ones anywhere."""
    return f" {word} " in f" {asked.strip('?!. ')} " if word.isascii() else word in asked
