"""One circuit per attached server, shared by all processes: who finds it away spares the others the wait."""

from __future__ import annotations

from app.gateway.breaker import Breaker, State
from app.runtime import redis, settings

FAILURES = 3


def breaker() -> Breaker:
    """The circuits of all servers."""
    rest = settings().mcp_server_rest_seconds
    return Breaker(redis(), failures=FAILURES, open_seconds=rest, probe_seconds=rest)


def circuit_key(server_id: int) -> str:
    """The circuit of one server."""
    return f"mcp-server:{server_id}"


def close_circuit(server_id: int) -> None:
    """The server is there."""
    breaker().succeed(circuit_key(server_id), State.HALF_OPEN)
