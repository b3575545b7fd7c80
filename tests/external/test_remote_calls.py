"""Tools of real servers over every transport, called through the one executor."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from app.tools.cancellation import Cancellation
from tests.conftest import MakeApp
from tests.external.attaching import KINDS, Attachment, Remote, attached, wait_for
from tests.external.conftest import Standing

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@pytest.fixture(params=KINDS)
def far(request: pytest.FixtureRequest, make_app: MakeApp, standing: Standing) -> Iterator[Attachment]:
    """A server over each of the transports."""
    with attached(make_app, standing(request.param)) as attachment:
        yield attachment


def test_a_remote_tool_is_called_like_one_of_our_own(far: Attachment) -> None:
    said: list[str] = []
    assert far.call("add", {"a": 1, "b": 2}).result == {"result": 3}
    assert far.call("narrate", on_text=said.append).result == {"result": "done"}
    assert "".join(said) == "step 1\nstep 2\nstep 3\n"
    failed = far.call("fail")
    assert (failed.status, failed.result["error"]["code"]) == ("error", "UPSTREAM")
    asked = far.call("ask")
    assert asked.result["error"]["code"] == "UPSTREAM", "nobody is there to answer a server's question"
    (row,) = far.rows("add")
    assert row.success and row.caller_app_id == "test"
    assert [row.success for row in far.rows("fail")] == [False]


def test_twenty_calls_run_side_by_side(far: Attachment) -> None:
    far.call("add", {"a": 0, "b": 0})
    results: list[int] = []

    def call(number: int) -> None:
        results.append(far.call("add", {"a": number, "b": 1}).result.get("result", -1))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(results) == list(range(1, 21))


@pytest.mark.parametrize("kind", ["http", "sessions", "stdio"])
def test_an_answer_of_ten_megabytes_is_refused_and_the_others_go_on(
    make_app: MakeApp, standing: Standing, kind: str
) -> None:
    with attached(make_app, standing(kind)) as far:
        others: list[str] = []
        slow = threading.Thread(
            target=lambda: others.append(far.call("hang", {"name": "s", "seconds": 1}).status)
        )
        far.call("add", {"a": 0, "b": 0})
        slow.start()
        result = far.call("flood", {"size": 10_000_000})
        slow.join(20)
        assert result.result["error"] == {
            "code": "UPSTREAM",
            "message": "The answer of “Far away” is too large.",
        }
        assert others == ["ok"]
        (row,) = far.rows("flood")
        assert not row.success and len(row.response_data) < 2_000


def test_a_hanging_tool_is_given_up_and_the_others_go_on(far: Attachment) -> None:
    far.call("add", {"a": 0, "b": 0})
    far.save(timeout_seconds=1)
    name = f"late-{far.remote.kind}"
    started = time.monotonic()
    result = far.call("hang", {"name": name})
    assert result.status == "timeout" and time.monotonic() - started < 3
    assert "not known whether" in result.result["error"]["message"]
    assert far.call("add", {"a": 1, "b": 1}).result == {"result": 2}
    assert wait_for(lambda: far.peek(f"{name}:cancelled"), 5), "the server was told to stop"


def test_stopping_a_call_reaches_the_server(web: Attachment) -> None:
    cancellation = Cancellation()
    results: list[str] = []
    caller = threading.Thread(
        target=lambda: results.append(web.call("hang", {"name": "c"}, cancellation=cancellation).status)
    )
    caller.start()
    wait_for(lambda: web.peek("c:began"))
    cancellation.cancel()
    caller.join(3)
    assert results == ["cancelled"]
    assert wait_for(lambda: web.peek("c:cancelled"), 5)


def test_what_is_no_reading_asks_first_and_runs_once_with_the_yes(web: Attachment) -> None:
    asked = web.call("count", {"name": "n"})
    assert asked.status == "confirmation_required"
    assert asked.result["summary"] == {
        "title": "Let “Far away” do this: count?",
        "server": "Far away",
        "items": [{"name": "name: n"}],
    }
    assert web.peek("n") == 0
    other = web.call("count", {"name": "m"}, approved=asked.fingerprint)
    assert other.result["error"]["code"] == "CONFIRMATION_VOID" and web.peek("m") == 0
    done = web.call("count", {"name": "n"}, approved=asked.fingerprint)
    assert done.status == "ok" and web.peek("n") == 1


def test_without_trust_in_its_hints_every_tool_asks_first(web: Attachment) -> None:
    web.save(trusts_hints=False)
    assert web.call("add", {"a": 1, "b": 1}).status == "confirmation_required"


def test_arguments_are_checked_before_anything_is_sent(web: Attachment) -> None:
    wrong = web.call("add", {"a": "x"}).result["error"]
    assert wrong["code"] == "INVALID_PARAM"
    assert wrong["fields"] == {"a": "'x' is not of type 'integer'", "b": "This is needed."}


def test_a_program_gets_nothing_of_our_environment(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "very-secret")
    with attached(make_app, Remote("stdio")) as far:
        far.save(environment={"TEAM": "shop"})
        told = far.call("env", {"name": "*"}).result["result"]
        assert "very-secret" not in told and '"TEAM": "shop"' in told
        far.save(arguments=[], command=sys.executable, enabled=False)
        assert far.call("add", {"a": 1, "b": 1}).result["error"]["code"] == "NOT_FOUND"
