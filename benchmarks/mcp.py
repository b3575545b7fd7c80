"""`tools/call` of list_products over MCP: one web process, 32 calls in flight, both eras of the protocol.

Beside it the same without the call log, and a bare SDK server (uvicorn, no key, no log) with the same query. All run
at once and take turns, so that what else the machine does falls on each of them; the CPU time of a call, the least of
all rounds, tells most where the machine is busy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from app.config import PROJECT_ROOT
from app.db import in_transaction
from app.demo.loader import load_demo
from app.mcp.demo_groups import add_demo_groups
from app.mcp.queries import get_group
from app.mcp.service import reveal_key
from benchmarks.load import Call, Outcome, drive
from benchmarks.program import SECRET, build_app, cpu_seconds, databases, redis_server
from benchmarks.table import print_table
from tests.running import free_port

IN_FLIGHT = 32
CALLS, ROUNDS = 500, 6
ERAS = ("2026-07-28", "2025-11-25")
START_SECONDS = 60
HEAD = ("list_products", "database", "calls/s", "p50 ms", "p95 ms", "CPU ms/call", "of it the log")
Row = tuple[object, ...]


@dataclass
class Contender:
    """A server under test in one era, and what it did in each round: calls, and CPU milliseconds for each."""

    name: str
    era: str
    url: str
    process: subprocess.Popen[bytes]
    outcomes: list[Outcome] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)

    def run(self, key: str) -> None:
        """One round."""
        before = cpu_seconds(self.process.pid)
        outcome = drive(self.url, repeat(_call(key, self.era), CALLS), in_flight=IN_FLIGHT)
        self.spent.append((cpu_seconds(self.process.pid) - before) * 1000 / CALLS)
        self.outcomes.append(outcome)
        assert set(outcome.statuses) == {200}, outcome.statuses

    def row(self, engine: str, share: str) -> Row:
        best = max(self.outcomes, key=lambda one: one.rate)
        times = (f"{best.percentile(0.5):.1f}", f"{best.percentile(0.95):.1f}")
        return (
            f"{self.name}, {self.era}",
            engine,
            f"{best.rate:.0f}",
            *times,
            f"{min(self.spent):.2f}",
            share,
        )


def main() -> None:
    """Print one table."""
    rows: list[Row] = []
    with redis_server() as redis_url, databases() as found:
        for engine, database_url in found.items():
            with tempfile.TemporaryDirectory() as folder:
                rows += _measure_engine(Path(folder), engine, database_url, redis_url)
    print_table(f"MCP: tools/call, {IN_FLIGHT} in flight, one process (best of {ROUNDS} rounds)", HEAD, rows)


def _measure_engine(home: Path, engine: str, database_url: str, redis_url: str) -> list[Row]:
    app = build_app(home, database_url, redis_url)
    with app.app_context():
        load_demo(app.extensions["mcpshop_settings"], echo=lambda _text: None, orders=2_000, members=300)
        in_transaction(add_demo_groups)
        key = reveal_key(get_group("shop"))
    environment = {
        "MCPSHOP_HOME": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET,
        # Calls are counted as in production, and none is too many.
        "MCP_CALLS_PER_MINUTE": "1000000",
        "LOG_LEVEL": "WARNING",
    }
    with ExitStack() as stack:
        contenders = list(_start(stack, environment))
        for one in contenders:
            drive(one.url, repeat(_call(key, one.era), 200), in_flight=IN_FLIGHT)
        for _ in range(ROUNDS):
            for one in contenders:
                one.run(key)
    whole, without = min(contenders[0].spent), min(contenders[2].spent)
    share = f"{max(0.0, 1 - without / whole) if whole else 0:.0%}"
    return [one.row(engine, share if one is contenders[0] else "") for one in contenders]


def _start(stack: ExitStack, environment: dict[str, str]) -> Iterator[Contender]:
    gunicorn = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py")
    servers: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]] = (
        ("shop", (*gunicorn, "wsgi:app"), ERAS),
        ("shop, no log", (*gunicorn, "benchmarks.mcp_servers:without_log()"), ERAS[:1]),
        ("bare SDK", (sys.executable, "-m", "benchmarks.mcp_servers", "{port}"), ERAS),
    )
    for name, command, eras in servers:
        url, process = stack.enter_context(_running(command, environment))
        for era in eras:
            yield Contender(name, era, url, process)


@contextmanager
def _running(
    command: Sequence[str], environment: dict[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = str(free_port())
    process = subprocess.Popen(
        [part.format(port=port) for part in command],
        cwd=PROJECT_ROOT,
        env={**os.environ, **environment, "PORT": port},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url, process
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/mcp", timeout=2)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("did not come up in time")


def _call(key: str, era: str) -> Call:
    headers = [
        ("Authorization", f"Bearer {key}"),
        ("Accept", "application/json, text/event-stream"),
        ("Accept-Language", "en"),
        ("MCP-Protocol-Version", era),
    ]
    params: dict[str, object] = {"name": "list_products", "arguments": {"q": "sunscreen"}}
    if era == ERAS[0]:
        headers += [("Mcp-Method", "tools/call"), ("Mcp-Name", "list_products")]
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": era,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    return Call("/mcp", "POST", tuple(headers), body)
