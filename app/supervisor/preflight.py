"""What must be true before anything starts; each failure is one sentence for the person at the terminal."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StartError(Exception):
    """The shop cannot start; the message says why and what to do."""


def check_port(host: str, port: int) -> None:
    """Raise StartError when nothing could listen on `host:port`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As gunicorn does: a port in TIME_WAIT is free, one that somebody listens on is not.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        raise StartError(f"HOST={host} is not an address of this machine.") from None
    except PermissionError:
        raise StartError(
            f"Port {port} needs more rights; choose another one, e.g. PORT=8000 make run."
        ) from None
    except OSError as error:
        raise StartError(
            f"Port {port} on {host} is not free ({error.strerror}); stop what uses it, or choose another "
            f"one: PORT={port + 1} make run."
        ) from None


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Keep `home` for this process alone while the block runs; raises StartError when another one has it."""
    try:
        (home / "logs").mkdir(parents=True, exist_ok=True)
        lock = (home / "supervisor.lock").open("a")
    except OSError as error:
        raise StartError(f"{home} cannot be written ({error.strerror}); set MCPSHOP_HOME.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"Another MCPShop is running on {home}; stop it first, or set MCPSHOP_HOME to another folder."
            ) from None
        yield


def ensure_secret(home: Path) -> str:
    """The secret key of this home, made on first use and readable by its owner only."""
    path = home / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
