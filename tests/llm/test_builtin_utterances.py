"""What customers say, in both languages, against a small shop in memory. See utterance_cases.py for the format."""

from __future__ import annotations

from typing import Any

import pytest

from app.llm.builtin import BuiltinModel
from tests.llm.fake_world import Session
from tests.llm.utterance_cases import failures, load, play


def _cases(name: str) -> list[Any]:
    return [pytest.param(case, id=" / ".join(case["turns"])[:80]) for case in load(name)]


@pytest.mark.parametrize("case", _cases("utterances.jsonl"))
def test_the_given_utterances_are_understood(case: dict[str, Any]) -> None:
    session = play(Session(BuiltinModel()), case)
    assert failures(session, case["expect"]) == []


@pytest.mark.parametrize("case", _cases("utterances_own.jsonl"))
def test_our_own_utterances_are_understood(case: dict[str, Any]) -> None:
    session = play(Session(BuiltinModel()), case)
    assert failures(session, case["expect"]) == []
