"""Waiting for the web process's first good answer, without ever blocking the supervisor."""

from __future__ import annotations

import socket

# What to ask when the shop listens on every address.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


class HealthProbe:
    """Asks `GET /health` over one pending connection at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (LOOPBACK.get(host, host), port)
        self._pending: socket.socket | None = None

    def poll(self) -> bool:
        """One step; True once the answer was 200."""
        try:
            if self._pending is None:
                self._pending = self._ask()
            answer = self._pending.recv(64)
        except BlockingIOError:
            return False
        except OSError:
            answer = b""
        self.close()
        return answer.split(b" ")[1:2] == [b"200"]

    def close(self) -> None:
        """Give up the pending question."""
        if self._pending is not None:
            self._pending.close()
            self._pending = None

    def _ask(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=1.0)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        connection.setblocking(False)
        return connection


def address_of(host: str, port: int) -> str:
    """The address to type into a browser on this machine."""
    name = LOOPBACK.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"
