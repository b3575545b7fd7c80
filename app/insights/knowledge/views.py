"""The knowledge base's pages: read, edit, and see which documents a question brings up and why."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.core.errors import N_
from app.db import in_transaction
from app.insights.knowledge import service
from app.insights.knowledge.forms import DocumentForm
from app.insights.knowledge.queries import get_document, list_documents
from app.insights.knowledge.rules import KINDS
from app.insights.knowledge.search import MAX_QUERY, answer
from app.semantic.reader import meaning
from app.semantic.state import REASONS
from app.web.auth import OPERATOR, access, current_actor
from app.web.forms import saved
from app.web.htmx import go_to, page
from app.web.i18n import current_locale

bp = Blueprint("knowledge", __name__)
LIST = "/ops/knowledge"
ONE = f"{LIST}/<key>"
KIND_LABELS = {
    "metric": N_("Figures"),
    "diagnosis": N_("Causes and checks"),
    "campaign": N_("Campaigns"),
    "risk": N_("Risks"),
}


@bp.get(LIST)
@access(OPERATOR)
def list_all() -> Response:
    """All documents by kind; with `q` the ones that the question brings up, and why."""
    query = request.args.get("q", "").strip()[:MAX_QUERY]
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    return page(
        "insights/knowledge.html",
        block="listing",
        query=query,
        kind=kind,
        kinds=KIND_LABELS,
        answer=answer(query, current_locale(), 8, kinds=(kind,) if kind else ()) if query else None,
        trouble="" if query else meaning().state().reason,
        reasons=REASONS,
        documents=[] if query else list_documents(kind),
    )


@bp.route(f"{LIST}/new", methods=["GET", "POST"])
@access(OPERATOR)
def new() -> Response:
    """A new document."""
    form = DocumentForm()
    actor = current_actor()
    if form.validate_on_submit():
        key = (form.key.data or "").strip()
        if _written(form, lambda: service.create_document(actor, key, form.text())):
            flash(gettext("The document is in the knowledge base."), "ok")
            return go_to(f"{LIST}/{key}")
    return page(
        "insights/document.html", form=form, document=None, status=422 if form.is_submitted() else 200
    )


@bp.route(ONE, methods=["GET", "POST"])
@access(OPERATOR)
def edit(key: str) -> Response:
    """A document and its form. 409 when somebody else changed it meanwhile."""
    form, actor = DocumentForm(), current_actor()
    document = get_document(key)
    if form.validate_on_submit():
        seen = form.seen.data or ""
        if _written(form, lambda: service.update_document(actor, key, form.text(), seen=seen)):
            flash(gettext("Saved."), "ok")
            return go_to(f"{LIST}/{key}")
        document = get_document(key)
    if request.method == "GET":
        form.show(document)
        return page("insights/document.html", form=form, document=document)
    is_overtaken = form.seen.data != service.stamp_of(document)
    if is_overtaken:
        # Saving again is a decision then: it is made in sight of what is there now.
        form.seen.raw_data, form.seen.data = None, service.stamp_of(document)
    return page("insights/document.html", form=form, document=document, status=409 if is_overtaken else 422)


@bp.post(f"{ONE}/delete")
@access(OPERATOR)
def delete(key: str) -> Response:
    """Take a document out for good."""
    actor = current_actor()
    in_transaction(lambda: service.delete_document(actor, key))
    flash(gettext("The document is deleted."), "ok")
    return go_to(LIST)


def _written(form: DocumentForm, write: Callable[[], object]) -> bool:
    return saved(form, lambda: in_transaction(write)) is not None
