"""`understand_utterance`: an utterance to what it would do. Templates first, then the grammar of the built-in model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.actor import Actor, Role
from app.insights.answers import Understood
from app.insights.queries import current_context
from app.insights.question import Question
from app.insights.questions import answer as read_question
from app.insights.steps import Steps
from app.language.normalise import detect_language
from app.llm.builtin.intents import Plan
from app.llm.builtin.understand import understand
from app.llm.client import Message
from app.operations.desk import settle
from app.runtime import settings
from app.voice.planning import Played, play
from app.voice.templates import match_template

# How sure each way of understanding is, 0 to 1.
EXACT, GRAMMAR, NEAR = 1.0, 0.9, 0.6
_LOST = frozenset({"unknown", "who", "small_talk", "hostile"})
_FIGURES = (Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Figures:
    """An operator's question, answered. `action` is the tool that answers it."""

    action: str
    text: str
    question: Question | None
    understood_as: str


@dataclass(frozen=True, slots=True)
class Meant:
    """What an utterance means, and how sure that is."""

    language: str
    confidence: float
    played: Played
    is_lost: bool = False


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
    return Figures(action, done.answer, done.question, found.understood_as)


def meaning(actor: Actor, said: str, messages: Sequence[Message], fallback: str) -> Meant:
    """What a sentence about the shop means: its steps rehearsed, or its answer."""
    language = detect_language(said, fallback)
    exact = match_template(said, language)
    plan = exact or understand(said, language)
    played = play(actor, plan, messages)
    confidence = EXACT if exact else NEAR if played.asks else GRAMMAR
    return Meant(language, confidence, played, _is_lost(plan))


def _is_lost(plan: Plan) -> bool:
    return all(intent.name in _LOST for intent in plan.intents)
