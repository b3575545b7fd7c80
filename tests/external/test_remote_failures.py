"""Servers that die, come back, forget sessions or change: nothing else is taken down, and nothing is left behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask

from app.config import PROJECT_ROOT
from app.external import changes
from app.external.circuit import breaker, circuit_key
from app.external.queries import get_server, status_now
from app.gateway.breaker import State
from tests.conftest import MakeApp
from tests.external.attaching import KINDS, Attachment, Remote, attached, is_alive, running, wait_for
from tests.external.conftest import Standing

pytestmark = [pytest.mark.redis, pytest.mark.slow]


def status_of(far: Attachment) -> str:
    with far.app.app_context():
        return status_now(get_server(far.server_id))


@pytest.mark.parametrize("kind", ["http", "sessions", "sse"])
def test_a_server_killed_in_mid_call_is_a_clear_error_and_comes_back(make_app: MakeApp, kind: str) -> None:
    with running(kind) as remote, attached(make_app, remote) as far:
        results = []
        caller = threading.Thread(target=lambda: results.append(far.call("hang", {"name": "k"})))
        caller.start()
        wait_for(lambda: far.peek("k:began"))
        killed = time.monotonic()
        far.remote.kill()
        caller.join(5)
        assert time.monotonic() - killed < 2
        assert results[0].result["error"] == {
            "code": "UNAVAILABLE",
            "message": "“Far away” cannot be reached at the moment. Please try again later.",
        }
        (row,) = far.rows("hang")
        assert not row.success
        for _ in range(3):
            assert far.call("add", {"a": 1, "b": 1}).status == "error"
        with far.app.app_context():
            assert breaker().state_of(circuit_key(far.server_id)) is not State.CLOSED
        assert status_of(far) == "down"
        far.remote.start()
        wait_for(lambda: far.call("add", {"a": 1, "b": 1}).status == "ok", 15)
        wait_for(lambda: status_of(far) == "ok", 5)
        assert len(far.rows("hang")) == 1


def test_an_open_circuit_spares_everybody_the_wait(make_app: MakeApp) -> None:
    with running("http") as remote, attached(make_app, remote, mcp_server_rest_seconds=60.0) as far:
        far.remote.kill()
        for _ in range(3):
            far.call("add", {"a": 1, "b": 1})
        started = time.monotonic()
        assert far.call("add", {"a": 1, "b": 1}).result["error"]["code"] == "UNAVAILABLE"
        assert time.monotonic() - started < 0.5
        far.remote.start()
        with far.app.app_context():
            assert changes.check(far.admin, far.server_id).look is not None
        assert far.call("add", {"a": 1, "b": 1}).status == "ok", "a look that succeeds closes the circuit"


def test_a_forgotten_session_is_begun_anew_within_the_call(make_app: MakeApp) -> None:
    with running("sessions") as remote, attached(make_app, remote) as far:
        assert far.call("add", {"a": 1, "b": 1}).status == "ok"
        far.remote.kill()
        far.remote.start()
        assert far.call("add", {"a": 2, "b": 1}).result == {"result": 3}


def test_a_program_that_dies_is_started_again(make_app: MakeApp) -> None:
    with attached(make_app, Remote("stdio")) as far:
        first = far.call("pid").result["result"]
        started = time.monotonic()
        assert far.call("die").result["error"]["code"] == "UNAVAILABLE"
        assert time.monotonic() - started < 2
        second = wait_for(lambda: far.call("pid").result.get("result"), 15)
        assert second != first and not is_alive(first)


@pytest.mark.parametrize("kind", ["http", "sse", "stdio"])
def test_new_tools_are_there_as_soon_as_the_server_says_so(make_app: MakeApp, kind: str) -> None:
    with running(kind) as remote, attached(make_app, remote) as far:
        assert far.call("grown").result["error"]["code"] == "NOT_FOUND"
        # A listening client is told; it may begin to listen a moment after the first call.
        far.call("add", {"a": 1, "b": 1})
        time.sleep(0.3)
        assert far.call("grow").status == "ok"
        wait_for(lambda: far.call("grown").result.get("result") == "grown", 8)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_after_the_end(make_app: MakeApp, standing: Standing, kind: str) -> None:
    with attached(make_app, standing(kind)) as far:
        _fill_pool(far.app)
        far.call("add", {"a": 1, "b": 1})
        far.close()
        gc.collect()
        lines, threads = _open_lines(), threading.active_count()
        child = far.call("pid").result["result"]
        offspring = far.call("offspring").result["result"]
        for number in range(5):
            far.call("add", {"a": number, "b": 1})
        far.close()
        gc.collect()
        wait_for(lambda: _open_lines() <= lines, 5)
        wait_for(lambda: threading.active_count() <= threads, 5)
        if kind == "stdio":
            assert not is_alive(child) and not is_alive(offspring)
        else:
            os.kill(offspring, signal.SIGKILL)


def test_a_process_that_is_killed_takes_its_programs_along(tmp_path: Path) -> None:
    script = tmp_path / "holder.py"
    script.write_text(
        "import asyncio, sys\n"
        "from app.external.stdio import Words, stdio_transport\n"
        "from app.external.target import Program\n"
        "from mcp import Client\n"
        "async def main():\n"
        "    program = Program(command=sys.executable, arguments=[sys.argv[1], 'stdio'], environment={}, home='/')\n"
        "    async with Client(stdio_transport(program, 10_000, Words())) as client:\n"
        "        for name in ('pid', 'offspring'):\n"
        "            print((await client.call_tool(name, {})).structured_content['result'], flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    remote = Path(__file__).with_name("remote.py")
    command = [sys.executable, str(script), str(remote)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as holder:
        assert holder.stdout is not None
        children = [int(holder.stdout.readline()) for _ in range(2)]
        assert all(is_alive(child) for child in children)
        holder.kill()
    wait_for(lambda: not any(is_alive(child) for child in children), 5)


def _fill_pool(app: Flask) -> None:
    """Have the pool open as many connections to Redis as may be used at once: it keeps them, and none is new later."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: app.extensions["mcpshop_redis"].blpop("nothing", timeout=1), range(8)))


def _open_lines() -> int:
    """Pipes and sockets of this process."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found += os.readlink(f"/proc/self/fd/{name}").startswith(("pipe:", "socket:"))
    return found
