"""An utterance to what it would do: by templates first, then by the built-in model's grammar, then by a language model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.actor import Actor, Role
from app.insights.answers import Understood
from app.insights.queries import current_context
from app.insights.question import Question
from app.insights.questions import answer as read_question
from app.insights.steps import Steps
from app.language.normalise import detect_language, is_cjk
from app.llm.builtin.intents import Intent, Plan
from app.llm.builtin.understand import understand
from app.llm.client import Message
from app.operations.desk import settle
from app.runtime import settings
from app.voice.corrections import named_product
from app.voice.modelling import Reading, read_with_model
from app.voice.planning import Played, play
from app.voice.reads import Reads
from app.voice.spoken import BUILTIN, MODEL, TEMPLATE
from app.voice.templates import asks_for_figures, match_template

# How sure each way of understanding is, 0 to 1.
EXACT, GRAMMAR, BY_MODEL, NEAR = 1.0, 0.9, 0.8, 0.6
_LOST = frozenset({"unknown", "who", "small_talk", "hostile"})
# Sentences of an answer that says that something was not understood, or not found by the words that were heard.
_UNSURE = frozenset(
    {
        "unknown",
        "nothing",
        "not_found",
        "add_not_found",
        "add_what",
        "what_to_find",
        "which_product",
        "not_in_cart",
        "remove_what",
        "set_what",
        "set_to_what",
        "replace_what",
        "replace_none",
        "compare_more",
    }
)
# Those of an answer that asks back, and what it asks for.
MISSING = {
    "unknown": "",
    "nothing": "",
    "what_to_find": "q",
    "add_what": "sku",
    "which_product": "sku",
    "remove_what": "sku",
    "set_what": "sku",
    "replace_what": "sku",
    "compare_more": "sku",
    "set_to_what": "qty",
    "qty_ask": "qty",
    "remark": "qty",
}
# Too short to hold a wish: a model is not asked about a mumble.
_FEWEST_CHARS, _FEWEST_WORDS = 4, 2
_WANTS = re.compile(
    r"^(?:please )?(?:i need|i want|i'd like|i would like|i'll have|give me|let me have|can i (?:have|get))(?: to (?:buy|get|have))? (?:an?|one|some|the|this|that|my)\b"
    r"|^我?(?:想要|要|需要|想买|要买)(?![看找求问查去])"
)
_FIGURES = (Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Figures:
    """An operator's question, answered. `action` is the tool that answers it."""

    action: str
    text: str
    question: Question | None
    understood_as: str
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Meant:
    """What an utterance means, how sure that is, and by which way it was found. `reading` is what a model was asked for."""

    language: str
    confidence: float
    played: Played
    is_lost: bool = False
    source: str = BUILTIN
    reading: Reading | None = None


def figures(actor: Actor, said: str, previous: Question | None, language: str) -> Figures | None:
    """The answer to a question for figures; None for everybody else's words and for other ones."""
    if not actor.has_role(*_FIGURES):
        return None
    context = current_context(settings().shop_timezone, language)
    found = read_question(said, previous, context)
    if not isinstance(found, Understood) or found.intent == "plan":
        return None
    done = settle(found, said, context, Steps())
    action = "diagnose" if found.intent == "diagnose" else "ask_report"
    is_exact = asks_for_figures(said, language)
    return Figures(action, done.answer, done.question, found.understood_as, is_exact)


def meaning(actor: Actor, said: str, messages: Sequence[Message], fallback: str, question: str = "") -> Meant:
    """What a sentence about the shop means: its steps rehearsed, or its answer. Outside of any transaction.

    `question` is what was read out before, for a model that is asked what the rules are not sure of.
    """
    language = detect_language(said, fallback)
    if exact := match_template(said, language):
        return Meant(language, EXACT, play(actor, exact, messages), source=TEMPLATE)
    plan, reads = understand(said, language), Reads(actor)
    if wanted := _wanted(said, plan):
        # Said to somebody who reads it back first, "I need a hair mask" means one, where it fits one.
        tried = play(actor, wanted, messages, reads)
        if tried.steps and not any(step.error for step in tried.steps):
            return Meant(language, GRAMMAR, tried)
    played = play(actor, plan, messages, reads)
    meant = Meant(language, NEAR if played.asks else GRAMMAR, played, _is_lost(plan))
    if _UNSURE.isdisjoint(played.said) or played.steps or not _is_worth_asking(said):
        return meant
    return _by_model(actor, said, messages, question, meant)


def _by_model(actor: Actor, said: str, messages: Sequence[Message], question: str, meant: Meant) -> Meant:
    """What a model reads into the words, played like any other plan; the rules' answer where it finds no more than they."""
    reading = read_with_model(actor, said, meant.language, question)
    if reading is None or reading.plan is None:
        return replace(meant, reading=reading)
    played = play(actor, reading.plan, messages)
    if not _UNSURE.isdisjoint(played.said) and not played.steps:
        return replace(meant, reading=reading)
    confidence = BY_MODEL if reading.is_sure and not played.asks else NEAR
    return Meant(meant.language, confidence, played, source=MODEL, reading=reading)


def _wanted(said: str, plan: Plan) -> Plan | None:
    """The plan that puts in what somebody says to want, where the grammar would only show it."""
    if len(plan.intents) != 1 or plan.intents[0].name not in ("find", "want") or not _WANTS.search(said):
        return None
    item = named_product(said)
    if item is None:
        return None
    return Plan(plan.language, (Intent("add", plan.intents[0].text, items=(replace(item, pronoun=False),)),))


def _is_worth_asking(said: str) -> bool:
    words = len(said.split())
    return words >= _FEWEST_WORDS or sum(map(is_cjk, said)) >= _FEWEST_CHARS


def _is_lost(plan: Plan) -> bool:
    return all(intent.name in _LOST for intent in plan.intents)
