"""The pages of saved reports at /ops/reports: mine, one with its settings, and what others have shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.accounts.queries import names_of_users
from app.core.actor import Actor
from app.core.errors import DomainError, NotFound
from app.db import db, in_transaction
from app.extensions import limiter
from app.insights.saved import service
from app.insights.saved.models import SavedReport
from app.insights.saved.queries import get_report, get_shared, list_reports, list_runs
from app.insights.saved.rules import MAX_NAME, MAX_REPORTS
from app.oauth.site import public_url
from app.operations.exports import CSV_TYPE, XLSX_TYPE, to_csv, to_xlsx
from app.operations.page_model import EVERY_ROW, ReportShown, show_report
from app.operations.queries import get_answer
from app.operations.saved.api import RUN_LIMIT
from app.operations.saved.asking import context_for, find_question, run_now
from app.operations.saved.forms import NewReportForm, ReportForm
from app.operations.saved.presentation import list_lines, run_lines
from app.operations.saved.schemas import LINK
from app.operations.schemas import DeskAnswer, ReportOut
from app.operations.views import file_of
from app.web.auth import OPERATOR, access, current_actor
from app.web.forms import saved
from app.web.htmx import go_to, page
from app.web.i18n import current_locale, error_text

bp = Blueprint("saved_reports", __name__)
LIST = "/ops/reports"
ONE = f"{LIST}/<int:report_id>"
# As long as a token, so that the downloads' addresses are no tokens.
SHARED = f"{LIST}/shared/<string(maxlength=43):token>"


@dataclass(frozen=True, slots=True)
class Shown:
    """A report with today's dates, or why there is none just now."""

    answer: DeskAnswer | None = None
    report: ReportShown | None = None
    failure: str = ""


@bp.get(LIST)
@access(OPERATOR)
def list_all() -> Response:
    """My reports."""
    # The context lets go of the connection, and of what was read before it.
    context = context_for(current_locale())
    lines = list_lines(list_reports(current_actor()), context)
    return page("operations/saved_reports.html", lines=lines, limit=MAX_REPORTS)


@bp.get(f"{LIST}/new")
@access(OPERATOR)
def new() -> Response:
    """A name for the question of an answer (`run_id`)."""
    run_id = request.args.get("run_id", "")[:32]
    if not run_id:
        return go_to("/ops")
    found = get_answer(current_actor(), run_id)
    if found.report is None:
        raise NotFound()
    form = NewReportForm(formdata=None)
    form.name.data, form.run_id.data = found.query[:MAX_NAME], run_id
    return page("operations/saved_new.html", form=form, asks=found.understood_as)


@bp.post(LIST)
@access(OPERATOR)
def create() -> Response:
    """Keep the question of an answer, or the one that is sent along."""
    form, actor = NewReportForm(), current_actor()
    if form.validate_on_submit():
        kept = saved(form, partial(_create, actor, form))
        if kept is not None:
            flash(gettext("The report is saved."), "ok")
            return go_to(f"{LIST}/{kept}")
    return page("operations/saved_new.html", form=form, asks="", status=422)


def _create(actor: Actor, form: NewReportForm) -> int:
    question = find_question(actor, form.question.data or "", (form.run_id.data or "")[:32], current_locale())
    name = (form.name.data or "")[:500]
    return in_transaction(lambda: service.save_report(actor, name, question).id)


@bp.get(ONE)
@access(OPERATOR)
@limiter.limit(RUN_LIMIT)
def show(report_id: int) -> Response:
    """The report with today's dates, and its settings."""
    report = get_report(current_actor(), report_id)
    form = ReportForm(formdata=None)
    form.offer(report, current_locale())
    form.show(report)
    return _page(report, form)


@bp.post(ONE)
@access(OPERATOR)
@limiter.limit(RUN_LIMIT)
def change(report_id: int) -> Response:
    """Name, schedule and alert."""
    actor, form = current_actor(), ReportForm()
    report = get_report(actor, report_id)
    form.offer(report, current_locale())

    def write() -> SavedReport:
        return service.change_report(actor, report_id, form.read(get_report(actor, report_id)))

    if form.validate_on_submit() and saved(form, lambda: in_transaction(write)) is not None:
        flash(gettext("Saved."), "ok")
        return go_to(f"{LIST}/{report_id}")
    return _page(get_report(actor, report_id), form, status=422)


@bp.post(f"{ONE}/delete")
@access(OPERATOR)
def delete(report_id: int) -> Response:
    """Take it away for good."""
    in_transaction(partial(service.delete_report, current_actor(), report_id))
    flash(gettext("The report is deleted."), "ok")
    return go_to(LIST)


@bp.post(f"{ONE}/share")
@access(OPERATOR)
def share(report_id: int) -> Response:
    """Make a link."""
    in_transaction(partial(service.share_report, current_actor(), report_id))
    return go_to(f"{LIST}/{report_id}#share")


@bp.post(f"{ONE}/withdraw")
@access(OPERATOR)
def withdraw(report_id: int) -> Response:
    """Make the link lead nowhere."""
    in_transaction(partial(service.withdraw_report, current_actor(), report_id))
    flash(gettext("The link leads nowhere now."), "ok")
    return go_to(f"{LIST}/{report_id}#share")


@bp.get(f"{ONE}.csv")
@access(OPERATOR)
@limiter.limit(RUN_LIMIT)
def download_csv(report_id: int) -> Response:
    """The report of today as CSV."""
    return _file(get_report(current_actor(), report_id), to_csv, CSV_TYPE, "csv")


@bp.get(f"{ONE}.xlsx")
@access(OPERATOR)
@limiter.limit(RUN_LIMIT)
def download_xlsx(report_id: int) -> Response:
    """The report of today as a workbook."""
    return _file(get_report(current_actor(), report_id), to_xlsx, XLSX_TYPE, "xlsx")


@bp.get(SHARED)
@access(OPERATOR)
@limiter.limit(RUN_LIMIT)
def show_shared(token: str) -> Response:
    """A report that somebody has shared; it can be kept as one's own."""
    actor = current_actor()
    report = get_shared(actor, token)
    name, is_own = report.name, report.owner_id == actor.user_id
    owner = names_of_users([report.owner_id]).get(report.owner_id, "")
    form = NewReportForm(formdata=None)
    form.name.data, form.question.data = name, report.question.model_dump_json()
    own_url = f"{LIST}/{report.id}" if is_own else ""
    shown = _run(report, f"{LIST}/shared/{token}")
    return page(
        "operations/saved_shared.html", name=name, owner=owner, own_url=own_url, form=form, shown=shown
    )


@bp.get(f"{SHARED}.csv")
@access(OPERATOR)
@limiter.limit(RUN_LIMIT)
def download_shared_csv(token: str) -> Response:
    """The shared report of today as CSV."""
    return _file(get_shared(current_actor(), token), to_csv, CSV_TYPE, "csv")


@bp.get(f"{SHARED}.xlsx")
@access(OPERATOR)
@limiter.limit(RUN_LIMIT)
def download_shared_xlsx(token: str) -> Response:
    """The shared report of today as a workbook."""
    return _file(get_shared(current_actor(), token), to_xlsx, XLSX_TYPE, "xlsx")


def _run(report: SavedReport, url: str) -> Shown:
    """What stands in the way of the figures must not take the settings away."""
    try:
        answer = run_now(report, current_locale())
    except DomainError as error:
        return Shown(failure=error_text(error))
    if answer.report is None:
        return Shown(failure=answer.answer)
    return Shown(answer, show_report(answer.report, url, EVERY_ROW))


def _page(report: SavedReport, form: ReportForm, status: int = 200) -> Response:
    # Read first: running the report lets go of the connection.
    report_id, name, token = report.id, report.name, report.share_token
    next_due_at, alert_is_on = report.next_due_at, report.alert_is_on
    runs = run_lines(list_runs(report_id), report.alert_metric)
    return page(
        "operations/saved_report.html",
        status=status,
        url=f"{LIST}/{report_id}",
        name=name,
        form=form,
        link=f"{public_url()}{LINK.format(token)}" if token else "",
        runs=runs,
        shown=_run(report, f"{LIST}/{report_id}"),
        next_due_at=next_due_at,
        alert_is_on=alert_is_on,
    )


def _file(report: SavedReport, write: Callable[[ReportOut], bytes], media_type: str, ending: str) -> Response:
    found = run_now(report, current_locale()).report
    db.session.rollback()
    if found is None:
        raise NotFound()
    return file_of(write(found), media_type, ending, found)
