"""Model servers that others have written, each in a process of its own: aimock and openai-mock-api, from npm."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from app.config import PROJECT_ROOT
from tests.conftest import unavailable
from tests.running import free_port

AIMOCK = "@copilotkit/aimock@1.43.0"
MOCK_API = "openai-mock-api@0.4.0"
KEY = "sk-test"


def _installed(package: str, script: str) -> list[str]:
    """The command that runs a package's script; the package is installed once, into the project's state."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        unavailable("Node.js")
    # A folder for each: npm removes from a folder what its package.json does not name.
    folder = PROJECT_ROOT / "instance" / "test-node" / package.replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "node_modules" / package.rpartition("@")[0] / script
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            quiet = ("--no-audit", "--no-fund", "--silent")
            done = subprocess.run([npm, "install", *quiet, "--prefix", str(folder), package], check=False)
            if done.returncode:
                unavailable(f"{package} (npm install failed)")
    return [node, str(path)]


@contextmanager
def aimock(fixtures: Path, *flags: str) -> Iterator[str]:
    """aimock with fixtures and flags (`--chaos-drop 0.2`); yields its base URL."""
    command = [*_installed(AIMOCK, "dist/cli.js"), "-f", str(fixtures), "--strict", "--log-level", "silent"]
    with _running(command, flags) as url:
        yield url


@contextmanager
def openai_mock_api(config: Path) -> Iterator[str]:
    """openai-mock-api with its conversations; yields its base URL."""
    command = [*_installed(MOCK_API, "dist/cli.js"), "-c", str(config), "-l", "/dev/null"]
    with _running(command, ()) as url:
        yield url


@contextmanager
def _running(command: Sequence[str], flags: Sequence[str]) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([*command, "-p", str(port), *flags], stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {url}")


def requests_of(aimock_url: str, words: str) -> list[dict[str, Any]]:
    """The requests that aimock got whose last message of a person contains these words, oldest first."""
    url = aimock_url.removesuffix("/v1") + "/__aimock/journal"
    with urllib.request.urlopen(url, timeout=5) as answer:
        found = json.load(answer)
    entries = found["entries"] if isinstance(found, dict) else found
    bodies = [entry["body"] for entry in entries if entry.get("body")]
    return [body for body in bodies if words in _last_words(body)]


def _last_words(body: dict[str, Any]) -> str:
    said = [each["content"] for each in body.get("messages", ()) if each["role"] == "user"]
    return str(said[-1]) if said else ""
