"""The console's form of an agent. Bounds and rules are the service's: the form only reads what was typed."""

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
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Optional

from app.core.errors import N_, InvalidParam
from app.core.money import cents, yuan
from app.gateway.models import Agent, AgentVersion
from app.gateway.presentation import PROVIDER_LABELS, PURPOSE_LABELS, ToolChoices
from app.gateway.rules import AGENT_FIELDS, VERSION_FIELDS
from app.gateway.service import stamp_of
from app.web.forms import ServiceForm

ALL_TOOLS, CHOSEN_TOOLS = "all", "chosen"
ALL_TRAFFIC, NO_TRAFFIC = "all", "none"
PLAIN = (
    "name", "purpose", "priority", "enabled", "provider", "base_url", "model", "app_id", "api_key", "clear_key",
    "system_prompt", "note",
)  # fmt: skip


class AgentForm(ServiceForm):
    """An agent and the settings that make a version of it.

    `seen` marks the state that was shown, `from_version` the version that the values came from.
    """

    name = StringField(_("Name"))
    purpose = SelectField(_("Purpose"))
    priority = IntegerField(_("Priority"), default=100)
    enabled = BooleanField(_("Enabled"), default=True)
    monthly_budget_cents = StringField(_("Monthly budget in yuan"))
    provider = SelectField(_("Provider"))
    base_url = StringField(_("Service address"))
    model = StringField(_("Model"))
    app_id = StringField(_("Application id"))
    api_key = PasswordField(_("Key"))
    clear_key = BooleanField(_("Remove the stored key"))
    system_prompt = TextAreaField(_("System prompt"))
    temperature = StringField(_("Temperature"))
    max_tokens = IntegerField(_("Maximum tokens"), [Optional()])
    tool_choice = RadioField(_("Tools"), default=ALL_TOOLS)
    tools = SelectMultipleField(_("Tools"))
    traffic = RadioField(_("Traffic of the new version"), default=ALL_TRAFFIC)
    note = StringField(_("Note"))
    from_version = HiddenField()
    seen = HiddenField()

    def offer(self, tools: ToolChoices) -> AgentForm:
        """Fill in what can be chosen."""
        self.purpose.choices = [(value, gettext(label)) for value, label in PURPOSE_LABELS.items()]
        self.provider.choices = [(value, gettext(label)) for value, label in PROVIDER_LABELS.items()]
        self.tool_choice.choices = [
            (ALL_TOOLS, gettext("All that the person who asks may use")),
            (CHOSEN_TOOLS, gettext("Only these")),
        ]
        self.tools.choices = [name for category, names in tools.items() for name in (category, *names)]
        self.traffic.choices = [
            (ALL_TRAFFIC, gettext("It answers from now on")),
            (NO_TRAFFIC, gettext("None yet; the present versions go on")),
        ]
        return self

    def show(self, agent: Agent, version: AgentVersion) -> None:
        """Fill the fields with an agent's values and a version's; a key is never among them."""
        for name in AGENT_FIELDS:
            self[name].data = getattr(agent, name)
        for name in VERSION_FIELDS:
            self[name].data = getattr(version, name)
        budget = agent.monthly_budget_cents
        self.monthly_budget_cents.data = "" if budget is None else yuan(budget).removesuffix(".00")
        self.temperature.data = "" if version.temperature is None else f"{version.temperature:g}"
        self.tool_choice.data = ALL_TOOLS if version.tools is None else CHOSEN_TOOLS
        self.from_version.data = str(version.number)
        self.seen.data = stamp_of(agent)

    def values(self) -> dict[str, Any]:
        """The fields as the service takes them. Raises InvalidParam for a budget that is no amount."""
        values = {name: self[name].data for name in PLAIN}
        values["monthly_budget_cents"] = _read_budget(self.monthly_budget_cents.data or "")
        values["temperature"] = (self.temperature.data or "").strip() or None
        values["max_tokens"] = self.max_tokens.data
        values["tools"] = None if self.tool_choice.data == ALL_TOOLS else self.tools.data or []
        return values

    @property
    def is_idle(self) -> bool:
        """True when a new version is to begin without traffic."""
        return bool(self.traffic.data == NO_TRAFFIC)


def _read_budget(text: str) -> int | None:
    """Yuan as cents; None for no limit."""
    clean = text.strip()
    if not clean:
        return None
    try:
        return cents(clean[:20])
    except (ValueError, ArithmeticError) as error:
        wrong = {"monthly_budget_cents": N_("Enter an amount in yuan, such as 139.50.")}
        raise InvalidParam(fields=wrong) from error
