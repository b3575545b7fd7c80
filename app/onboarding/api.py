"""JSON API of the automation (api.md, "Automation and consultants")."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, request
from pydantic import ValidationError

from app.core.errors import InvalidParam
from app.db import in_transaction
from app.onboarding import service
from app.onboarding.figures import DEFAULT_PERIOD, PERIODS, Figures, read_figures
from app.onboarding.queries import get_run
from app.onboarding.schemas import (
    MetricsOut,
    RunOut,
    SettingsIn,
    SettingsOut,
    metrics_of,
    run_of,
)
from app.onboarding.settings import change_values, read_values
from app.web.api import endpoint
from app.web.auth import ADMIN, OPERATOR, current_actor
from app.web.field_messages import field_messages

bp = Blueprint("onboarding_api", __name__)
BASE = "/api/v1/admin/registration-automation"


@endpoint(
    bp, "/api/v1/registration-automation/metrics", who=OPERATOR, answers={200: MetricsOut}, errors=(401, 403),
    summary="Figures of the registration automation; `days` is 1, 7, 30 or 90",
)  # fmt: skip
def show_metrics() -> MetricsOut:
    return MetricsOut(**metrics_of(_figures()))


def _figures() -> Figures:
    days = request.args.get("days", DEFAULT_PERIOD, type=int)
    return read_figures(days if days in PERIODS else DEFAULT_PERIOD)


@endpoint(
    bp, f"{BASE}/settings", who=ADMIN, answers={200: SettingsOut}, errors=(401, 403),
    summary="The settings of the automation",
)  # fmt: skip
def show_settings() -> SettingsOut:
    return SettingsOut(**read_values().model_dump())


@endpoint(
    bp, f"{BASE}/settings", method="PUT", who=ADMIN, body=SettingsIn, answers={200: SettingsOut},
    errors=(401, 403, 422), summary="Change settings; they count from the next run, in every process",
)  # fmt: skip
def save_settings(body: SettingsIn) -> SettingsOut:
    changes = body.model_dump(exclude_none=True)
    try:
        after = in_transaction(partial(change_values, current_actor(), changes))
    except ValidationError as error:
        raise InvalidParam(fields=field_messages(error)) from error
    return SettingsOut(**after.model_dump())


@endpoint(
    bp, f"{BASE}/runs/<int:automation_id>/retry", method="POST", who=ADMIN, answers={200: RunOut},
    errors=(401, 403, 404, 409), summary="Run a failed one again; what was done stays done",
)  # fmt: skip
def retry(automation_id: int) -> RunOut:
    in_transaction(partial(service.retry_run, current_actor(), automation_id))
    return run_of(get_run(automation_id))
