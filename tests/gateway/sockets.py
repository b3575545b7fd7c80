"""What a process has open, as the kernel tells it (Linux): connections to a place, file descriptors, children."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

ESTABLISHED = "01"
# The other states in which a socket still takes part in a connection (all but TIME_WAIT, CLOSE and LISTEN).
OPEN = {ESTABLISHED, "02", "03", "04", "05", "08", "09", "0B"}


def children(pid: int) -> list[int]:
    """All processes below a process."""
    below: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            below += [child, *children(child)]
    return below


def web_pids(supervisor: int) -> list[int]:
    """gunicorn and its workers below the supervisor."""
    return [pid for pid in children(supervisor) if b"gunicorn" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def open_connections(pids: Iterable[int], url: str) -> set[str]:
    """The sockets (by inode) that these processes have connected to the port of an address."""
    port = f":{urlsplit(url).port or 0:04X}"
    found = set()
    for pid in pids:
        mine = set(sockets(pid))
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[2].endswith(port) and cells[3] in OPEN and cells[9] in mine:
                found.add(cells[9])
    return found


def sockets(pid: int) -> list[str]:
    """The inodes of a process's sockets."""
    targets = [link for link in descriptors(pid) if link.startswith("socket:")]
    return [target.removeprefix("socket:[").rstrip("]") for target in targets]


def descriptors(pid: int) -> list[str]:
    """What the open file descriptors of a process lead to."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(link))
        except OSError:
            continue
    return found
