"""Looking at real processes from tests."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read the process's output up to the line that holds `text`."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the output ended before {text!r}")


def processes_below(pid: int) -> list[int]:
    """The children of a process and theirs."""
    children = [child for child, (parent, _) in process_table().items() if parent == pid]
    return children + [below for child in children for below in processes_below(child)]


def survivors(processes: list[int]) -> list[int]:
    """Those that still run; a zombie does not."""
    table = process_table()
    return [pid for pid in processes if pid in table and table[pid][1] != "Z"]


def process_table() -> dict[int, tuple[int, str]]:
    """The parent and the state of every process; from /proc, since a bare Linux may have no ps."""
    if not Path("/proc/self/stat").exists():
        listing = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
        )
        return {
            int(pid): (int(parent), state[0])
            for pid, parent, state in map(str.split, listing.stdout.splitlines())
        }
    table = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rpartition(") ")[2].split()[:2]
            table[int(path.parent.name)] = (int(parent), state)
    return table


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def command_of(pid: int) -> str:
    """The command line of a process, empty when it has gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    listing = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout.strip()
