"""The running program in front of openai-mock-api, which others have written: other habits, strict about histories."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.gateway import mock_api_talks as told
from tests.gateway.model_servers import KEY, openai_mock_api
from tests.gateway.sockets import open_connections, web_pids
from tests.gateway.talking import Answer, Talker, check_history
from tests.running import RunningShop, start_shop

pytestmark = [pytest.mark.node, pytest.mark.redis, pytest.mark.slow]
MODEL = "gpt-3.5-turbo"


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with openai_mock_api(told.write(tmp_path_factory.mktemp("mock-api"))) as url:
        yield url


@pytest.fixture(scope="module")
def running(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    shop = start_shop(
        tmp_path_factory.mktemp("second"),
        LLM_BASE_URL=server_url,
        LLM_API_KEY=KEY,
        LLM_MODEL=MODEL,
        LLM_ALLOWED_BASE_URLS=server_url,
        LLM_PRIVATE_BASE_URLS=server_url,
        MCPSHOP_DEMO="0",
    )
    yield shop
    shop.stop()


@pytest.fixture
def alice(running: RunningShop) -> Talker:
    return Talker(running.url)


def and_goes_on(talker: Talker, answer: Answer) -> None:
    """The server answers only a history that it knows, message by message."""
    check_history(talker.messages(answer.session_id))
    assert talker.replay(answer.run_id) == answer.events
    assert talker.say(told.AGAIN, answer.session_id).text == told.STILL_HERE


@pytest.mark.parametrize(
    ("words", "text"),
    [("plain please", told.PLAIN), ("emoji please", told.EMOJI), ("very long please", told.LONG)],
)
def test_an_answer_in_words(alice: Talker, words: str, text: str) -> None:
    answer = alice.say(words)
    assert (answer.text, answer.message["content"], answer.message["model"]) == (text, text, MODEL)
    assert len(answer.of_type("chunk")) > 1 and answer.message["usage"]["total_tokens"] >= 0
    and_goes_on(alice, answer)


@pytest.mark.parametrize(
    ("words", "names", "statuses"),
    [
        ("one tool", ["view_cart"], {"ok"}),
        ("two tools", ["list_stores", "view_cart"], {"ok"}),
        ("a step at a time", ["list_stores", "view_cart"], {"ok"}),
        ("unknown tool", ["fly_to_the_moon"], {"error"}),
        ("wrong arguments", ["list_products"], {"error"}),
        ("tool fails", ["get_product"], {"error"}),
    ],
)
def test_tools_are_called_and_answered(
    alice: Talker, words: str, names: list[str], statuses: set[str]
) -> None:
    answer = alice.say(words)
    assert [call["tool_name"] for call in answer.of_type("tool_call")] == names
    assert {result["status"] for result in answer.of_type("tool_result")} == statuses
    assert (answer.text, answer.message["model"]) == (told.DONE, MODEL)
    and_goes_on(alice, answer)


def test_a_stop_ends_the_answer_and_the_request(alice: Talker, running: RunningShop, server_url: str) -> None:
    before = open_connections(web_pids(running.process.pid), server_url)
    stream = alice.begin("very long please")
    stream.until("chunk")
    assert alice.abort(stream.answer.run_id)
    stopped = time.monotonic()
    answer = stream.to_the_end()
    assert time.monotonic() - stopped < 0.5
    assert answer.message["status"] == "aborted" and told.LONG.startswith(answer.text)
    while open_connections(web_pids(running.process.pid), server_url) - before:
        assert time.monotonic() - stopped < 0.5, "the upstream request goes on"
        time.sleep(0.02)
    and_goes_on(alice, answer)


def test_words_that_it_does_not_know_are_refused(alice: Talker) -> None:
    answer = alice.say("nobody has told it about this")
    assert answer.failure == ("UPSTREAM", False)
    assert alice.say("plain please").text == told.PLAIN


def test_a_wrong_key_is_refused(alice: Talker, server_url: str) -> None:
    wrong = {"base_url": server_url, "api_key": "sk-wrong", "model_name": MODEL}
    assert alice.say("plain please", model_config=wrong).failure == ("UPSTREAM", False)


def test_a_caller_may_bring_the_right_key(alice: Talker, server_url: str) -> None:
    own = {"base_url": server_url, "api_key": KEY, "model_name": "gpt-4"}
    answer = alice.say("two tools", model_config=own)
    assert (answer.text, answer.message["model"]) == (told.DONE, "gpt-4")
