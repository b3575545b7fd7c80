"""The console's pages of agents: who answers, with which version, and how well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.accounts.queries import names_of_users
from app.core.clock import now
from app.core.errors import N_, InvalidParam
from app.db import db, in_transaction
from app.extensions import limiter
from app.gateway import changes, service
from app.gateway.api import TRIALS, told_of
from app.gateway.budgets import spent_this_month_micros
from app.gateway.forms import AgentForm
from app.gateway.keys import masked_key
from app.gateway.models import Agent, AgentVersion
from app.gateway.presentation import (
    PROVIDER_LABELS,
    PURPOSE_LABELS,
    breaker_of,
    chains,
    charts_of,
    tool_choices,
    version_rows,
)
from app.gateway.pricing import MICROS_PER_CENT
from app.gateway.queries import get_agent, get_version, leading_version
from app.gateway.results import results_of
from app.gateway.rules import MAX_WEIGHT
from app.gateway.schemas import MAX_DAYS
from app.gateway.trial import Trial
from app.web.auth import ADMIN, access, current_actor
from app.web.forms import saved
from app.web.htmx import go_to, page
from app.web.i18n import current_locale, reason_text
from app.web.routing import read_row_id

bp = Blueprint("agents", __name__)
Done = TypeVar("Done")
LIST = "/admin/agents"
ONE = "/admin/agents/<int:agent_id>"
DAYS = (7, 30, 90)
LABELS: dict[str, Any] = {"purpose_labels": PURPOSE_LABELS, "provider_labels": PROVIDER_LABELS}


@bp.get(LIST)
@access(ADMIN)
def list_agents() -> Response:
    """Who is asked for which purpose, in that order."""
    found = chains()
    is_empty = not any(step.agent for chain in found.values() for step in chain)
    return page("gateway/agents.html", chains=found, is_empty=is_empty, **LABELS)


@bp.route(f"{LIST}/new", methods=["GET", "POST"])
@access(ADMIN)
def new_agent() -> Response:
    """A new agent."""
    tools = tool_choices()
    form = AgentForm().offer(tools)
    if form.validate_on_submit():
        agent_id = saved(form, lambda: changes.create(current_actor(), form.values()))
        if agent_id is not None:
            flash(gettext("The agent is there. Try it before customers do."), "ok")
            return go_to(f"{LIST}/{agent_id}")
    if request.method == "GET":
        form.purpose.data = request.args.get("purpose", "shop")
    return page(
        "gateway/agent_new.html",
        form=form,
        tools=tools,
        status=422 if form.is_submitted() else 200,
    )


@bp.get(ONE)
@access(ADMIN)
def show_agent(agent_id: int) -> Response:
    """An agent: its settings, versions, shares and results."""
    agent = get_agent(agent_id)
    number = read_row_id(request.args.get("version"))
    version = leading_version(agent) if number is None else get_version(agent, number)
    form = AgentForm().offer(tool_choices(version.tools or ()))
    form.show(agent, version)
    return _page_of(agent, form)


@bp.post(ONE)
@access(ADMIN)
def save_agent(agent_id: int) -> Response:
    """Save the form; says which version that made. 409 when somebody else was faster."""
    agent = get_agent(agent_id)
    actor, form = current_actor(), AgentForm()
    from_version = read_row_id(form.from_version.data)
    base = leading_version(agent) if from_version is None else get_version(agent, from_version)
    form.offer(tool_choices(base.tools or ()))
    if form.validate_on_submit():
        how = {"from_version": from_version, "seen": form.seen.data or "", "idle": form.is_idle}
        done = saved(form, lambda: changes.save(actor, agent_id, form.values(), **how))
        if done is not None:
            flash(told_of(done), "ok")
            return go_to(f"{LIST}/{agent_id}")
    agent = get_agent(agent_id)
    if not _is_overtaken(form, agent):
        return _page_of(agent, form, status=422)
    # Saving again is a decision then: it is made in sight of what is there now.
    form.seen.raw_data = None
    form.seen.data = service.stamp_of(agent)
    return _page_of(agent, form, status=409)


def _is_overtaken(form: AgentForm, agent: Agent) -> bool:
    return (form.seen.data or "") != service.stamp_of(agent)


@bp.post(f"{ONE}/versions/<int:number>/restore")
@access(ADMIN)
def restore_version(agent_id: int, number: int) -> Response:
    """Roll back: this version answers everything from now on."""
    actor = current_actor()
    in_transaction(lambda: service.roll_back(actor, agent_id, number))
    flash(gettext("Version %(number)s answers from now on.", number=number), "ok")
    return go_to(f"{LIST}/{agent_id}#versions")


@bp.post(f"{ONE}/shares")
@access(ADMIN)
def save_shares(agent_id: int) -> Response:
    """Share the traffic by the fields `weight-<number>`."""
    try:
        changes.share(current_actor(), agent_id, _read_weights())
        flash(gettext("The shares are saved."), "ok")
    except InvalidParam as error:
        db.session.rollback()
        flash(reason_text(error), "danger")
    return go_to(f"{LIST}/{agent_id}#versions")


def _read_weights() -> dict[int, int]:
    """Raises InvalidParam for what is no share of a version."""
    weights = {}
    for name, text in request.form.items():
        number = read_row_id(name.removeprefix("weight-")) if name.startswith("weight-") else None
        if number is None:
            continue
        weight = read_row_id(text.strip() or "0")
        if weight is None or weight > MAX_WEIGHT:
            raise InvalidParam(fields={"shares": N_("A share is a number from 0 to 1000.")})
        weights[number] = weight
    return weights


@bp.post(f"{ONE}/test")
@limiter.limit(TRIALS)
@access(ADMIN)
def try_agent(agent_id: int) -> Response:
    """A real call of one short turn, shown in the page."""
    number = read_row_id(request.form.get("version"))
    trial = changes.try_out(agent_id, number, current_locale())
    agent = get_agent(agent_id)
    version = leading_version(agent)
    form = AgentForm(formdata=None).offer(tool_choices(version.tools or ()))
    form.show(agent, version)
    return _page_of(agent, form, trial=trial)


@bp.post(f"{ONE}/delete")
@access(ADMIN)
def delete_agent(agent_id: int) -> Response:
    """Take it away for good."""
    actor = current_actor()
    in_transaction(lambda: service.delete_agent(actor, agent_id))
    flash(gettext("The agent is deleted."), "ok")
    return go_to(LIST)


def _page_of(agent: Agent, form: AgentForm, *, trial: Trial | None = None, status: int = 200) -> Response:
    days = read_row_id(request.args.get("days")) or DAYS[1]
    results = results_of(agent.id, now() - timedelta(days=min(days, MAX_DAYS)))
    leading = leading_version(agent)
    names = names_of_users([version.created_by for version in agent.versions])
    return page(
        "gateway/agent.html",
        block="trial" if trial else None,
        status=status,
        agent=agent,
        form=form,
        leading=leading,
        tools=tool_choices(leading.tools or ()),
        key_shown=masked_key(_base_of(agent, form)),
        rows=version_rows(agent, names),
        breaker=breaker_of(leading),
        spent_cents=spent_this_month_micros(agent.id) // MICROS_PER_CENT,
        results=results,
        charts=charts_of(results),
        days=days,
        all_days=DAYS,
        trial=trial,
        **LABELS,
    )


def _base_of(agent: Agent, form: AgentForm) -> AgentVersion:
    number = read_row_id(form.from_version.data)
    return leading_version(agent) if number is None else get_version(agent, number)
