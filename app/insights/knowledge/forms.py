"""The form of a document. Its bounds are `rules.check_document`'s."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, StringField, TextAreaField

from app.insights.knowledge.models import KnowledgeDocument
from app.insights.knowledge.rules import DocumentText, check_document
from app.insights.knowledge.service import stamp_of
from app.web.forms import ServiceForm


class DocumentForm(ServiceForm):
    """A document in both languages; `key` only for a new one, `seen` marks the state that was shown."""

    key = StringField(_("Key"))
    tags = StringField(_("Tags"))
    title = StringField(_("Chinese title"))
    content = TextAreaField(_("Chinese text"))
    title_en = StringField(_("English title"))
    content_en = TextAreaField(_("English text"))
    seen = HiddenField()

    def show(self, document: KnowledgeDocument) -> None:
        """Fill the fields with a document."""
        for name in ("key", "title", "content", "title_en", "content_en"):
            self[name].data = getattr(document, name)
        self.tags.data = ", ".join(document.tags)
        self.seen.data = stamp_of(document)

    def text(self) -> DocumentText:
        """What was typed. Raises InvalidParam."""
        return check_document(
            title=self.title.data or "",
            content=self.content.data or "",
            title_en=self.title_en.data or "",
            content_en=self.content_en.data or "",
            tags=(self.tags.data or "").replace("，", ",").split(","),
        )
