"""The console's form of the settings. Bounds and rules are those of `values`: the form only reads what was typed."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, FloatField, IntegerField, SelectField, StringField, TextAreaField

from app.core.errors import N_, InvalidParam
from app.onboarding.texts import ASSIGNMENTS, STRATEGIES
from app.onboarding.values import ASSIGNMENTS as RULES
from app.onboarding.values import STRATEGIES as CHOICES
from app.onboarding.values import Values
from app.web.forms import ServiceForm

NOT_NUMBERS = N_("Whole seconds with commas between them: 5, 15, 60.")


class SettingsForm(ServiceForm):
    """All settings of the automation."""

    enabled = BooleanField(_("Welcome everybody who registers"))
    rollout_percent = IntegerField(_("Rollout in percent"))
    strategy = SelectField(_("The welcome is"))
    agent_seconds = FloatField(_("Seconds that an agent may take"))
    product_count = IntegerField(_("Products in the welcome"))
    retry_seconds = StringField(_("Seconds before each new attempt"))
    notifications = BooleanField(_("Tell the consultants"))
    channel_in_app = BooleanField(_("On their page"))
    channel_web_push = BooleanField(_("By Web Push when they are away"))
    channel_email = BooleanField(_("By e-mail when they are away"))
    assignment = SelectField(_("Who gets a waiting customer"))
    offer_seconds = IntegerField(_("Seconds that an offer holds"))
    busy_at = IntegerField(_("Customers at which a consultant is busy"))
    escalate_minutes = IntegerField(_("Minutes until everybody is told again"))
    escalate_admin_minutes = IntegerField(_("Minutes until admins are told"))
    template_zh = TextAreaField(_("Template in Chinese"))
    template_en = TextAreaField(_("Template in English"))

    def offer(self) -> None:
        """Fill the choices."""
        self.strategy.choices = [(name, _(STRATEGIES[name])) for name in CHOICES]
        self.assignment.choices = [(name, _(ASSIGNMENTS[name])) for name in RULES]

    def values(self) -> dict[str, Any]:
        """What was typed, as `change_values` takes it. Raises InvalidParam."""
        typed = {name: self[name].data for name in Values.model_fields}
        parts = [part.strip() for part in (self.retry_seconds.data or "").replace("，", ",").split(",")]
        # Of seconds nine digits are years; Python refuses to read thousands of them.
        if not all(re.fullmatch("[0-9]{1,9}", part) for part in parts if part):
            raise InvalidParam(fields={"retry_seconds": NOT_NUMBERS})
        return {**typed, "retry_seconds": [int(part) for part in parts if part]}


def shown(values: Values) -> dict[str, Any]:
    """Settings as the form's fields have them."""
    return {**values.model_dump(), "retry_seconds": ", ".join(map(str, values.retry_seconds))}
