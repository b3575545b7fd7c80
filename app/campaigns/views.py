"""The pages of campaigns: the list, a plan from one sentence, its publishing, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.campaigns import service
from app.campaigns.counting import drafting_facts, estimate_plan
from app.campaigns.drafting import MAX_BRIEF, draft_plan
from app.campaigns.estimates import Estimate
from app.campaigns.forms import PlanForm
from app.campaigns.plans import Plan
from app.campaigns.presentation import (
    EXAMPLES,
    GAPS,
    STATE_PILLS,
    charts_of,
    metric_label,
    risk_text,
    state_label,
)
from app.campaigns.purposes import offer_label
from app.campaigns.queries import get_campaign, list_campaigns, receipt_of
from app.campaigns.results import results_of
from app.campaigns.states import STEP_LABELS, UNDER_WAY
from app.core.errors import DomainError
from app.db import db, in_transaction
from app.web.auth import OPERATOR, access, current_actor
from app.web.forms import saved
from app.web.htmx import go_to, page
from app.web.i18n import error_text
from app.web.routing import read_page_number

bp = Blueprint("campaigns", __name__)
LIST = "/ops/campaigns"
ONE = f"{LIST}/<int:campaign_id>"
MAX_PAGES = 4_000
WORDS: dict[str, Any] = {
    "state_label": state_label,
    "state_pills": STATE_PILLS,
    "risk_text": risk_text,
    "metric_label": metric_label,
    "offer_label": offer_label,
}


@bp.get(LIST)
@access(OPERATOR)
def list_all() -> Response:
    """All campaigns, newest first."""
    listing = list_campaigns(read_page_number(MAX_PAGES))
    return page("campaigns/campaigns.html", listing=listing, plan_of=_plan_of, **WORDS)


@bp.get(f"{LIST}/new")
@access(OPERATOR)
def new() -> Response:
    """One sentence; with `q` the plan that it makes."""
    brief = request.args.get("q", "").strip()[:MAX_BRIEF]
    if not brief:
        return page("campaigns/new.html", brief="", form=None, examples=EXAMPLES)
    drafted = draft_plan(brief, drafting_facts())
    return show_plan(drafted.plan, brief, drafted.plan_fixed)


@bp.post(f"{LIST}/estimate")
@access(OPERATOR)
def recalculate() -> Response:
    """The estimate of the plan as it stands in the form; the page goes on with it."""
    form = PlanForm()
    plan = form.read() if form.validate_on_submit() else None
    found = _estimate(plan, form) if plan else None
    return _form_page(form, found, status=200 if found else 422, block="estimate")


@bp.post(LIST)
@access(OPERATOR)
def publish() -> Response:
    """Publish the plan in the form; a plan that was published before leads to its campaign."""
    form, actor = PlanForm(), current_actor()
    plan = form.read() if form.validate_on_submit() else None
    if plan is None:
        return _form_page(form, None, status=422)
    submitted = saved(form, lambda: in_transaction(partial(service.submit, actor, plan)))
    if submitted is None:
        return _form_page(form, _estimate(plan, form), status=422)
    if not submitted.is_new:
        flash(gettext("This very plan was published before: here is its campaign."), "info")
    return go_to(f"{LIST}/{submitted.campaign_id}")


@bp.get(ONE)
@access(OPERATOR)
def show(campaign_id: int) -> Response:
    """How far it is, and what came of it; htmx asks for the receipt alone while a worker is at it."""
    campaign = get_campaign(campaign_id)
    is_live = request.args.get("part") == "receipt"
    is_under_way = campaign.status in UNDER_WAY
    results = None if is_live and is_under_way else results_of(campaign)
    return page(
        "campaigns/campaign.html",
        block="live" if is_live else None,
        campaign=campaign,
        plan=_plan_of(campaign),
        receipt=receipt_of(campaign),
        is_under_way=is_under_way,
        results=results,
        charts=charts_of(results) if results else [],
        step_labels=STEP_LABELS,
        **WORDS,
    )


@bp.post(f"{ONE}/retry")
@access(OPERATOR)
def retry(campaign_id: int) -> Response:
    """Run a failed publishing again."""
    return _act(campaign_id, partial(service.retry, current_actor(), campaign_id), gettext("It runs again."))


@bp.post(f"{ONE}/end")
@access(OPERATOR)
def end(campaign_id: int) -> Response:
    """End a published campaign early."""
    done = gettext("The campaign has ended. Nobody can use its coupon any more.")
    return _act(campaign_id, partial(service.end, current_actor(), campaign_id), done)


def show_plan(plan: Plan, brief: str, gaps: list[str]) -> Response:
    """A plan in the form with its estimate; also for plans that were drafted elsewhere (app.operations)."""
    form = PlanForm(formdata=None)
    form.show(plan, brief)
    return _form_page(form, _estimate(plan, form), gaps=gaps)


def _act(campaign_id: int, act: Callable[[], None], done: str) -> Response:
    try:
        in_transaction(act)
        flash(done, "ok")
    except DomainError as error:
        if error.status == 404:
            raise
        db.session.rollback()
        flash(error_text(error), "danger")
    return go_to(f"{LIST}/{campaign_id}")


def _plan_of(campaign: Any) -> Plan:
    return Plan.model_validate(campaign.plan_json)


def _estimate(plan: Plan, form: PlanForm) -> Estimate | None:
    """The estimate; None when it cannot be made, which then stands on the form."""
    try:
        return estimate_plan(plan)
    except DomainError as error:
        if not form.form_errors:
            form.refuse(error)
        return None


def _form_page(
    form: PlanForm,
    found: Estimate | None,
    *,
    gaps: list[str] | None = None,
    status: int = 200,
    block: str | None = None,
) -> Response:
    return page(
        "campaigns/new.html",
        block=block,
        status=status,
        form=form,
        brief=form.brief.data or "",
        estimate=found,
        gaps=[gettext(GAPS[name]) if name in GAPS else name for name in gaps or ()],
        examples=EXAMPLES,
        **WORDS,
    )
