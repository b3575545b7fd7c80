"""The console's form of an attached server. Bounds and rules are the service's: the form only reads what was typed."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)

from app.core.errors import N_, InvalidParam
from app.external import service
from app.external.models import McpServer
from app.external.presentation import AUDIENCE_LABELS, TRANSPORT_LABELS
from app.external.rules import FIELDS
from app.web.forms import ServiceForm

PLAIN = (
    "code", "name", "transport", "url", "command", "key", "clear_key", "prefix", "enabled", "trusts_hints",
    "allowed_roles", "timeout_seconds",
)  # fmt: skip
NO_LINE = N_("Each line is a name, a colon or =, and a value.")
MAX_LINES = 100


class ServerForm(ServiceForm):
    """A server; `seen` marks the state that was shown. Stored secrets are never in its fields."""

    name = StringField(_("Name"))
    code = StringField(_("Code"))
    transport = RadioField(_("Transport"), default="http")
    url = StringField(_("Address"))
    key = PasswordField(_("Key"))
    clear_key = BooleanField(_("Remove the stored key"))
    headers = TextAreaField(_("Further headers"))
    clear_headers = BooleanField(_("Remove the stored headers"))
    command = StringField(_("Command"))
    arguments = TextAreaField(_("Arguments"))
    environment = TextAreaField(_("Environment"))
    clear_environment = BooleanField(_("Remove the stored variables"))
    prefix = StringField(_("Prefix of its tools"))
    allowed_roles = SelectMultipleField(_("Whom our assistant offers its tools to"))
    trusts_hints = BooleanField(_("Trust what the server says of its tools"))
    timeout_seconds = IntegerField(_("Time limit of a call in seconds"), default=30)
    enabled = BooleanField(_("Enabled"), default=True)
    seen = HiddenField()

    def offer(self) -> ServerForm:
        """Fill in what can be chosen."""
        self.transport.choices = [(value, gettext(label)) for value, label in TRANSPORT_LABELS.items()]
        self.allowed_roles.choices = [(value, gettext(label)) for value, label in AUDIENCE_LABELS.items()]
        return self

    def show(self, server: McpServer) -> None:
        """Fill the fields with a server's values."""
        for name in FIELDS:
            self[name].data = getattr(server, name)
        self.arguments.data = "\n".join(server.arguments)
        self.seen.data = service.stamp_of(server)

    def values(self) -> dict[str, Any]:
        """The fields as the service takes them. Raises InvalidParam for lines that are no headers or variables."""
        values = {name: self[name].data for name in PLAIN}
        values["arguments"] = [line for line in _lines(self.arguments.data) if line]
        for name, clear in (("headers", self.clear_headers), ("environment", self.clear_environment)):
            given = _pairs(name, self[name].data)
            values[name] = given if given or clear.data else None
        return values


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines()[:MAX_LINES]]


def _pairs(field: str, text: str | None) -> dict[str, str]:
    """`NAME=value` or `Name: value`, one a line; the separator that comes first counts."""
    found: dict[str, str] = {}
    for line in filter(None, _lines(text)):
        places = [place for place in (line.find("="), line.find(":")) if place > 0]
        if not places:
            raise InvalidParam(fields={field: NO_LINE})
        found[line[: min(places)].strip()] = line[min(places) + 1 :].strip()
    return found
