"""The forms of saved reports. Their bounds are the rules' own (app.insights.saved.rules)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, SelectField, StringField

from app.insights.metrics.catalogue import catalogue
from app.insights.saved.models import SavedReport
from app.insights.saved.rules import Alert, check_alert, check_schedule, is_ratio
from app.insights.saved.service import Settings
from app.web.forms import ServiceForm

RHYTHMS = (("", _("When I open it")), ("daily", _("Every day")), ("weekly", _("Every week")))
WEEKDAYS = (
    ("0", _("Monday")),
    ("1", _("Tuesday")),
    ("2", _("Wednesday")),
    ("3", _("Thursday")),
    ("4", _("Friday")),
    ("5", _("Saturday")),
    ("6", _("Sunday")),
)
COMPARATORS = (("lt", _("below")), ("le", _("at or below")), ("gt", _("above")), ("ge", _("at or above")))


class NewReportForm(ServiceForm):
    """A name for the question of an answer of the desk (`run_id`), or for one that is sent along (`question`)."""

    name = StringField(_("Name"))
    run_id = HiddenField()
    question = HiddenField()


class ReportForm(ServiceForm):
    """Name, schedule and alert of a saved report."""

    name = StringField(_("Name"))
    rhythm = SelectField(_("Make it"), choices=RHYTHMS, validate_choice=False)
    weekday = SelectField(_("Day of the week"), choices=WEEKDAYS, validate_choice=False)
    at = StringField(_("Time"))
    alert_metric = SelectField(_("Tell me when"), validate_choice=False)
    alert_comparator = SelectField(_("is"), choices=COMPARATORS, validate_choice=False)
    alert_value = StringField(_("Value"))

    def offer(self, report: SavedReport, locale: str) -> None:
        """Offer the figures of the report."""
        known = catalogue().metrics
        metrics = [(key, known[key].name(locale)) for key in report.question.metrics]
        self.alert_metric.choices = [("", _("No alert")), *metrics]

    def show(self, report: SavedReport) -> None:
        """Fill the fields."""
        schedule, alert = report.schedule, report.alert
        self.name.data = report.name
        self.rhythm.data = schedule.rhythm if schedule else ""
        self.weekday.data = str(schedule.weekday if schedule else 0)
        self.at.data = schedule.clock_text if schedule else "08:30"
        self.alert_metric.data = alert.metric if alert else ""
        self.alert_comparator.data = alert.comparator if alert else "lt"
        self.alert_value.data = shown_value(alert) if alert else ""

    def read(self, report: SavedReport) -> Settings:
        """What was typed. Raises InvalidParam."""
        weekday = self.weekday.data or "0"
        schedule = check_schedule(
            (self.rhythm.data or "")[:10],
            (self.at.data or "").strip()[:10],
            int(weekday) if weekday.isdecimal() and len(weekday) == 1 else -1,
        )
        metric = (self.alert_metric.data or "")[:40]
        alert = check_alert(metric, self.alert_comparator.data or "", self._value(metric), report.question)
        return Settings(name=(self.name.data or "")[:500], schedule=schedule, alert=alert)

    def _value(self, metric: str) -> str:
        """People say ratios in per cent; the rules take 0 to 1."""
        text = (self.alert_value.data or "").strip().strip("¥￥%％ ")[:30]
        if metric in catalogue().metrics and is_ratio(metric) and text:
            return f"{text}e-2"
        return text


def shown_value(alert: Alert) -> str:
    """The value as it is typed."""
    value = alert.value * 100 if is_ratio(alert.metric) else alert.value
    return f"{value.normalize():f}" + ("%" if is_ratio(alert.metric) else "")
