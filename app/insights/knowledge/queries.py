"""Reads of the knowledge base."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from app.core.errors import NotFound
from app.db import db
from app.insights.knowledge.models import KnowledgeDocument


def list_documents(kind: str = "") -> Sequence[KnowledgeDocument]:
    """All documents, or those of one kind (rules.KINDS), by key."""
    rows = db.session.scalars(select(KnowledgeDocument).order_by(KnowledgeDocument.key)).all()
    return [row for row in rows if not kind or row.tags[:1] == [kind]]


def get_document(key: str, *, for_update: bool = False) -> KnowledgeDocument:
    """Raises NotFound."""
    statement = select(KnowledgeDocument).where(KnowledgeDocument.key == key[:60])
    if for_update:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    document = db.session.scalars(statement).first()
    if document is None:
        raise NotFound()
    return document


def version_of_documents() -> str:
    """A text that is another after every change of any document."""
    count, latest, ids = db.session.execute(
        select(
            func.count(),
            func.max(KnowledgeDocument.updated_at),
            func.coalesce(func.sum(KnowledgeDocument.id), 0),
        )
    ).one()
    return f"{count} {latest} {ids}"
