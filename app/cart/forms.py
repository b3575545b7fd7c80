"""What the cart's small forms send, read strictly: plain digits only."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.core.errors import N_, InvalidParam

DIGITS = re.compile(r"[0-9]{1,9}")
SHOWN_PRICE = re.compile(r"([0-9]{1,9}):([0-9]{1,12})")


def read_quantity(text: str | None) -> int:
    """Pieces, from text. Raises InvalidParam for what is no number."""
    text = (text or "").strip()
    if not DIGITS.fullmatch(text):
        raise InvalidParam(N_("Enter a whole number."), fields={"quantity": N_("Enter a whole number.")})
    return int(text)


def read_shown_prices(texts: Iterable[str]) -> dict[int, int]:
    """Item ids to the cents that were shown, from `id:cents`; anything else is left out."""
    matches = (SHOWN_PRICE.fullmatch(text) for text in texts)
    return {int(match[1]): int(match[2]) for match in matches if match}
