"""Sending the head of an answer together with the first piece of its body.

gunicorn sends them one after the other, which is two system calls and two packets for most answers. Only the web
process imports this.
"""

from __future__ import annotations

from typing import Any

from gunicorn.http import wsgi  # type: ignore[import-untyped]

# To join more costs more than to send it by itself.
MOST_BYTES = 65_536


class _Held:
    """In place of the socket while there is more to come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self._parts.append(data)

    def joined(self) -> bytes:
        return b"".join(self._parts)


class WholeResponse(wsgi.Response):  # type: ignore[misc]
    """As gunicorn's, but that an answer of one piece is sent at once. An empty first piece still sends the head."""

    sock: Any

    def write(self, arg: bytes) -> None:
        if self.headers_sent or len(arg) > MOST_BYTES:
            super().write(arg)
            return
        sock, held = self.sock, _Held()
        self.sock = held
        try:
            super().write(arg)
        finally:
            self.sock = sock
        sock.sendall(held.joined())


def send_whole_answers() -> None:
    """Have the workers of this process answer so: gunicorn takes the class by its name when a request has come."""
    wsgi.Response = WholeResponse
