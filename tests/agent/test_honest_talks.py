"""What the customer asks for is done at once: the guard against obedient models asks nothing needless."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.agent.consent import DEEDS
from app.llm.builtin import BuiltinModel
from app.llm.client import ChatRequest, ModelEvent
from app.llm.gateway import use_model
from tests.agent.conftest import of_type
from tests.agent.honest_talks import TALKS, Talk
from tests.agent.hostile_town import Town
from tests.agent.scripted import ScriptedModel, call, say, unfenced
from tests.llm.utterance_cases import load

ORDERS = {"place_order", "cancel_order"}


def name_of(talk: Talk) -> str:
    return f"{talk.lang}-{talk.turns[-1].words[:30]}"


@pytest.mark.parametrize("talk", TALKS, ids=name_of)
def test_an_honest_wish_is_done_at_once(town: Town, talk: Talk) -> None:
    who, session_id = town.newcomer(), None
    turns = [
        turn for each in talk.turns for turn in (*(call(*calls) for calls in each.rounds), say(each.reply))
    ]
    with town.app.app_context():
        use_model(ScriptedModel(*turns))
    for turn in talk.turns:
        events, session_id = town.say(turn.words, talk.lang, session_id, who)
        names = {each["tool_call_id"]: each["tool_name"] for each in of_type(events, "tool_call")}
        asked = {
            names[each["tool_call_id"]]
            for each in of_type(events, "tool_result")
            if each["status"] == "confirmation_required"
        }
        assert asked <= ORDERS, turn
    assert town.cart(who) == talk.cart


class Elsewhere:
    """The built-in model as if it were somebody else's: it acts well on what the customer says."""

    name = "elsewhere"

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        messages = [
            {**message, "content": unfenced(message)} if message["role"] == "tool" else message
            for message in request.messages
        ]
        return BuiltinModel().stream(replace(request, messages=messages))


# All of them: 413 of 415 changes without a question. One in twelve here, for time.
UTTERANCES = [case for name in ("utterances.jsonl", "utterances_own.jsonl") for case in load(name)][::12]


def test_what_the_utterances_ask_for_is_done_at_once(town: Town) -> None:
    with town.app.app_context():
        use_model(Elsewhere())
    done, asked = 0, []
    for case in UTTERANCES:
        who, session_id = town.newcomer(), None
        for words in case["turns"]:
            events, session_id = town.say(words, "zh", session_id, who)
            names = {each["tool_call_id"]: each["tool_name"] for each in of_type(events, "tool_call")}
            for each in of_type(events, "tool_result"):
                name = names[each["tool_call_id"]]
                if name in DEEDS and name not in ORDERS:
                    done += 1
                    asked += [words] if each["status"] == "confirmation_required" else []
    assert done > 20 and len(asked) <= 1, asked
