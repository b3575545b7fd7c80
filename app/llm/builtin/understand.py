"""From a customer's message to a plan: clauses, the intent of each, and what belongs together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from app.language.concepts import analyse
from app.language.confirmation import read_answer
from app.language.normalise import detect_language, normalise
from app.language.spelling import mended
from app.llm.builtin import cues
from app.llm.builtin.intents import Intent, Item, Plan
from app.llm.builtin.merging import MORE_OF_SAME, merged
from app.llm.builtin.reading import read_clause
from app.llm.builtin.slots import clauses

_COURTESY = frozenset({"greet", "thanks", "bye", "yes", "no"})
_MAX_CLAUSES = 12
_MAX_TEXT = 1_000
_CORRECTION = re.compile(
    r"太少|太多|不够|多了$|not enough|too (?:many|few)|不对|不是|错了|说错|搞错|应该是|还是|^no\b|\b(?:wait|actually|sorry|i mean|i meant|on second thou)"
)


def understand(text: str, fallback: str = "zh") -> Plan:
    """The plan of a message. ``fallback`` is the language to answer in when the text shows none."""
    return _understand(text[:_MAX_TEXT], fallback)


@lru_cache(maxsize=2_048)
def _understand(text: str, fallback: str) -> Plan:
    message = mended(normalise(text), cues.words())
    language = detect_language(text, fallback)
    if cues.says("hostile", message):
        return Plan(language, (Intent("hostile", message),))
    answer = read_answer(message)
    if answer and not _is_more_than_answer(message):
        return Plan(language, (Intent(answer, message),))
    drafts = [_read(clause) for clause in list(clauses(message))[:_MAX_CLAUSES]]
    intents = _without_courtesy(merged([intent for draft in drafts for intent in draft]))
    intents = [_corrected(intent, message) for intent in intents]
    if len(intents) == 1 and _is_chat(intents[0]):
        intents = [Intent("unknown", message)]
    return Plan(language, tuple(intents) or (Intent("unknown", message),))


def _read(clause: str) -> list[Intent]:
    answer = read_answer(clause)
    if answer and not _is_more_than_answer(clause):
        return [Intent(answer, clause)]
    return read_clause(clause)


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


def _says_nothing(intent: Intent) -> bool:
    """A clause with words that neither name nor need anything the shop knows ("the thing is", 说真的)."""
    if intent.name not in ("bare", "find"):
        return False
    return all(_is_only_words(item) and not analyse(item.phrase).concepts for item in intent.items)


def _is_chat(intent: Intent) -> bool:
    """Words for the assistant, not for the shop's search: nothing known, nothing looked for, said to "you"."""
    said_to_you = cues.pattern("to_you").search(intent.text) and not cues.pattern("searches").search(
        intent.text
    )
    return bool(intent.items) and _says_nothing(intent) and bool(said_to_you)


def _is_only_words(item: Item) -> bool:
    return bool(item.phrase) and replace(item, phrase="") == Item()


def _without_courtesy(intents: Iterable[Intent]) -> list[Intent]:
    """Courtesy only counts where nothing else is said; so does what was not understood."""
    found = list(intents)
    if any(intent.name == "human" for intent in found):
        return [intent for intent in found if intent.name == "human"][:1]
    if any(not _says_nothing(intent) and intent.name not in _COURTESY for intent in found):
        found = [intent for intent in found if not _says_nothing(intent)]
    for idle in (_COURTESY | {"nothing", "city", "remark"}, {"unknown", "who", "small_talk"}):
        if any(intent.name not in idle for intent in found):
            found = [intent for intent in found if intent.name not in idle]
    return found
