"""Which message answers an open question with yes or no.

A no always does. A yes does only where the customer asked for what the question is about: a question that a model
brings up by itself ("OK" may well answer something else that it said) is agreed to with the button alone.
"""

from __future__ import annotations

from typing import Any, Literal

from app.conversations.models import Confirmation
from app.language.confirmation import read_answer
from app.llm.builtin.understand import understand

# In a question's summary, for us alone: the language that it was asked in, and whether a typed yes counts.
LOCALE, BY_WORDS = "locale", "by_words"
HIDDEN = frozenset({LOCALE, BY_WORDS})
ORDERS = frozenset({"place_order", "cancel_order"})


def answer_to(asked: Confirmation | None, words: str) -> Literal["yes", "no"] | None:
    """What the words answer to the question; None when they are a message like any other."""
    answer = read_answer(words) if asked is not None else None
    if asked is None or answer != "yes":
        return answer
    if not asked.summary.get(BY_WORDS, True):
        return None
    # "Order it" agrees to an order, but to nothing that is put into the cart before.
    is_plain = {intent.name for intent in understand(words).intents} == {"yes"}
    return answer if is_plain or asked.tool_name in ORDERS else None


def shown_of(summary: dict[str, Any]) -> dict[str, Any]:
    """A question's summary as it is shown."""
    return {key: value for key, value in summary.items() if key not in HIDDEN}
