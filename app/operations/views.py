"""The desk's pages at /ops: asking, following, one answer with its files, and what leads on to a campaign.

Every step is a plain form: with htmx it answers with the pieces that change, without it waits a moment for the answer
and shows the page again.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, flash, make_response, request, stream_with_context
from flask_babel import gettext
from flask_wtf.csrf import generate_csrf

from app.agent import service as agent_service
from app.agent.api import CHAT_LIMIT
from app.agent.reader import wait_for
from app.agent.stream import BEGINNING, EVENT_ID
from app.campaigns import service as campaigns
from app.campaigns.api import read_plan
from app.campaigns.views import show_plan
from app.conversations.models import OPERATIONS
from app.conversations.queries import get_run, list_conversations
from app.conversations.service import RunKey
from app.core.actor import Actor
from app.core.errors import DomainError, NotFound
from app.core.ids import new_id
from app.db import db, in_transaction
from app.extensions import limiter
from app.operations import queries, service
from app.operations.exports import CSV_TYPE, XLSX_TYPE, to_csv, to_xlsx
from app.operations.live import frames
from app.operations.page_talk import TalkShown, get_exchange, get_talk
from app.operations.schemas import MAX_QUERY, DeskAnswer, ReportOut
from app.runtime import settings
from app.web import sse
from app.web.auth import OPERATOR, access, current_actor
from app.web.htmx import go_to, is_partial, page, trigger
from app.web.i18n import reason_text

bp = Blueprint("operations", __name__)
RUN = "/ops/runs/<string(maxlength=32):run_id>"
ANSWER = "/ops/answers/<string(maxlength=32):run_id>"
HISTORY = 30
MAX_CLIENT_ID = 64
# A browser without JavaScript waits this long for an answer before it gets the page.
PATIENCE_SECONDS = 8.0
# What is told beside the field instead of on an error page.
TOLD_HERE = frozenset({409, 422, 429})


@bp.get("/ops")
@access(OPERATOR)
def show_desk() -> Response:
    """A conversation (`session`), or an empty desk."""
    actor = current_actor()
    session_id = request.args.get("session", "")
    talk = get_talk(actor, session_id) if session_id else TalkShown()
    return page("operations/desk.html", talk=talk, **_frame(actor, talk.session_id))


@bp.post("/ops/ask")
@access(OPERATOR)
@limiter.limit(CHAT_LIMIT)
def ask() -> Response:
    """Ask; a button's sentence counts before the field's."""
    actor, form = current_actor(), request.form
    query = form.get("example") or form.get("query", "")
    try:
        run = service.ask(
            actor,
            query,
            form.get("session_id") or None,
            form.get("client_message_id", "")[:MAX_CLIENT_ID] or None,
        )
    except DomainError as error:
        return _refuse(error)
    return _follow(actor, run)


@bp.get(f"{RUN}/events")
@access(OPERATOR)
def run_events(run_id: str) -> Response:
    """The steps of an answer as they happen, in pieces of HTML."""
    actor = current_actor()
    run = RunKey.of(get_run(actor, run_id))
    given = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    after = given if EVENT_ID.fullmatch(given) else BEGINNING
    # The connection goes back before the stream begins, which may last.
    db.session.remove()
    return sse.stream(
        stream_with_context(frames(actor, run, after)),
        subject=actor.subject,
        limit=settings().sse_streams_per_user,
    )


@bp.post(f"{RUN}/stop")
@access(OPERATOR)
def stop(run_id: str) -> Response:
    """Stop an answer."""
    actor = current_actor()
    agent_service.abort(actor, run_id=run_id)
    if is_partial():
        return Response(status=204)
    run = RunKey.of(get_run(actor, run_id))
    wait_for(run.id, actor.locale, PATIENCE_SECONDS)
    return go_to(_address(run.conversation_id))


@bp.get(ANSWER)
@access(OPERATOR)
def show_answer(run_id: str) -> Response:
    """One answer on a page of its own, with every row; htmx asks for it alone, to open an earlier one."""
    actor = current_actor()
    record = queries.get_record(actor, run_id)
    exchange = get_exchange(actor, run_id, every_row=not is_partial())
    return page(
        "operations/answer.html", block="answer", exchange=exchange, session_id=record.conversation_id
    )


@bp.get(f"{ANSWER}.csv")
@access(OPERATOR)
def download_csv(run_id: str) -> Response:
    """The report as CSV."""
    return file_of(to_csv(_report(run_id)), CSV_TYPE, "csv", _report(run_id))


@bp.get(f"{ANSWER}.xlsx")
@access(OPERATOR)
def download_xlsx(run_id: str) -> Response:
    """The report as a workbook."""
    return file_of(to_xlsx(_report(run_id)), XLSX_TYPE, "xlsx", _report(run_id))


@bp.get("/ops/plans/newest")
@access(OPERATOR)
def newest_plan() -> Response:
    """The plan drafted last, ready to be published; without one the page where plans begin."""
    found = queries.find_newest_plan(current_actor())
    if found is None:
        flash(
            gettext("There is no plan to publish yet. Say in one sentence what the campaign is to do."),
            "info",
        )
        return go_to("/ops/campaigns/new")
    return go_to(f"/ops/answers/{found.run_id}/plan")


@bp.get(f"{ANSWER}/plan")
@access(OPERATOR)
def edit_plan(run_id: str) -> Response:
    """A drafted plan in the campaigns' form, to be changed and published there."""
    found = _plan_answer(run_id)
    plan, _fixed = read_plan(found.plan or {})
    return show_plan(plan, found.query, found.debug.plan_fixed)


@bp.post(f"{ANSWER}/publish")
@access(OPERATOR)
def publish_plan(run_id: str) -> Response:
    """Publish a drafted plan as it is; its campaign's page shows the receipt as it comes in."""
    plan, _fixed = read_plan(_plan_answer(run_id).plan or {})
    try:
        submitted = in_transaction(partial(campaigns.submit, current_actor(), plan))
    except DomainError as error:
        db.session.rollback()
        flash(reason_text(error), "danger")
        return go_to(f"/ops/answers/{run_id}/plan")
    if not submitted.is_new:
        flash(gettext("This very plan was published before: here is its campaign."), "info")
    return go_to(f"/ops/campaigns/{submitted.campaign_id}")


def _plan_answer(run_id: str) -> DeskAnswer:
    found = queries.get_answer(current_actor(), run_id)
    if found.plan is None:
        raise NotFound()
    return found


def _report(run_id: str) -> ReportOut:
    found = queries.get_answer(current_actor(), run_id)
    if found.report is None:
        raise NotFound()
    return found.report


def file_of(body: bytes, media_type: str, ending: str, report: ReportOut) -> Response:
    """A report as a download, named after its days."""
    response = make_response(body)
    response.content_type = media_type
    days = f"-{report.period.start}-{report.period.end}" if report.period else ""
    response.headers["Content-Disposition"] = f'attachment; filename="report{days}.{ending}"'
    return response


def _frame(actor: Actor, session_id: str) -> dict[str, Any]:
    """What stands around the exchanges."""
    return {
        "session_id": session_id,
        "client_message_id": new_id(),
        "max_query": MAX_QUERY,
        "history": list_conversations(actor, HISTORY, purpose=OPERATIONS),
    }


def _follow(actor: Actor, run: RunKey) -> Response:
    """Show the answer that has begun: in the open page, or as the page again."""
    if not is_partial():
        wait_for(run.id, actor.locale, PATIENCE_SECONDS)
        return go_to(_address(run.conversation_id))
    # The stream's forms carry the token of this session, which must exist before the stream begins.
    generate_csrf()
    response = page(
        "operations/_asked.html",
        exchange=get_exchange(actor, run.id),
        **_frame(actor, run.conversation_id),
    )
    response.headers["HX-Replace-Url"] = _address(run.conversation_id)
    return trigger(response, "desk-asked")


def _refuse(error: DomainError) -> Response:
    """Why a sentence was not taken: beside the field, where there is one."""
    if error.status not in TOLD_HERE:
        raise error
    if not is_partial():
        flash(reason_text(error), "danger")
        session_id = request.form.get("session_id")
        return go_to(_address(session_id) if session_id else "/ops")
    response = page("operations/_refused.html", status=error.status, reason=reason_text(error))
    response.headers["HX-Reswap"] = "none"
    return response


def _address(session_id: str) -> str:
    return f"/ops?session={quote(session_id)}"
