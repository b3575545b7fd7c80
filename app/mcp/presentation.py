"""Groups and tools as the console shows them: words for codes, choices of tools, one line per tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext

from app.core.errors import N_
from app.mcp.keys import masked_key
from app.mcp.queries import ToolRow, list_groups
from app.mcp.rules import DAY, GRACES
from app.tools.models import ToolGroup, ToolSetting
from app.tools.registry import registry
from app.tools.spec import ToolSpec

ROLE_LABELS = {
    "customer": N_("Customer"),
    "consultant": N_("Consultant"),
    "operator": N_("Operator"),
    "admin": N_("Admin"),
}
RIGHT_LABELS = {
    "read": N_("Reading"),
    "write": N_("Writing"),
    "on_behalf_of": N_("Acting for a customer"),
}
RIGHT_HINTS = {
    "read": N_("Tools that only tell something."),
    "write": N_("Tools that change something, such as the cart or orders."),
    "on_behalf_of": N_("A call may name a user_id, and is then done as that person."),
}
GRACE_LABELS = {
    0: N_("It ends at once"),
    3_600: N_("It goes on for an hour"),
    DAY: N_("It goes on for a day"),
    7 * DAY: N_("It goes on for 7 days"),
}
STATUS_LABELS = {
    "ok": N_("Done"),
    "error": N_("Error"),
    "timeout": N_("Took too long"),
    "cancelled": N_("Stopped"),
    "denied": N_("Refused"),
    "confirmation_required": N_("Asks for a yes"),
}
UNKNOWN_CATEGORY = "-"


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group in the list; `tools` are all of it, `on` those switched on."""

    group: ToolGroup
    key: str
    tools: int
    on: int


def group_lines(rows: Sequence[ToolRow]) -> list[GroupLine]:
    """The groups with the numbers of their tools; `rows` are all tools."""
    switches: dict[int, list[bool]] = {}
    for row in rows:
        if row.setting is not None:
            switches.setdefault(row.setting.group_id, []).append(row.setting.enabled)
    return [
        GroupLine(
            group,
            masked_key(group.api_key),
            len(switches.get(group.id, ())),
            sum(switches.get(group.id, ())),
        )
        for group in list_groups()
    ]


def tool_choices(kept: Sequence[str] = ()) -> dict[str, list[str]]:
    """Names of tools by category; `kept` are those of a group, shown even while there is no such tool."""
    found: dict[str, list[str]] = {}
    for spec in registry:
        found.setdefault(spec.category, []).append(spec.name)
    gone = [name for name in kept if registry.find(name) is None]
    return {**found, UNKNOWN_CATEGORY: gone} if gone else found


def categories() -> list[str]:
    """The categories of all tools, in the order of their declaration."""
    return list(dict.fromkeys(spec.category for spec in registry))


def grace_choices() -> list[tuple[str, str]]:
    """How long a replaced key may go on: (seconds, words)."""
    return [(str(seconds), gettext(GRACE_LABELS[seconds])) for seconds in GRACES]


@dataclass(frozen=True, slots=True)
class Placement:
    """A tool in a group."""

    setting: ToolSetting
    group: ToolGroup | None


@dataclass(frozen=True, slots=True)
class ToolLine:
    """A tool with the groups it is in."""

    name: str
    spec: ToolSpec | None
    placements: tuple[Placement, ...]

    def description(self, locale: str) -> str:
        """The tool's own words."""
        own: Mapping[str, str] = self.spec.descriptions if self.spec else {}
        return own.get(locale) or own.get("en", "")


def tool_lines(rows: Sequence[ToolRow]) -> list[ToolLine]:
    """One line per tool, in the order of the rows."""
    placed: dict[str, list[ToolRow]] = {}
    for row in rows:
        placed.setdefault(row.name, []).append(row)
    return [
        ToolLine(
            name,
            found[0].spec,
            tuple(Placement(row.setting, row.group) for row in found if row.setting is not None),
        )
        for name, found in placed.items()
    ]
