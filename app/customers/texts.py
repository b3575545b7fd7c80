"""Words for what the figures say. Msgids."""

from __future__ import annotations

from app.core.errors import N_
from app.customers import rules
from app.language.lexicon import Concept

SEGMENTS = {
    rules.NEW: N_("New, has not bought yet"),
    rules.NEVER_BOUGHT: N_("Registered, never bought"),
    rules.FIRST_BUYER: N_("Bought once"),
    rules.RETURNING: N_("Comes back"),
    rules.RISKY: N_("May be lost"),
    rules.GONE: N_("Probably lost"),
}
RISKS = {"low": N_("Low"), "medium": N_("Medium"), "high": N_("High")}
CHANNELS = {"online": N_("Online"), "offline": N_("In the store"), "delivery": N_("Delivery")}


def label_of(concept: Concept, locale: str) -> str:
    """A concept in a word of the reader's language."""
    is_english = locale == "en"
    terms = concept.terms_en if is_english else concept.terms_zh
    fitting = (word for word in (*terms, *concept.triggers) if word.isascii() == is_english)
    return next(fitting, concept.key.replace("_", " "))
