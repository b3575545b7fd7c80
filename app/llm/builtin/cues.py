"""The cue words of ``data/cues.toml``: which words tell which intent."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

_NOT_INTENTS = frozenset({"command", "patterns"})


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("app.llm.builtin").joinpath("data/cues.toml").read_text("utf-8"))


@cache
def _compiled() -> dict[str, re.Pattern[str]]:
    return {name: _pattern(table) for name, table in _data().items() if name not in _NOT_INTENTS}


def _pattern(table: dict[str, list[str]]) -> re.Pattern[str]:
    english = [rf"(?<![a-z])(?:{cue})(?![a-z])" for cue in table.get("en", ())]
    return re.compile("|".join([*table.get("zh", ()), *english, *table.get("raw", ())]))


@cache
def intent_names() -> tuple[str, ...]:
    """All intents that have cues, in order of precedence."""
    return tuple(_compiled())


def says(name: str, clause: str) -> bool:
    """Whether ``clause`` (normalised) holds a cue of the intent ``name``."""
    return _compiled()[name].search(clause) is not None


def without(name: str, clause: str) -> str:
    """``clause`` without the cues of the intent ``name``."""
    return _compiled()[name].sub(" ", clause)


@cache
def pattern(name: str) -> re.Pattern[str]:
    """A named pattern that is not an intent (superlatives, pronouns ...)."""
    return re.compile("|".join(_data()["patterns"][name]))


@cache
def words() -> frozenset[str]:
    """Every English word that a cue or a command is made of."""
    rows = [row for table in _data().values() for lists in table.values() for row in lists]
    return frozenset(word for row in rows for word in re.findall(r"[a-z]+", row))


@cache
def _command() -> re.Pattern[str]:
    table = _data()["command"]
    chinese = sorted({word for row in table["zh"] for word in row.split("|")}, key=len, reverse=True)
    english = sorted({word for row in table["en"] for word in row.split("|")}, key=len, reverse=True)
    return re.compile("|".join(chinese) + rf"|(?<![\w'])(?:{'|'.join(english)})(?![\w'-])")


def command_spans(text: str) -> list[tuple[int, int]]:
    """Where ``text`` only commands (加到购物车, put in my cart)."""
    return [match.span() for match in _command().finditer(text)]
