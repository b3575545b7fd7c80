"""The console's rail: what this person may open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import request
from flask_babel import gettext

from app.core.actor import Actor, Role
from app.core.errors import N_
from app.web.auth import current_actor


@dataclass(frozen=True, slots=True)
class Destination:
    """A page of the console. `label` and `section` are msgids."""

    label: str
    url: str
    icon: str
    section: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class ConsoleEntry:
    """A destination as the rail shows it."""

    label: str
    url: str
    icon: str
    section: str
    active: bool


OPERATIONS = frozenset({Role.OPERATOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
DESK = frozenset({Role.CONSULTANT, Role.ADMIN})
DESTINATIONS = (
    Destination(N_("Overview"), "/admin", "home", N_("Shop"), OPERATIONS),
    Destination(N_("Products"), "/admin/products", "box", N_("Shop"), OPERATIONS),
    Destination(N_("Orders"), "/admin/orders", "bag", N_("Shop"), OPERATIONS),
    Destination(N_("Changes"), "/admin/audit", "clock", N_("Shop"), ADMINS),
    Destination(N_("Waiting customers"), "/consultant", "users", N_("Consultants"), DESK),
    Destination(N_("Desk"), "/ops", "sparkle", N_("Operations"), OPERATIONS),
    Destination(N_("Saved reports"), "/ops/reports", "clock", N_("Operations"), OPERATIONS),
    Destination(N_("Campaigns"), "/ops/campaigns", "gift", N_("Operations"), OPERATIONS),
    Destination(N_("Knowledge base"), "/ops/knowledge", "file", N_("Operations"), OPERATIONS),
    Destination(N_("Dashboard"), "/admin/dashboard", "chart", N_("Assistant"), ADMINS),
    Destination(N_("Agents"), "/admin/agents", "sparkle", N_("Assistant"), ADMINS),
    Destination(N_("Usage"), "/admin/usage", "chart", N_("Assistant"), ADMINS),
    Destination(N_("Welcome automation"), "/admin/automation", "user", N_("Assistant"), ADMINS),
    Destination(N_("Canned replies"), "/admin/canned-replies", "chat", N_("Assistant"), ADMINS),
    Destination(N_("Voice"), "/admin/voice", "mic", N_("Assistant"), ADMINS),
    Destination(N_("Servers"), "/admin/mcp", "plug", N_("MCP"), ADMINS),
    Destination(N_("Groups and keys"), "/admin/mcp/groups", "key", N_("MCP"), ADMINS),
    Destination(N_("Tools"), "/admin/mcp/tools", "tool", N_("MCP"), ADMINS),
    Destination(N_("Programs of people"), "/admin/mcp/clients", "user", N_("MCP"), ADMINS),
    Destination(N_("Calls"), "/admin/mcp/logs", "list", N_("MCP"), ADMINS),
    Destination(N_("Statistics"), "/admin/mcp/statistics", "chart", N_("MCP"), ADMINS),
    Destination(N_("Connect"), "/admin/mcp/connect", "code", N_("MCP"), ADMINS),
)


def console_navigation() -> Iterator[ConsoleEntry]:
    """The rail of the current person."""
    yield from entries_for(current_actor(), request.path)


def entries_for(actor: Actor, path: str) -> Iterator[ConsoleEntry]:
    """What an actor may open; the longest address that `path` is under counts as the present one."""
    allowed = [each for each in DESTINATIONS if actor.has_role(*each.roles)]
    under = [each.url for each in allowed if path == each.url or path.startswith(each.url + "/")]
    here = max(under, key=len, default="")
    for each in allowed:
        yield ConsoleEntry(gettext(each.label), each.url, each.icon, gettext(each.section), each.url == here)
