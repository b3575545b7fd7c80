"""The protocol's own conformance suite against our authorization server, a browser saying yes."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.mcp.serving import SHOPPER, Program
from tests.mcp.test_mcp_conformance import NEW, find_node, suite
from tests.oauth.people import App, Browser
from tests.running import free_port

pytestmark = [pytest.mark.node, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(300)]
ASKED = re.compile(r"(https?://\S+/oauth/authorize\?\S+)")


def checks_of(
    program: Program, alice: Browser, folder: Path, version: str, resource: str | None
) -> list[dict[str, str]]:
    """Run the `authorization` scenarios; whenever the suite asks a person, Alice's browser allows it."""
    port = free_port()
    app = App(program.url, redirect_uri=f"http://127.0.0.1:{port}/callback")
    assert app.register().status_code == 201
    command = [
        find_node(),
        str(suite(NEW)),
        "authorization",
        "--url",
        program.url,
        "--client-id",
        app.client_id,
    ]
    command += ["--port", str(port), "--spec-version", version, "--output-dir", str(folder)]
    command += ["--resource", resource] if resource else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        # The suite itself would wait for five minutes.
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            found = ASKED.search(line)
            if found:
                asked = urlsplit(found[1])
                back = alice.decide(f"{asked.path}?{asked.query}").headers["Location"]
                httpx2.get(back, timeout=20)
        code = process.wait()
        watchdog.cancel()
    assert code == 0, "".join(lines)[-3000:]
    return [check for path in folder.rglob("checks.json") for check in json.loads(path.read_text())]


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
def test_every_scenario_of_the_authorization_server_passes(
    program: Program, alice: Browser, tmp_path: Path, version: str
) -> None:
    resource = None if version == "2025-03-26" else f"{program.url}/mcp/{SHOPPER}"
    checks = checks_of(program, alice, tmp_path, version, resource)
    assert {check["status"] for check in checks} == {"SUCCESS"}, checks
    found = {check["id"] for check in checks}
    assert {"authorization-server-metadata", "authorization-code-grant"} <= found
    assert ("authorization-server-metadata-cimd" in found) == (version >= "2025-11-25")
