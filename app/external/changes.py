"""Changing and looking at servers from the edges: addresses are looked at before the one transaction is opened."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Flask, current_app

from app.core.actor import Actor, Role
from app.core.errors import N_, DomainError, InvalidParam
from app.db import db, in_transaction
from app.external import service, toolbox
from app.external.catalogue import Attached, attached
from app.external.circuit import close_circuit
from app.external.discovery import Look
from app.external.queries import get_server
from app.external.rules import STDIO
from app.external.target import Unreachable, target_of
from app.llm.addresses import AddressRefused, find_allowed, named_places, place_of
from app.runtime import settings

Values = Mapping[str, Any]
NO_ADDRESS = N_("Enter an address that begins with http:// or https://, with no password, ? or # in it.")
PRIVATE = N_(
    "This leads into a private network at a place that MCP_PRIVATE_URLS of the settings does not name."
)
NO_HOST = N_("There is no such host.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of looking at a server; `look` is None when it was not reached, for the `reason`."""

    look: Look | None
    reason: str
    duration_ms: int


def create(actor: Actor, values: Values) -> int:
    """Attach a server; its id. Raises as `create_server`, and InvalidParam for an address that may not be used."""
    _check_address(values)
    return in_transaction(lambda: service.create_server(actor, values).id)


def save(actor: Actor, server_id: int, changes: Values, *, seen: str | None = None) -> int:
    """Change a server; its id. Raises as `update_server`, and InvalidParam for an address that may not be used."""
    server = get_server(server_id)
    # An address that it had before is none to look up: an edit of a name must not hang on the DNS.
    if changes.get("url") != server.url:
        _check_address({"transport": server.transport, **changes})
    in_transaction(partial(service.update_server, actor, server_id, changes, seen=seen))
    return server_id


def check(actor: Actor, server_id: int) -> Checked:
    """Connect now, ask for the tools and keep what came of it. Raises Forbidden, NotFound."""
    actor.require_role(Role.ADMIN)
    server = get_server(server_id)
    revision = server.revision
    copy = attached(server)
    # No connection is held while the server is asked.
    db.session.remove()
    started = time.monotonic()
    look, reason = None, ""
    try:
        look = _look(copy)
    except Unreachable as error:
        reason = str(error)
    except TimeoutError:
        reason = "no answer in time"
    checked = Checked(look=look, reason=reason, duration_ms=round((time.monotonic() - started) * 1000))
    _keep(server_id, revision, checked)
    return checked


def _look(server: Attached) -> Look:
    # The SDK takes half a second to import; only calls and checks need it.
    from app.external.links import links_of

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return links_of(app).look(target_of(server))


def _keep(server_id: int, revision: int, checked: Checked) -> None:
    look = checked.look
    if look is None:
        in_transaction(lambda: toolbox.mark_down(server_id, revision, checked.reason))
        return
    in_transaction(lambda: toolbox.mark_up(server_id, revision, look))
    close_circuit(server_id)


def _check_address(values: Values) -> None:
    url = str(values.get("url") or "").strip()
    if not url or values.get("transport") == STDIO:
        return
    private = named_places(settings().mcp_private_urls)
    try:
        place = place_of(url)
    except AddressRefused as error:
        raise InvalidParam(fields={"url": NO_ADDRESS}) from error
    try:
        find_allowed(*place, private)
    except DomainError as error:
        raise InvalidParam(fields={"url": PRIVATE}) from error
    except OSError as error:
        raise InvalidParam(fields={"url": NO_HOST}) from error
