"""From a customer's message to a plan: clauses, the intent of each, and what belongs together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from app.language.confirmation import read_answer
from app.language.normalise import detect_language, normalise
from app.llm.builtin import cues
from app.llm.builtin.intents import Intent, Plan
from app.llm.builtin.merging import MORE_OF_SAME, merged
from app.llm.builtin.reading import read_clause
from app.llm.builtin.slots import clauses

_COURTESY = frozenset({"greet", "thanks", "bye", "yes", "no"})
_MAX_CLAUSES = 12
_MAX_TEXT = 2_000
_CORRECTION = re.compile(
    r"不对|不是|错了|说错|搞错|应该是|还是|^no\b|\b(?:wait|actually|sorry|i mean|i meant|on second thou)"
)


def understand(text: str, fallback: str = "zh") -> Plan:
    """The plan of a message. ``fallback`` is the language to answer in when the text shows none."""
    return _understand(text[:_MAX_TEXT], fallback)


@lru_cache(maxsize=2_048)
def _understand(text: str, fallback: str) -> Plan:
    message = normalise(text)
    language = detect_language(text, fallback)
    if cues.says("hostile", message):
        return Plan(language, (Intent("hostile", message),))
    answer = read_answer(message)
    if answer and not _is_more_than_answer(message):
        return Plan(language, (Intent(answer, message),))
    drafts = [read_clause(clause) for clause in list(clauses(message))[:_MAX_CLAUSES]]
    intents = _without_courtesy(merged([intent for draft in drafts for intent in draft]))
    intents = [_corrected(intent, message) for intent in intents]
    return Plan(language, tuple(intents) or (Intent("unknown", message),))


def _corrected(intent: Intent, message: str) -> Intent:
    """ "No, three": a count after a correction is how many there should be, not how many more."""
    if intent.name != "add" or not _CORRECTION.search(message) or MORE_OF_SAME.search(intent.text):
        return intent
    counts = [item.qty for item in intent.items if item.is_empty or (item.pronoun and not item.phrase)]
    only_count = len(intent.items) == 1 and counts and counts[0] is not None
    return Intent("set_qty", intent.text, qty=counts[0]) if only_count else intent


def _is_more_than_answer(message: str) -> bool:
    """不要了 and 下单 answer a question, but mean something by themselves too."""
    return any(cues.says(name, message) for name in ("place_order", "remove", "cancel_order"))


def _without_courtesy(intents: Iterable[Intent]) -> list[Intent]:
    """Courtesy only counts where nothing else is said; so does what was not understood."""
    found = list(intents)
    for idle in (_COURTESY | {"nothing", "city"}, {"unknown", "who", "small_talk"}):
        if any(intent.name not in idle for intent in found):
            found = [intent for intent in found if intent.name not in idle]
    return found
