"""`tools/call` of list_products over MCP: one web process, 32 calls in flight, both eras of the protocol.

Beside it the same without the call log, and a bare SDK server (uvicorn, no key, no log) with the same query.
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
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

from app.config import PROJECT_ROOT
from app.db import in_transaction
from app.demo.loader import load_demo
from app.mcp.demo_groups import add_demo_groups
from app.mcp.queries import get_group
from app.mcp.service import reveal_key
from benchmarks.load import Call, drive
from benchmarks.program import SECRET, build_app, databases, redis_server
from benchmarks.table import print_table
from tests.running import free_port

IN_FLIGHT = 32
CALLS, ROUNDS = 1_000, 3
ERAS = ("2026-07-28", "2025-11-25")
START_SECONDS = 40
Row = tuple[object, ...]


def main() -> None:
    """Print one table."""
    rows: list[Row] = []
    with redis_server() as redis_url, databases() as found:
        for engine, database_url in found.items():
            with tempfile.TemporaryDirectory() as folder:
                rows += _measure_engine(Path(folder), engine, database_url, redis_url)
    head = ("list_products", "database", "calls/s", "p50 ms", "p95 ms", "CPU ms/call")
    print_table(f"MCP: tools/call, {IN_FLIGHT} in flight, one process (best of {ROUNDS} rounds)", head, rows)


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
        "RATELIMIT_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    gunicorn = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py")
    servers: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]] = (
        ("shop", (*gunicorn, "wsgi:app"), ERAS),
        ("shop, no log", (*gunicorn, "benchmarks.mcp_servers:without_log()"), ERAS[:1]),
        ("bare SDK", (sys.executable, "-m", "benchmarks.mcp_servers", "{port}"), ERAS),
    )
    rows: list[Row] = []
    for name, command, eras in servers:
        with _running(command, environment) as (url, process):
            rows += [(f"{name}, {era}", engine, *_measure(url, process, key, era)) for era in eras]
    return rows


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


def _measure(url: str, process: subprocess.Popen[bytes], key: str, era: str) -> Row:
    call = _call(key, era)
    drive(url, repeat(call, 100), in_flight=IN_FLIGHT)
    before = _cpu_seconds(process.pid)
    outcomes = [drive(url, repeat(call, CALLS), in_flight=IN_FLIGHT) for _ in range(ROUNDS)]
    spent = (_cpu_seconds(process.pid) - before) * 1000 / (CALLS * ROUNDS)
    best = max(outcomes, key=lambda one: one.rate)
    assert set(best.statuses) == {200}, best.statuses
    return (
        f"{best.rate:.0f}",
        f"{best.percentile(0.5):.1f}",
        f"{best.percentile(0.95):.1f}",
        f"{spent:.2f}",
    )


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


def _cpu_seconds(pid: int) -> float:
    """Of the process and its children, for a machine on which others work too; 0 where there is no /proc."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        return 0.0
    ticks = 0
    for one in (pid, *map(int, children.read_text().split())):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
