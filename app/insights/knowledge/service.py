"""Writing the knowledge base. Operators and admins; the edge commits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.audit.service import record
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict
from app.db import db
from app.insights.knowledge.files import DocumentFile
from app.insights.knowledge.meaning import COLLECTION
from app.insights.knowledge.models import KnowledgeDocument
from app.insights.knowledge.queries import get_document
from app.insights.knowledge.rules import DocumentText, check_key
from app.semantic.requests import request_after_commit

EDITORS = (Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What loading did, in numbers of documents. `kept` were edited by a person and left as they are."""

    added: int = 0
    changed: int = 0
    kept: int = 0
    same: int = 0


def load_documents(files: Iterable[DocumentFile], *, overwrite: bool = False) -> Loaded:
    """Bring the documents that come with the program up to date; with `overwrite` edited ones too."""
    known = {each.key: each for each in db.session.scalars(select(KnowledgeDocument))}
    done = {"added": 0, "changed": 0, "kept": 0, "same": 0}
    for file in files:
        done[_load(known.get(file.key), file, overwrite)] += 1
    db.session.flush()
    request_after_commit(COLLECTION)
    return Loaded(**done)


def _load(document: KnowledgeDocument | None, file: DocumentFile, overwrite: bool) -> str:
    if document is None:
        db.session.add(KnowledgeDocument(key=file.key, digest=file.digest, **_columns(file.text)))
        return "added"
    if document.edited_at is not None and not overwrite:
        return "kept"
    if document.digest == file.digest and document.edited_at is None:
        return "same"
    _write(document, file.text)
    document.digest, document.edited_at, document.edited_by = file.digest, None, None
    return "changed"


def create_document(actor: Actor, key: str, text: DocumentText) -> KnowledgeDocument:
    """A new document. Raises Forbidden, InvalidParam, Conflict KEY_TAKEN."""
    actor.require_role(*EDITORS)
    document = KnowledgeDocument(
        key=check_key(key), edited_at=now(), edited_by=actor.user_id, **_columns(text)
    )
    db.session.add(document)
    try:
        db.session.flush()
    except IntegrityError as error:
        taken = N_("There is a document with this key already.")
        raise Conflict(taken, code="KEY_TAKEN", fields={"key": taken}) from error
    request_after_commit(COLLECTION)
    record(actor, "document.created", key, name=text.title)
    return document


def update_document(actor: Actor, key: str, text: DocumentText, *, seen: str) -> KnowledgeDocument:
    """Change a document. `seen` is its `stamp_of` when the form was made.

    Raises Forbidden, NotFound, Conflict EDIT_CONFLICT when somebody else was faster.
    """
    actor.require_role(*EDITORS)
    document = get_document(key, for_update=True)
    if seen != stamp_of(document):
        raise Conflict(N_("Somebody else changed this document meanwhile."), code="EDIT_CONFLICT")
    _write(document, text)
    document.edited_at, document.edited_by = now(), actor.user_id
    db.session.flush()
    request_after_commit(COLLECTION)
    record(actor, "document.changed", key, name=text.title)
    return document


def delete_document(actor: Actor, key: str) -> None:
    """Take a document out. Raises Forbidden, NotFound."""
    actor.require_role(*EDITORS)
    document = get_document(key, for_update=True)
    record(actor, "document.deleted", key, name=document.title)
    db.session.delete(document)
    db.session.flush()
    request_after_commit(COLLECTION)


def stamp_of(document: KnowledgeDocument) -> str:
    """Marks a state of a document: it is another after every change."""
    return f"{document.updated_at:%Y%m%d%H%M%S%f}"


def _write(document: KnowledgeDocument, text: DocumentText) -> None:
    for name, value in _columns(text).items():
        setattr(document, name, value)
    document.updated_at = now()


def _columns(text: DocumentText) -> dict[str, object]:
    return {**asdict(text), "tags": list(text.tags)}
