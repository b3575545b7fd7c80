"""The console's forms of groups and tools. Bounds and rules are the service's: the forms only read what was typed."""

from __future__ import annotations

import json
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Optional

from app.core.errors import N_, InvalidParam
from app.mcp import membership, service
from app.mcp.parameters import NO_JSON
from app.mcp.presentation import RIGHT_LABELS, ROLE_LABELS
from app.mcp.rules import GROUP_FIELDS, TIERS
from app.tools.models import ToolGroup, ToolSetting
from app.web.forms import ServiceForm

FIXED = "fixed_arguments."


class GroupForm(ServiceForm):
    """A group and the tools in it; `seen` marks the state that was shown."""

    name = StringField(_("Name"))
    server_code = StringField(_("Code"))
    description = TextAreaField(_("Description"))
    allowed_roles = SelectMultipleField(_("Roles"))
    user_tier_access = SelectMultipleField(_("Levels"))
    rights = SelectMultipleField(_("Rights"), default=["read"])
    calls_per_minute = IntegerField(_("Calls per minute"), [Optional()])
    enabled = BooleanField(_("Enabled"), default=True)
    tools = SelectMultipleField(_("Tools"), validate_choice=False)
    seen = HiddenField()

    def offer(self) -> GroupForm:
        """Fill in what can be chosen."""
        self.allowed_roles.choices = [(name, gettext(label)) for name, label in ROLE_LABELS.items()]
        self.rights.choices = [(name, gettext(label)) for name, label in RIGHT_LABELS.items()]
        self.user_tier_access.choices = [(tier, gettext("Level %(number)s", number=tier)) for tier in TIERS]
        # Unknown names are the service's to refuse, in the form's words.
        self.tools.choices = []
        return self

    def show(self, group: ToolGroup, tools: list[str]) -> None:
        """Fill the fields with a group's values."""
        for name, value in service.values_of(group).items():
            self[name].data = value
        self.tools.data = tools
        self.seen.data = service.stamp_of(group)

    def values(self) -> dict[str, Any]:
        """The fields as the service takes them."""
        values = {name: self[name].data for name in GROUP_FIELDS}
        # A field that is not in the form at all is as good as an empty one.
        return {**values, "description": self.description.data or "", "tools": self.tools.data or []}


class ToolForm(ServiceForm):
    """A tool in a group; what it fixes has inputs of its own, made from the tool's schema."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._refused: dict[str, str] = {}
        super().__init__(*args, **kwargs)

    enabled = BooleanField(_("Switched on"))
    version = StringField(_("Version"))
    description = TextAreaField(_("Description for clients"))
    timeout_seconds = IntegerField(_("Time limit in seconds"), [Optional()])
    calls_per_minute = IntegerField(_("Calls per minute"), [Optional()])
    config = TextAreaField(_("Configuration"))
    seen = HiddenField()

    @property
    def refused(self) -> dict[str, str]:
        """What is wrong with fixed arguments, by their names."""
        return self._refused

    def put(self, place: str, text: str) -> None:
        if place.startswith(FIXED):
            self._refused[place.removeprefix(FIXED)] = text
        else:
            super().put(place, text)

    def show(self, setting: ToolSetting) -> None:
        """Fill the fields with what is set."""
        for name in ("enabled", "version", "description", "timeout_seconds", "calls_per_minute"):
            self[name].data = getattr(setting, name)
        config = setting.config_data
        self.config.data = json.dumps(config, ensure_ascii=False, indent=2) if config else ""
        self.seen.data = membership.stamp_of(setting)

    def values(self) -> dict[str, Any]:
        """The fields as the service takes them. Raises InvalidParam for a configuration that is no JSON object."""
        values = {
            name: self[name].data
            for name in ("enabled", "version", "description", "timeout_seconds", "calls_per_minute")
        }
        return {**values, "config": _read_object(self.config.data or "")}


def _read_object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidParam(fields={"config": NO_JSON}) from error
    if not isinstance(found, dict):
        raise InvalidParam(fields={"config": N_("This must be a JSON object.")})
    return found
