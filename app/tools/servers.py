"""Servers of tools: the shop's own, which is always there, and those that are attached to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from flask_babel import gettext

from app.core.actor import Actor
from app.tools.queries import list_tools
from app.tools.spec import OWN_SERVER

Transport = Literal["in-process", "stdio", "sse", "http"]
# "new": it was never reached so far.
Status = Literal["ok", "down", "new"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server of tools; `tools` are the names that the one who asks may use."""

    code: str
    name: str
    transport: Transport
    status: Status
    tools: list[str]


ServerSource = Callable[[Actor], Iterable[Server]]


def own_server(actor: Actor) -> list[Server]:
    """The shop itself: its tools run in this process."""
    names = [offer.spec.name for offer in list_tools(actor) if not offer.spec.is_elsewhere]
    return [Server(code=OWN_SERVER, name=gettext("Shop"), transport="in-process", status="ok", tools=names)]


# Whoever attaches servers (app.wiring) adds the source that knows them.
SOURCES: list[ServerSource] = [own_server]


def list_servers(actor: Actor) -> list[Server]:
    """All servers with what the actor may use of each, the shop's own first."""
    return [server for source in SOURCES for server in source(actor)]
