"""The form of a plan. Its bounds are the plan's own (app.campaigns.plans): the form only reads what was typed."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from pydantic import ValidationError
from wtforms import FieldList, Form, FormField, HiddenField, SelectField, StringField, TextAreaField

from app.campaigns.plans import NESTED, Plan
from app.campaigns.presentation import FIELD_LABELS, METRICS, OFFERS, OPERATORS
from app.campaigns.rules import FIELDS, SETS
from app.web.forms import ServiceForm

MAX_RULES = 8
SPARE_RULES = 2
NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,4})?")
# Where a part of the plan is typed when the field has another name than it.
PLACES = {
    "offer": "value",
    "offer.type": "offer_type",
    "kpi.primary": "kpi_primary",
    "kpi.targets": "kpi_targets",
    "offer.threshold_cents": "threshold",
    "offer.benefit": "value",
}
SEPARATORS = re.compile(r"[,，、;；]")


class RuleForm(Form):
    """One condition; a row without a property is none."""

    field = SelectField(_("Property"))
    op = SelectField(_("Comparison"))
    value = StringField(_("Value"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.field.choices = [
            ("", gettext("none")),
            *((key, gettext(label)) for key, label in FIELD_LABELS.items()),
        ]
        self.op.choices = [(key, gettext(label)) for key, label in OPERATORS.items()]


class PlanForm(ServiceForm):
    """A plan as an operator edits it. `brief` is the sentence that it was drafted from."""

    brief = HiddenField()
    goal = StringField(_("Goal"))
    budget = StringField(_("Budget in yuan"))
    duration_days = StringField(_("Days"))
    offer_type = SelectField(_("Kind of offer"))
    threshold = StringField(_("From an order of (yuan)"))
    value = StringField(_("Value"))
    max_redemptions = StringField(_("Most redemptions"))
    definition = StringField(_("Who is meant, in words"))
    rules = FieldList(FormField(RuleForm), max_entries=MAX_RULES)
    channels = StringField(_("Channels"))
    kpi_primary = SelectField(_("Figure of success"))
    kpi_targets = TextAreaField(_("Targets"))
    risk_controls = TextAreaField(_("Controls"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_type.choices = [(key, gettext(label)) for key, label in OFFERS.items()]
        self.kpi_primary.choices = [(key, gettext(label)) for key, label in METRICS.items()]
        while len(self.rules) < SPARE_RULES:
            self.rules.append_entry()

    def show(self, plan: Plan, brief: str) -> None:
        """Fill the fields with a plan."""
        offer = plan.offer
        self.brief.data = brief
        self.goal.data, self.budget.data = (
            plan.goal,
            f"{plan.budget:g}" if plan.budget < 1e6 else str(plan.budget),
        )
        self.duration_days.data = str(plan.duration_days)
        self.offer_type.data, self.threshold.data = offer.type, str(offer.threshold)
        self.value.data, self.max_redemptions.data = str(offer.value), str(offer.max_redemptions)
        self.definition.data = plan.target_segment.definition
        self._show_rules(plan)
        self.channels.data = ", ".join(plan.channels)
        self._offer_metric(plan.kpi.primary)
        self.kpi_targets.data = "\n".join(str(target) for target in plan.kpi.targets)
        self.risk_controls.data = "\n".join(plan.risk_controls)

    def _show_rules(self, plan: Plan) -> None:
        while len(self.rules):
            self.rules.pop_entry()
        for rule in plan.target_segment.rules[:MAX_RULES]:
            value = ", ".join(map(str, rule.value)) if isinstance(rule.value, list) else str(rule.value)
            self.rules.append_entry({"field": rule.field, "op": rule.op, "value": value})
        while len(self.rules) < min(MAX_RULES, len(plan.target_segment.rules) + SPARE_RULES):
            self.rules.append_entry()

    def _offer_metric(self, metric: str) -> None:
        """A plan from elsewhere may name another figure."""
        if metric not in dict(self.kpi_primary.choices):
            self.kpi_primary.choices.append((metric, metric))
        self.kpi_primary.data = metric

    def read(self) -> Plan | None:
        """The plan as typed; None when something is wrong, which then stands at its field."""
        try:
            return Plan.model_validate(self._values())
        except ValidationError as error:
            self.refuse(error)
            return None

    def _values(self) -> dict[str, Any]:
        return {
            "goal": self.goal.data or "",
            "duration_days": _number(self.duration_days.data),
            "budget": _number(self.budget.data),
            "target_segment": {"definition": self.definition.data or "", "rules": self._rules()},
            "offer": {
                "type": self.offer_type.data or "",
                "threshold": _number(self.threshold.data or "0"),
                "value": _number(self.value.data),
                "max_redemptions": _number(self.max_redemptions.data),
            },
            "channels": _split(self.channels.data or ""),
            "kpi": {
                "primary": self.kpi_primary.data or "",
                "targets": (self.kpi_targets.data or "").splitlines()[:20],
            },
            "risk_controls": [line for line in (self.risk_controls.data or "").splitlines() if line.strip()],
        }

    def _rules(self) -> list[dict[str, Any]]:
        rows = [entry.form for entry in self.rules if entry.form.field.data]
        return [
            {
                "field": row.field.data,
                "op": row.op.data,
                "value": _rule_value(row.field.data, row.op.data, row.value.data or ""),
            }
            for row in rows
        ]

    def put(self, place: str, text: str) -> None:
        """Show a text at the field that a part of the plan is typed in."""
        parts = place.split(".")
        if parts[:2] == ["target_segment", "rules"] or place == "rules":
            number = f"{int(parts[2]) + 1}: " if len(parts) > 2 and parts[2].isdigit() else ""
            self.form_errors.append(gettext("Condition %(what)s", what=f"{number}{text}"))
            return
        super().put(PLACES.get(".".join(parts[:2])) or parts[-1 if parts[0] in NESTED else 0], text)


def _number(text: str | None) -> int | float | str | None:
    """The number typed, with or without thousands separators; other texts stay, for the plan's check to refuse."""
    clean = re.sub(r"[,，\s¥￥]", "", text or "")
    if not clean:
        return None
    if not NUMBER.fullmatch(clean):
        return clean
    value = float(clean)
    return int(value) if value == int(value) else value


def _split(text: str) -> list[str]:
    return [part.strip() for part in SEPARATORS.split(text) if part.strip()]


def _rule_value(name: str, operator: str, text: str) -> Any:
    field = FIELDS.get(name)
    is_text = field is None or field.kind == "text"
    parts = _split(text) if operator in SETS else [text.strip()]
    # An empty value stays a text, which no number's condition takes.
    values = [part if is_text or not part else _number(part) for part in parts]
    return values if operator in SETS else values[0]
