"""Calling a tool of an attached server: through the circuit, over this process's connection, errors in our terms."""

from __future__ import annotations

from collections.abc import Generator
from logging import getLogger
from typing import Any

import pydantic
from flask import Flask, current_app
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, CallToolResult

from app.core.errors import N_, InvalidParam, Unavailable, Upstream
from app.external.catalogue import Attached
from app.external.circuit import breaker, circuit_key
from app.external.connection import AsksBack
from app.external.discovery import clean
from app.external.http import TOO_MUCH
from app.external.link import Want
from app.external.links import links_of
from app.external.results import MAX_ERROR, as_dict, error_text
from app.external.target import Unreachable, target_of
from app.gateway.breaker import State
from app.tools.cancellation import Cancellation, Cancelled, current

log = getLogger(__name__)
AWAY = N_("“%(server)s” cannot be reached at the moment. Please try again later.")
BROKEN = N_("“%(server)s” gave an answer that cannot be used.")
LARGE = N_("The answer of “%(server)s” is too large.")
ASKS = N_("“%(server)s” wants to ask somebody before it goes on, which is not possible from here.")
SAYS = N_("“%(server)s” says: %(text)s")
FAILED = N_("“%(server)s” could not do this.")


def call_server(
    server: Attached, name: str, arguments: dict[str, Any]
) -> Generator[str, None, dict[str, Any]]:
    """Call a tool; yields what the server says on the way.

    Raises Unavailable when the server is away, Upstream for what it says or does wrong, InvalidParam, Cancelled.
    """
    circuit, key = breaker(), circuit_key(server.id)
    admitted = circuit.admit(key)
    if admitted is State.OPEN:
        raise Unavailable(AWAY, server=server.name)
    try:
        answer = yield from _answer(
            server, Want(name=name, arguments=arguments, is_try=admitted is not State.CLOSED)
        )
    except Unreachable as error:
        circuit.fail(key, admitted)
        log.warning("mcp_server_away server=%s reason=%s", server.code, error)
        raise Unavailable(AWAY, server=server.name) from error
    except (GeneratorExit, Cancelled):
        circuit.release(key, admitted)
        raise
    except Exception as error:
        circuit.succeed(key, admitted)
        raise _translated(server, error) from error
    circuit.succeed(key, admitted)
    return _result(server, answer)


def _answer(server: Attached, want: Want) -> Generator[str, None, CallToolResult]:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    target = target_of(server)
    return (yield from links_of(app).call(target, want, current.get() or Cancellation()))


def _result(server: Attached, answer: CallToolResult) -> dict[str, Any]:
    if not answer.is_error:
        return as_dict(answer)
    text = error_text(answer)
    raise Upstream(SAYS, server=server.name, text=text) if text else Upstream(FAILED, server=server.name)


def _translated(server: Attached, error: Exception) -> Exception:
    if isinstance(error, AsksBack):
        return Upstream(ASKS, server=server.name)
    if isinstance(error, MCPError) and error.code in (TOO_MUCH, CONNECTION_CLOSED):
        return Upstream(LARGE, server=server.name)
    if isinstance(error, MCPError):
        text = clean(error.message, MAX_ERROR)
        kind = InvalidParam if error.code == INVALID_PARAMS else Upstream
        return kind(SAYS, server=server.name, text=text) if text else Upstream(FAILED, server=server.name)
    if isinstance(error, pydantic.ValidationError | ValueError):
        log.warning("mcp_server_broken server=%s error=%r", server.code, error)
        return Upstream(BROKEN, server=server.name)
    return error
