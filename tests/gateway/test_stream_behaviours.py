"""The running program in front of aimock: whatever the model's stream does, the customer's ends properly.

Every test ends with the next message of the same conversation, which must be answered.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from tests.gateway import aimock_streams as told
from tests.gateway.model_servers import aimock, requests_of
from tests.gateway.sockets import open_connections, web_pids
from tests.gateway.talking import Answer, Talker, check, check_history
from tests.running import RunningShop, start_shop

pytestmark = [pytest.mark.node, pytest.mark.redis, pytest.mark.slow]
FIRST_TOKEN, GAP = 6.0, 2.0
BUILT_IN = "built-in"
MODEL = "gpt-mock"
OF_MODELS = re.compile(r"model_|breaker|agent_failed|run_")


@pytest.fixture(scope="module")
def aimock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with aimock(told.write(tmp_path_factory.mktemp("aimock"))) as url:
        yield url


@pytest.fixture(scope="module")
def running(aimock_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """The program as `make run` starts it, its model at aimock."""
    shop = start_shop(
        tmp_path_factory.mktemp("streams"),
        LLM_BASE_URL=aimock_url,
        LLM_API_KEY="sk-test",
        LLM_MODEL=MODEL,
        LLM_FIRST_TOKEN_TIMEOUT=str(FIRST_TOKEN),
        LLM_GAP_TIMEOUT=str(GAP),
        MCPSHOP_DEMO="0",
    )
    yield shop
    shop.stop()


@pytest.fixture
def alice(running: RunningShop) -> Iterator[Talker]:
    """A new customer; no circuit breaker is open from an earlier test. What the shop says of its models is printed,
    which pytest shows of a test that fails."""
    redis = Redis(unix_socket_path=str(running.home / "redis" / "redis.sock"))
    for key in redis.scan_iter("gw:breaker:*"):
        redis.delete(key)
    redis.close()
    log = running.home / "start.log"
    begun = log.stat().st_size
    yield Talker(running.url)
    with log.open(errors="replace") as lines:
        lines.seek(begun)
        print(*(line for line in lines if OF_MODELS.search(line)), sep="")


def and_goes_on(talker: Talker, answer: Answer) -> None:
    """What is stored is valid, the events can be read again, and the next message is answered."""
    check_history(talker.messages(answer.session_id))
    assert talker.replay(answer.run_id) == answer.events
    again = talker.say(told.AGAIN, answer.session_id)
    assert (again.text, again.message["status"]) == (told.STILL_HERE, "done")


def text_and_end(talker: Talker, words: str) -> Answer:
    answer = talker.say(words)
    assert answer.message["content"] == answer.text
    assert answer.message["model"] == MODEL
    return answer


# ---- answers


def test_a_plain_answer(alice: Talker) -> None:
    answer = text_and_end(alice, "plain please")
    assert answer.text == "A plain answer."
    and_goes_on(alice, answer)


def test_an_answer_in_many_pieces(alice: Talker) -> None:
    answer = text_and_end(alice, "in pieces please")
    assert answer.text == told.WORDS
    and_goes_on(alice, answer)


@pytest.mark.parametrize("words", ["emoji please", "emoji slowly"])
def test_characters_that_the_server_cuts_in_two_arrive_whole(alice: Talker, words: str) -> None:
    answer = text_and_end(alice, words)
    assert answer.text == told.EMOJI
    and_goes_on(alice, answer)


def test_a_very_long_answer(alice: Talker) -> None:
    answer = text_and_end(alice, "very long please")
    assert answer.text == told.LONG
    and_goes_on(alice, answer)


def test_a_model_that_says_nothing_is_stood_in_for(alice: Talker) -> None:
    answer = alice.say("nothing please")
    assert answer.message["model"] == BUILT_IN and answer.text.strip()
    and_goes_on(alice, answer)


def test_an_answer_of_spaces_ends_too(alice: Talker) -> None:
    and_goes_on(alice, alice.say("only spaces"))


def test_usage_is_what_the_server_counted(alice: Talker) -> None:
    answer = text_and_end(alice, "counted please")
    usage = answer.message["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (1_234, 56)
    and_goes_on(alice, answer)


def test_an_answer_that_was_cut_at_its_length(alice: Talker) -> None:
    and_goes_on(alice, text_and_end(alice, "cut at length"))


def test_what_a_model_says_to_itself_is_not_shown(alice: Talker) -> None:
    answer = text_and_end(alice, "think first")
    assert answer.text == "Thought about it."
    and_goes_on(alice, answer)


# ---- tools


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("one tool", ["view_cart"]),
        ("two tools", ["list_stores", "view_cart"]),
        ("four tools", ["list_products"] * 4),
        ("arguments in pieces", ["list_products"]),
        ("same id twice", ["view_cart", "list_stores"]),
    ],
)
def test_tools_are_called_and_answered(alice: Talker, aimock_url: str, words: str, names: list[str]) -> None:
    answer = text_and_end(alice, words)
    assert [call["tool_name"] for call in answer.of_type("tool_call")] == names
    assert {result["status"] for result in answer.of_type("tool_result")} == {"ok"}
    assert answer.text.endswith(told.DONE)
    told_to_model = requests_of(aimock_url, words)[-1]["messages"]
    calls = [call["id"] for each in told_to_model for call in each.get("tool_calls") or ()]
    assert [each["tool_call_id"] for each in told_to_model if each["role"] == "tool"] == calls
    and_goes_on(alice, answer)


def test_arguments_that_come_in_pieces_are_put_together(alice: Talker) -> None:
    answer = text_and_end(alice, "arguments in pieces")
    assert answer.of_type("tool_call")[0]["arguments"] == {"q": "防晒 😀", "top_k": 3}


@pytest.mark.parametrize(
    "words", ["unknown tool", "no json", "wrong arguments", "a list for arguments", "tool fails"]
)
def test_a_call_that_cannot_be_made_is_answered_with_an_error(
    alice: Talker, aimock_url: str, words: str
) -> None:
    answer = text_and_end(alice, words)
    result = answer.of_type("tool_result")[0]
    assert result["status"] == "error" and result["result"]["error"]["code"]
    assert answer.text == told.DONE
    given = [each for each in requests_of(aimock_url, words)[-1]["messages"] if each["role"] == "tool"]
    assert result["result"]["error"]["code"] in given[0]["content"]
    and_goes_on(alice, answer)


def test_a_model_that_never_stops_calling_comes_to_an_honest_end(alice: Talker) -> None:
    answer = text_and_end(alice, "for ever")
    assert 1 < len(answer.of_type("tool_call")) <= 8 and answer.text
    and_goes_on(alice, answer)


# ---- stopping


def test_a_stop_ends_the_answer_and_the_request_within_half_a_second(
    alice: Talker, aimock_url: str, running: RunningShop
) -> None:
    before = open_connections(web_pids(running.process.pid), aimock_url)
    stream = alice.begin("slowly please")
    stream.until("chunk")
    assert alice.abort(stream.answer.run_id)
    stopped = time.monotonic()
    answer = stream.to_the_end()
    assert time.monotonic() - stopped < 0.5
    assert answer.message["status"] == "aborted"
    assert answer.message["content"] == answer.text
    assert (told.WORDS * 4).startswith(answer.text) and len(answer.text) < 200
    while len(open_connections(web_pids(running.process.pid), aimock_url) - before) > 0:
        assert time.monotonic() - stopped < 0.5, "the upstream request goes on"
        time.sleep(0.02)
    and_goes_on(alice, answer)


def test_a_stop_reaches_a_model_that_has_not_begun(alice: Talker) -> None:
    stream = alice.begin("too late")
    time.sleep(0.3)
    started = time.monotonic()
    assert alice.abort(stream.answer.run_id)
    answer = stream.to_the_end()
    assert time.monotonic() - started < 0.5 and answer.message["status"] == "aborted"
    and_goes_on(alice, answer)


def test_a_reader_that_goes_away_does_not_stop_the_answer(alice: Talker) -> None:
    stream = alice.begin("a gap please")
    first = stream.until("chunk")
    stream.close()
    rest = alice.replay(stream.answer.run_id, first["id"])
    text = first["data"]["content"] + "".join(
        event["data"]["content"] for event in rest if event["type"] == "chunk"
    )
    assert text == told.WORDS and rest[-1]["type"] == "complete"


def test_two_readers_see_the_same(alice: Talker) -> None:
    stream = alice.begin("a gap please")
    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(alice.replay, stream.answer.run_id) for _ in range(2)]
        events = stream.to_the_end().events
        assert [other.result() for other in others] == [events, events]


def test_one_answer_at_a_time_in_a_conversation(alice: Talker) -> None:
    stream = alice.begin("a gap please")
    stream.until("chunk")
    body = {"content": "plain please", "session_id": stream.answer.session_id}
    refused = alice.request("POST", "/api/chat/stream", body)
    assert refused.status == 409
    assert json.loads(refused.read())["error"]["code"] == "RUN_ACTIVE"
    and_goes_on(alice, stream.to_the_end())


# ---- time


def test_a_late_first_word_is_waited_for(alice: Talker) -> None:
    answer = text_and_end(alice, "late please")
    assert answer.text == "Late, and well." and 1.2 <= answer.first_word < FIRST_TOKEN
    and_goes_on(alice, answer)


def test_a_first_word_that_does_not_come_is_said_by_the_next(alice: Talker) -> None:
    answer = alice.say("too late")
    assert answer.message["model"] == BUILT_IN
    assert answer.first_word < FIRST_TOKEN + 1.0
    and_goes_on(alice, answer)


def test_a_gap_is_waited_for(alice: Talker) -> None:
    answer = text_and_end(alice, "a gap please")
    assert answer.text == told.WORDS
    and_goes_on(alice, answer)


def test_too_long_a_gap_ends_in_an_error_with_the_words_kept(alice: Talker) -> None:
    answer = alice.say("too long a gap")
    assert answer.failure == ("TIMEOUT", True)
    assert answer.text and told.WORDS.startswith(answer.text)
    assert answer.seconds[-1] < GAP + 1.0
    assert alice.messages(answer.session_id)[-1]["content"] == answer.text
    and_goes_on(alice, answer)


# ---- trouble


@pytest.mark.parametrize(
    "words",
    [
        "limited please",
        "limited for long",
        "broken please",
        "away please",
        "drop please",
        "malformed please",
        "hang up please",
        "chaos limit please",
    ],
)
def test_trouble_before_the_first_word_is_stood_in_for(alice: Talker, words: str) -> None:
    answer = alice.say(words)
    assert answer.message["model"] == BUILT_IN and answer.text
    assert answer.first_word < FIRST_TOKEN + 1.0
    check_history(alice.messages(answer.session_id))
    # While the breaker rests (a 429 says for how long) the built-in model goes on.
    assert alice.say(told.AGAIN, answer.session_id).message["status"] == "done"


@pytest.mark.parametrize("words", ["refused please", "no key please"])
def test_a_refusal_is_an_error_that_no_retry_mends(alice: Talker, words: str) -> None:
    answer = alice.say(words)
    assert answer.failure == ("UPSTREAM", False) and not answer.text
    and_goes_on(alice, answer)


@pytest.mark.parametrize("words", ["cut off please", "hang up later"])
def test_a_break_after_the_first_word_keeps_the_words(alice: Talker, words: str) -> None:
    answer = alice.say(words)
    assert answer.failure == ("UPSTREAM", True)
    assert answer.text and told.WORDS.startswith(answer.text)
    kept = alice.messages(answer.session_id)[-1]
    assert (kept["role"], kept["content"]) == ("assistant", answer.text)
    and_goes_on(alice, answer)


def test_a_break_in_a_call_is_trouble_before_the_first_word(alice: Talker) -> None:
    answer = alice.say("break after the call")
    check(answer.events)
    assert answer.message["model"] == BUILT_IN
    and_goes_on(alice, answer)


def test_many_different_streams_at_once(running: RunningShop, alice: Talker) -> None:
    expected = {
        "plain please": "A plain answer.",
        "in pieces please": told.WORDS,
        "very long please": told.LONG,
        "two tools": f"Looking.\n\n{told.DONE}",
        "a gap please": told.WORDS,
    }
    talkers = [alice, *(Talker(running.url) for _ in range(3))]
    barrier = threading.Barrier(len(talkers) * len(expected))

    def talk(talker: Talker, words: str) -> str:
        barrier.wait(10)
        return text_and_end(talker, words).text

    with ThreadPoolExecutor(barrier.parties) as pool:
        asked = [(words, pool.submit(talk, each, words)) for each in talkers for words in expected]
    assert all(answer.result() == expected[words] for words, answer in asked)
