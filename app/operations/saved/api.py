"""JSON API of saved reports; another's report does not exist."""

from __future__ import annotations

from functools import partial

from flask import Blueprint

from app.core.errors import N_, InvalidParam
from app.db import in_transaction
from app.insights.saved import service
from app.insights.saved.queries import get_report, get_shared, list_reports, list_runs
from app.operations.saved.asking import find_question, run_now
from app.operations.saved.schemas import (
    LINK,
    ChangeBody,
    NewReport,
    RunOut,
    SavedOut,
    SharedOut,
    ShareOut,
    run_out,
    saved_out,
)
from app.operations.schemas import DeskAnswer
from app.web.api import endpoint
from app.web.auth import OPERATOR, current_actor
from app.web.i18n import current_locale

bp = Blueprint("saved_reports_api", __name__)
ALL = "/api/v1/insights/reports"
ONE = f"{ALL}/<int:report_id>"
# A report costs the database up to its time limit.
RUN_LIMIT = "60/minute"


@endpoint(bp, ALL, who=OPERATOR, summary="My saved reports, newest first", answers={200: list[SavedOut]})
def list_saved_reports() -> list[SavedOut]:
    return [saved_out(report) for report in list_reports(current_actor())]


@endpoint(
    bp, ALL, method="POST", who=OPERATOR, body=NewReport, answers={201: SavedOut}, errors=(404, 409, 422),
    summary="Save the question of an answer (run_id), or a question, under a name",
)  # fmt: skip
def create_saved_report(body: NewReport) -> SavedOut:
    if bool(body.run_id) == (body.question is not None):
        raise InvalidParam(N_("Give either run_id or question."))
    actor = current_actor()
    question = find_question(actor, body.question, body.run_id, current_locale())
    return saved_out(in_transaction(partial(service.save_report, actor, body.name, question)))


@endpoint(bp, ONE, who=OPERATOR, summary="One of my saved reports", answers={200: SavedOut}, errors=(404,))
def show_saved_report(report_id: int) -> SavedOut:
    return saved_out(get_report(current_actor(), report_id))


@endpoint(
    bp, ONE, method="PATCH", who=OPERATOR, body=ChangeBody, answers={200: SavedOut}, errors=(404, 409, 422),
    summary="Change name, schedule or alert",
)  # fmt: skip
def change_saved_report(report_id: int, body: ChangeBody) -> SavedOut:
    actor = current_actor()

    def change() -> SavedOut:
        wanted = body.settings_for(get_report(actor, report_id))
        return saved_out(service.change_report(actor, report_id, wanted))

    return in_transaction(change)


@endpoint(bp, ONE, method="DELETE", who=OPERATOR, summary="Delete it", answers={204: None}, errors=(404,))
def delete_saved_report(report_id: int) -> None:
    in_transaction(partial(service.delete_report, current_actor(), report_id))


@endpoint(
    bp, f"{ONE}/run", method="POST", who=OPERATOR, answers={200: DeskAnswer}, limit=RUN_LIMIT,
    errors=(404, 422, 429, 503, 504), summary="The report with today's dates",
)  # fmt: skip
def run_saved_report(report_id: int) -> DeskAnswer:
    return run_now(get_report(current_actor(), report_id), current_locale())


@endpoint(
    bp, f"{ONE}/runs", who=OPERATOR, answers={200: list[RunOut]}, errors=(404,),
    summary="What the clock made of it, newest first",
)  # fmt: skip
def list_saved_report_runs(report_id: int) -> list[RunOut]:
    return [run_out(run) for run in list_runs(get_report(current_actor(), report_id).id)]


@endpoint(
    bp, f"{ONE}/share", method="POST", who=OPERATOR, answers={200: ShareOut}, errors=(404,),
    summary="A link by which operators and admins open it",
)  # fmt: skip
def share_saved_report(report_id: int) -> ShareOut:
    token = in_transaction(partial(service.share_report, current_actor(), report_id))
    return ShareOut(share_path=LINK.format(token))


@endpoint(
    bp, f"{ONE}/share", method="DELETE", who=OPERATOR, answers={204: None}, errors=(404,),
    summary="Withdraw the link",
)  # fmt: skip
def withdraw_saved_report(report_id: int) -> None:
    in_transaction(partial(service.withdraw_report, current_actor(), report_id))


@endpoint(
    bp, f"{ALL}/shared/<string(maxlength=64):token>", who=OPERATOR, answers={200: SharedOut}, limit=RUN_LIMIT,
    errors=(404, 422, 429, 503, 504), summary="A report that was shared, with today's dates",
)  # fmt: skip
def show_shared_report(token: str) -> SharedOut:
    report = get_shared(current_actor(), token)
    return SharedOut(name=report.name, answer=run_now(report, current_locale()))
