"""What runs by the clock, as data: the scheduler process (`worker.py --scheduler`) reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Run `function` (dotted path, no arguments) every `seconds`, inside the scheduler process."""

    name: str
    seconds: float
    function: str


SCHEDULES = (
    Schedule("outbox_sweep", 0.5, "app.outbox.jobs.sweep"),
    Schedule("expire_unpaid_orders", 20, "app.orders.jobs.expire_unpaid_orders"),
    Schedule("close_dead_runs", 10, "app.agent.jobs.close_dead_runs"),
    Schedule("clean_up", 3600, "app.admin.jobs.clean_up"),
    Schedule("hand_over_campaigns", 2, "app.campaigns.jobs.sweep"),
    Schedule("hand_over_saved_reports", 5, "app.insights.saved.jobs.sweep"),
    Schedule("resume_welcomes", 1, "app.onboarding.jobs.sweep"),
    Schedule("pass_offers_on", 2, "app.consultants.jobs.sweep"),
    Schedule("send_notifications", 1, "app.delivery.jobs.sweep"),
    Schedule("escalate_waiting", 5, "app.delivery.jobs.escalate"),
    Schedule("forget_voice_sessions", 3600, "app.voice.jobs.clean_up"),
    Schedule("add_up_sales", 60, "app.sales.jobs.add_up_stale_days"),
    Schedule("reconcile_sales", 3600, "app.sales.jobs.reconcile"),
    Schedule("follow_texts", 20, "app.semantic.jobs.sweep"),
    Schedule("end_grants", 3600, "app.oauth.jobs.clean_up"),
)
