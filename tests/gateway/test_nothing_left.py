"""What the web process holds after hundreds of runs in trouble is what it held before them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app.accounts.tokens import issue_token
from tests.agent.web_process import WebProcess
from tests.builders import make_user
from tests.gateway import aimock_streams as told
from tests.gateway import probe
from tests.gateway.model_servers import KEY, aimock
from tests.gateway.sockets import descriptors, open_connections
from tests.gateway.talking import Answer, Talker, check_history

pytestmark = [pytest.mark.node, pytest.mark.slow]
RUNS = 200
AT_ONCE = 20
CHAOS = (
    "--chaos-drop",
    "0.1",
    "--chaos-malformed",
    "0.1",
    "--chaos-disconnect",
    "0.1",
    "--chaos-ratelimit",
    "0.1",
)
WORDS = (
    "plain please",
    "two tools",
    "no json",
    "emoji please",
    "cut off please",
    "hang up later",
    "break after the call",
    "nothing please",
    "refused please",
    "slowly please",
    "too late",
    "sleep in a tool",
)
STOPPED = {"slowly please", "too late", "sleep in a tool"}
# Connections that pools keep for the next request: to Redis, to the model.
POOL = 64
SETTLE_SECONDS = 30.0
# What a process has as long as it lives.
STANDING = {"MainThread", "process-report"}


@dataclass
class Shop:
    """A web process with the probe in it, its Redis, and two aimocks: one well, one that plays up."""

    web: WebProcess
    redis: Redis
    well: str
    chaotic: str
    talkers: list[Talker]

    def state(self, query: str = "") -> dict[str, Any]:
        return dict(json.loads(self.web.request("GET", probe.PATH + query, {}).read()))

    def caller(self, url: str) -> dict[str, str]:
        """The `model_config` of somebody who brings a model along: nobody stands in for it."""
        return {"base_url": url, "api_key": KEY, "model_name": "gpt-mock"}


@pytest.fixture
def shop(make_app: Any, redis_url: str, tmp_path: Path) -> Iterator[Shop]:
    app = make_app(redis_url=redis_url)
    with app.app_context():
        tokens = [issue_token(make_user(f"talker{number}").id)[0] for number in range(AT_ONCE)]
    fixtures = told.write(tmp_path)
    with ExitStack() as stack:
        well = stack.enter_context(aimock(fixtures))
        chaotic = stack.enter_context(aimock(fixtures, *CHAOS))
        web = WebProcess(
            {
                "MCPSHOP_HOME": str(app.extensions["mcpshop_settings"].home_path),
                "REDIS_URL": redis_url,
                "SECRET_KEY": app.config["SECRET_KEY"],
                "LLM_BASE_URL": well,
                "LLM_API_KEY": KEY,
                "LLM_ALLOWED_BASE_URLS": f"{well} {chaotic}",
                "LLM_PRIVATE_BASE_URLS": f"{well} {chaotic}",
                "LLM_FIRST_TOKEN_TIMEOUT": "2",
                "LOG_LEVEL": "ERROR",
            },
            application="tests.gateway.probe:app",
        )
        web.start()
        stack.callback(web.end)
        talkers = [Talker(f"http://127.0.0.1:{web.port}", token) for token in tokens]
        yield Shop(web, Redis.from_url(redis_url), well, chaotic, talkers)


def test_nothing_is_left_of_runs_in_trouble(shop: Shop) -> None:
    _talk(shop, 2 * AT_ONCE, seed=1)
    before = _settled(shop)
    answers = _talk(shop, RUNS, seed=2)
    after = _settled(shop)
    assert len(answers) == RUNS
    assert {answer.last["type"] for answer in answers} == {"complete", "error"}
    assert after["runs"] == after["watches"] == 0
    assert sum(after["greenlets"].values()) <= sum(before["greenlets"].values()) + 2, (before, after)
    assert after["natives"] <= before["natives"] + 2, (before, after)
    assert after["files"] <= before["files"] + 10, (before, after)
    assert after["upstream"] <= POOL
    assert after["redis"] <= before["redis"] + 5
    _check_keys(shop.redis)
    for talker in shop.talkers[:3]:
        for session in talker.json("GET", "/api/chat/sessions"):
            check_history(talker.messages(session["session_id"]))


def test_a_stop_reaches_a_tool_that_works(shop: Shop) -> None:
    alice = shop.talkers[0]
    stream = alice.begin("sleep in a tool", model_config=shop.caller(shop.well))
    call = stream.until("tool_call")
    time.sleep(0.2)
    started = time.monotonic()
    assert alice.abort(stream.answer.run_id)
    answer = stream.to_the_end()
    assert time.monotonic() - started < 0.5
    assert answer.message["status"] == "aborted"
    assert answer.of_type("tool_result")[0]["status"] == "cancelled"
    assert answer.of_type("tool_result")[0]["tool_call_id"] == call["data"]["tool_call_id"]
    check_history(alice.messages(answer.session_id))
    assert alice.say(told.AGAIN, answer.session_id).text == told.STILL_HERE


# ---- the runs


def _talk(shop: Shop, runs: int, *, seed: int) -> list[Answer]:
    """Runs of every kind, side by side: through chaos and through the fallbacks, some of them stopped."""
    dice = random.Random(seed)
    plans = [(number, WORDS[number % len(WORDS)], dice.random() < 0.7) for number in range(runs)]

    def one(plan: tuple[int, str, bool]) -> Answer:
        number, words, is_chaotic = plan
        talker = shop.talkers[number % AT_ONCE]
        more = {"model_config": shop.caller(shop.chaotic)} if is_chaotic else {}
        stream = talker.begin(words, **more)
        if words in STOPPED:
            time.sleep(0.3)
            talker.abort(stream.answer.run_id)
        return stream.to_the_end()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, plans))


# ---- looking


def _settled(shop: Shop) -> dict[str, Any]:
    """The state of the process once it has come to rest, with what the kernel and Redis see of it."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not _is_at_rest(shop.state()):
        assert time.monotonic() < deadline, f"the process does not come to rest: {shop.state()}"
        time.sleep(0.3)
    return _look(shop)


def _is_at_rest(state: dict[str, Any]) -> bool:
    """No run, no reader, and the threads that serve them have ended too."""
    return not state["runs"] and not state["watches"] and state["threads"].keys() == STANDING


def _look(shop: Shop) -> dict[str, Any]:
    state = shop.state("?greenlets")
    pid = state["pid"]
    urls = (shop.well, shop.chaotic)
    return {
        **state,
        "files": len(descriptors(pid)),
        "natives": len(list(Path(f"/proc/{pid}/task").iterdir())),
        "upstream": sum(len(open_connections([pid], url)) for url in urls),
        "redis": len(shop.redis.client_list()),
    }


def _check_keys(redis: Redis) -> None:
    """Every key ends by itself, and none says that a run lives or is to be stopped."""
    assert not list(redis.scan_iter("run:*:alive"))
    assert not list(redis.scan_iter("run:*:abort"))
    lasting = [key for key in redis.scan_iter("*") if redis.ttl(key) < 0]
    assert not lasting, lasting
