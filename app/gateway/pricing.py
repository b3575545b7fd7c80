"""What an answer costs: the price table of the settings (LLM_PRICES) times the tokens."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from app.config import ModelPrice
from app.runtime import settings

Prices = Mapping[str, ModelPrice]
MICROS_PER_CENT = 10_000


def cost_micros(model: str, prompt_tokens: int, completion_tokens: int, *, cached_tokens: int = 0) -> int:
    """The price of an answer in millionths of a yuan, half up; 0 for a model without a price.

    (prompt - cached) x input + cached x cached_input + completion x output: a price is in yuan for a million
    tokens, so price times tokens is in millionths of a yuan already. `cached_tokens` are the part of the prompt
    that the provider had in its cache.
    """
    price = find_price(model)
    if price is None:
        return 0
    prompt, completion = max(prompt_tokens, 0), max(completion_tokens, 0)
    cached = min(max(cached_tokens, 0), prompt)
    cached_price = price.input if price.cached_input is None else price.cached_input
    total = (prompt - cached) * price.input + cached * cached_price + completion * price.output
    return int(total.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def find_price(model: str, prices: Prices | None = None) -> ModelPrice | None:
    """The price of a model: its own name first, then the longest beginning that ends in `*`. Case does not count."""
    table = {
        name.casefold(): price
        for name, price in (settings().llm_prices if prices is None else prices).items()
    }
    wanted = model.casefold()
    if wanted in table:
        return table[wanted]
    beginnings = [name for name in table if name.endswith("*") and wanted.startswith(name[:-1])]
    return table[max(beginnings, key=len)] if beginnings else None
