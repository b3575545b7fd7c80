"""The protocol's own conformance suites against our transport, with fixtures behind it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.mcp.node_packages import find_node, installed
from tests.mcp.serving import Program, serving

pytestmark = [pytest.mark.node, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(300)]
PACKAGE = "@modelcontextprotocol/conformance"
OLD, NEW = "0.1.16", "0.2.0-alpha.12"
# Of the old suite: what needs a session, and with it one process.
SESSIONS = {
    "tools-call-sampling",
    "tools-call-elicitation",
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "server-sse-polling",
}


def suite(version: str) -> Path:
    """The suite's script."""
    return installed(PACKAGE, version, "dist/index.js")


def results(program: Program, version: str, *options: str) -> dict[str, tuple[int, int]]:
    """Passed and failed checks of each scenario."""
    node = find_node()
    url = f"{program.url}/mcp/-conformance"
    command = [node, str(suite(version)), "server", "--url", url, "--suite", "all", *options]
    told = subprocess.run(command, cwd=program.home, capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^[✓✗] ([a-z0-9-]+): (\d+) passed, (\d+) failed", told, re.MULTILINE)
    assert found, told[-2000:]
    return {name: (int(passed), int(failed)) for name, passed, failed in found}


def test_every_check_up_to_2025_11_25_passes_on_one_process(keeping: Program) -> None:
    found = results(keeping, OLD)
    assert {name: counts for name, counts in found.items() if counts[1]} == {}
    assert sum(passed for passed, _ in found.values()) == 44


def test_every_check_of_2026_07_28_passes_on_one_process(program: Program) -> None:
    found = results(program, NEW, "--spec-version", "2026-07-28")
    assert {name: counts for name, counts in found.items() if counts[1]} == {}
    assert sum(passed for passed, _ in found.values()) >= 150


def test_the_stateless_scenarios_pass_on_several_processes(
    tmp_path: Path, redis_url: str, sqlite_template: Path
) -> None:
    with serving(tmp_path / "home", redis_url, sqlite_template, WEB_WORKERS="3") as several:
        old = results(several, OLD)
        new = results(several, NEW, "--spec-version", "2026-07-28")
    assert {name for name, counts in old.items() if counts[1]} <= SESSIONS
    assert {name: counts for name, counts in new.items() if counts[1]} == {}
