"""Prices: exact, by name or beginning of a name, in millionths of a yuan."""

from __future__ import annotations

import pytest
from flask import Flask
from pydantic import ValidationError

from app.config import Settings
from app.gateway.pricing import cost_micros, find_price
from tests.conftest import MakeApp

PRICES = {
    "deepseek-chat": {"input": 2, "cached_input": "0.2", "output": 3},
    "qwen-*": {"input": "0.8", "output": 2},
    "qwen-max*": {"input": 20, "output": 60},
    "tiny": {"input": "0.05", "output": "0.07"},
    "*": {"input": 1, "output": 1},
}


@pytest.fixture
def priced(make_app: MakeApp) -> Flask:
    return make_app(llm_prices={name: price for name, price in PRICES.items() if name != "*"})


@pytest.mark.parametrize(
    ("model", "prompt", "completion", "micros"),
    [
        ("deepseek-chat", 1_000_000, 1_000_000, 5_000_000),
        ("deepseek-chat", 1, 0, 2),
        ("qwen-plus", 10, 3, 14),
        ("qwen-max-latest", 10, 1, 260),
        ("QWEN-Plus", 10, 0, 8),
        ("tiny", 10, 0, 1),  # 0.5 is rounded up
        ("tiny", 9, 0, 0),  # 0.45
        ("tiny", 0, 10, 1),  # 0.7
        ("unknown", 10**9, 10**9, 0),
        ("deepseek", 1_000, 1_000, 0),  # the beginning of a name is not the name
        ("deepseek-chat", -5, -5, 0),
    ],
)
def test_a_cost_is_tokens_times_price(
    priced: Flask, model: str, prompt: int, completion: int, micros: int
) -> None:
    with priced.app_context():
        assert cost_micros(model, prompt, completion) == micros


def test_what_the_provider_had_in_its_cache_costs_less(priced: Flask) -> None:
    with priced.app_context():
        assert cost_micros("deepseek-chat", 100, 10, cached_tokens=60) == 40 * 2 + 12 + 30
        assert cost_micros("deepseek-chat", 100, 0, cached_tokens=500) == 20
        assert cost_micros("qwen-plus", 100, 0, cached_tokens=60) == 80


def test_sums_of_many_small_costs_do_not_drift(priced: Flask) -> None:
    with priced.app_context():
        assert sum(cost_micros("qwen-plus", 5, 0) for _ in range(1_000)) == cost_micros("qwen-plus", 5_000, 0)


def test_the_longest_beginning_wins_and_a_star_alone_is_for_all_others(make_app: MakeApp) -> None:
    with make_app(llm_prices=PRICES).app_context():
        assert find_price("qwen-max").input == 20
        assert find_price("qwen-plus").output == 2
        assert find_price("anything").input == 1


def test_prices_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PRICES", '{"a-*": {"input": 0.5, "output": 1.25}}')
    assert str(Settings(_env_file=None).llm_prices["a-*"].output) == "1.25"
    for wrong in (
        '{"a": {"input": -1, "output": 1}}',
        '{"a": {"input": 1}}',
        '{"a": {"input": "x", "output": 1}}',
    ):
        monkeypatch.setenv("LLM_PRICES", wrong)
        with pytest.raises(ValidationError):
            Settings(_env_file=None)


def test_without_a_price_list_everything_costs_nothing(app: Flask) -> None:
    with app.app_context():
        assert (cost_micros("gpt-4o", 1_000, 1_000), find_price("gpt-4o")) == (0, None)
