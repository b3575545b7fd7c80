"""The console's pages of the automation: figures, runs with their steps, settings with a preview."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

from flask import Blueprint, Response, flash, request
from flask_babel import gettext
from pydantic import ValidationError

from app.accounts.queries import names_of_users
from app.core.errors import DomainError, InvalidParam
from app.db import in_transaction
from app.onboarding import service, texts
from app.onboarding.composing import Guest, from_template
from app.onboarding.figures import DEFAULT_PERIOD, PERIODS, read_figures
from app.onboarding.forms import SettingsForm, shown
from app.onboarding.queries import get_run, list_runs, list_steps
from app.onboarding.settings import change_values, read_values
from app.onboarding.values import VARIABLES, Values
from app.onboarding.workflow import Status
from app.web.auth import ADMIN, access, current_actor
from app.web.forms import saved
from app.web.htmx import go_to, page
from app.web.i18n import error_text
from app.web.routing import read_row_id

bp = Blueprint("onboarding", __name__, url_prefix="/admin/automation")
PER_PAGE = 50
# What a preview is filled with.
SAMPLES = {
    "zh": ("小澄", "上海静安店", [("轻盈防晒乳", "139.00"), ("氨基酸洁面乳", "89.00")], "满300减50"),
    "en": ("Jing", "Shanghai Jing'an", [("Featherlight Sunscreen", "139.00"), ("Amino Acid Cleanser", "89.00")], "¥50 off ¥300"),
}  # fmt: skip


@bp.get("/")
@access(ADMIN)
def show_figures() -> Response:
    days = request.args.get("days", DEFAULT_PERIOD, type=int)
    period = days if days in PERIODS else DEFAULT_PERIOD
    figures = read_figures(period)
    return page(
        "onboarding/figures.html",
        figures=figures,
        charts=texts.charts_of(figures),
        period=period,
        periods=PERIODS,
        failed=list_runs(status=Status.FAILED.value, limit=10),
        is_on=read_values().enabled,
        texts=texts,
    )


@bp.get("/runs")
@access(ADMIN)
def show_runs() -> Response:
    status = request.args.get("status", "")
    status = status if status in texts.STATUSES else ""
    before = read_row_id(request.args.get("before"))
    found = list_runs(status=status, before=before, limit=PER_PAGE + 1)
    return page(
        "onboarding/runs.html",
        block="listing",
        runs=found[:PER_PAGE],
        has_more=len(found) > PER_PAGE,
        wanted=status,
        is_first=before is None,
        texts=texts,
    )


@bp.get("/runs/<int:automation_id>")
@access(ADMIN)
def show_run(automation_id: int) -> Response:
    run = get_run(automation_id)
    name = names_of_users([run.user_id]).get(run.user_id, "")
    return page(
        "onboarding/run.html", run=run, steps=list_steps(automation_id), username=name, texts=texts, reasons=texts.REASONS
    )  # fmt: skip


@bp.post("/runs/<int:automation_id>/retry")
@access(ADMIN)
def retry(automation_id: int) -> Response:
    try:
        in_transaction(partial(service.retry_run, current_actor(), automation_id))
    except DomainError as error:
        if error.status == 404:
            raise
        flash(error_text(error), "warn")
    else:
        flash(gettext("The run goes on in a moment."), "success")
    return go_to(f"/admin/automation/runs/{automation_id}")


@bp.get("/settings")
@access(ADMIN)
def show_settings() -> Response:
    values = read_values()
    return _settings_page(SettingsForm(obj=SimpleNamespace(**shown(values)), formdata=None), values)


@bp.post("/settings")
@access(ADMIN)
def save_settings() -> Response:
    form = SettingsForm()
    form.offer()
    actor = current_actor()
    done = saved(form, lambda: in_transaction(lambda: change_values(actor, form.values())))
    if done is None:
        return _settings_page(form, read_values(), status=422)
    flash(gettext("The settings are saved. They count from the next registration."), "success")
    return go_to("/admin/automation/settings")


@bp.post("/settings/preview")
@access(ADMIN)
def preview() -> Response:
    """How the templates that were typed read, before they are saved."""
    form = SettingsForm()
    form.offer()
    try:
        changes = {name: form[name].data for name in ("template_zh", "template_en")}
        values = Values.model_validate({**read_values().model_dump(), **changes})
    except (ValidationError, InvalidParam) as error:
        form.refuse(error)
        return _settings_page(form, read_values(), status=422)
    return _settings_page(form, values)


def _settings_page(form: SettingsForm, values: Values, status: int = 200) -> Response:
    form.offer()
    previews = {locale: from_template(values, _sample(locale)) for locale in SAMPLES}
    return page(
        "onboarding/settings.html",
        block="form",
        status=status,
        form=form,
        previews=previews,
        variables=VARIABLES,
    )


def _sample(locale: str) -> Guest:
    name, store, products, coupon = SAMPLES[locale]
    told = [{"name": title, "price": price} for title, price in products]
    return Guest(username=name, locale=locale, store=store, level=1, products=told, coupon=coupon)
