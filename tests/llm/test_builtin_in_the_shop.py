"""The built-in model on the real tools and the demo catalogue: the utterances, as the shop will live them."""

from __future__ import annotations

import pytest
from flask import Flask

from app.demo.loader import load_demo
from app.llm.builtin import BuiltinModel
from app.runtime import settings
from tests.builders import actor_of, make_coupon, make_user
from tests.llm.fake_world import Session
from tests.llm.shop_world import ShopWorld
from tests.llm.utterance_cases import failures, load, play

PASS_RATE = 0.97


@pytest.fixture
def demo_shop(app: Flask) -> Flask:
    """The demo catalogue and stores, with the coupons that the utterances name."""
    with app.app_context():
        load_demo(settings(), echo=lambda line: None, orders=100, members=30)
        make_coupon("FULL300")
        make_coupon(
            "NEW15", name="新人85折", name_en="15% off", type="discount", threshold_cents=10_000, benefit=85
        )
    return app


@pytest.mark.parametrize("name", ["utterances.jsonl", "utterances_own.jsonl"])
def test_the_utterances_are_understood_in_the_real_shop(demo_shop: Flask, name: str) -> None:
    cases, failed = load(name), []
    for case in cases:
        with demo_shop.app_context():
            session = Session(BuiltinModel(), world=ShopWorld(actor_of(make_user())))
            if problems := failures(play(session, case), case["expect"]):
                failed.append((case["turns"], problems))
    report = "\n".join(f"{turns}: {problems}" for turns, problems in failed)
    assert 1 - len(failed) / len(cases) >= PASS_RATE, report
