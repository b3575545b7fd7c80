"""The console's form of a canned reply. Bounds and rules are those of `canned`."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, StringField, TextAreaField

from app.consultants.canned import FIELDS
from app.web.forms import ServiceForm


class CannedReplyForm(ServiceForm):
    """A code and its text in both languages."""

    code = StringField(_("Code"))
    text_zh = TextAreaField(_("Text in Chinese"))
    text_en = TextAreaField(_("Text in English"))
    enabled = BooleanField(_("In use"))

    def values(self) -> dict[str, Any]:
        """What was typed."""
        return {name: self[name].data for name in FIELDS}
