"""Forms whose rules are the service's: the form only reads what was typed, and shows why it was not saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask_babel import gettext
from flask_wtf import FlaskForm
from pydantic import ValidationError

from app.core.errors import DomainError
from app.db import db
from app.web.field_messages import field_messages
from app.web.i18n import error_text

Done = TypeVar("Done")


class ServiceForm(FlaskForm):
    """A form that shows what the service found wrong."""

    def refuse(self, error: DomainError | ValidationError) -> None:
        """Show why it was not saved: at the fields it is about, else at the form."""
        if isinstance(error, ValidationError):
            texts, told = field_messages(error), ""
        else:
            texts, told = {name: gettext(text) for name, text in error.fields.items()}, error_text(error)
            if texts and (error.message == error.default_message or told in texts.values()):
                told = ""
        if told:
            self.form_errors.append(told)
        for name, text in texts.items():
            self.put(name, text)

    def put(self, place: str, text: str) -> None:
        """Show a text at a field, at the form where there is no such field."""
        name = place.partition(".")[0]
        if name in self:
            self[name].errors = [*self[name].errors, text]
        else:
            self.form_errors.append(text)


def saved(form: ServiceForm, write: Callable[[], Done]) -> Done | None:
    """What was written; None when it was refused, the reasons then stand on the form. Raises NotFound."""
    try:
        return write()
    except ValidationError as error:
        form.refuse(error)
    except DomainError as error:
        if error.status == 404:
            raise
        form.refuse(error)
    db.session.rollback()
    return None
