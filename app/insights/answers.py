"""What becomes of a sentence: understood, asked back, or refused. Messages are msgids with their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.insights.compiling.compiler import Compiled
from app.insights.question import Question


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric of the report and what it counts, in the reader's language."""

    metric: str
    name: str
    text: str
    unit: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader should know of the report."""

    code: Literal["ignored", "partial", "no_base", "guests_excluded", "not_additive", "items_before_discount"]
    message: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Understood:
    """`intent` report: `compiled` is ready to run. diagnose: `question` is the metric and period asked about, or None. plan: neither."""

    intent: Literal["report", "diagnose", "plan"]
    question: Question | None = None
    compiled: Compiled | None = None
    understood_as: str = ""
    definitions: tuple[Definition, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A question to choose, and the words for it, which are understood as that question when typed."""

    text: str
    question: Question


@dataclass(frozen=True, slots=True)
class Clarify:
    """A question back. `message` is a msgid, `params` its values."""

    reason: str
    message: str
    params: Mapping[str, str]
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was run. `reason` is stable, `message` a msgid, `params` its values."""

    reason: str
    message: str
    params: Mapping[str, str] = field(default_factory=dict)


Answer = Understood | Clarify | Refused
