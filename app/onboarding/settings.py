"""Reading and changing the automation's settings: rows in the database, read anew for every run."""

from __future__ import annotations

from collections.abc import Mapping
from logging import getLogger
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from app.audit.service import changed, record
from app.core.actor import Actor, Role
from app.core.clock import now
from app.db import db
from app.onboarding.models import AutomationSetting
from app.onboarding.values import Values

log = getLogger(__name__)


def read_values() -> Values:
    """The settings as they are now."""
    rows = db.session.execute(select(AutomationSetting.name, AutomationSetting.value))
    stored = {row.name: row.value for row in rows if row.name in Values.model_fields}
    try:
        return Values.model_validate(stored)
    except ValidationError:
        # An older version's row: the rest still counts.
        log.exception("automation_settings_unreadable")
        return Values()


def change_values(actor: Actor, changes: Mapping[str, Any]) -> Values:
    """Change what is named, for an admin. Raises Unauthorized, Forbidden, pydantic's ValidationError."""
    actor.require_role(Role.ADMIN)
    before = read_values()
    after = Values.model_validate({**before.model_dump(), **changes})
    old, new = before.model_dump(), after.model_dump()
    different = {name: new[name] for name in new if new[name] != old[name]}
    for name, value in different.items():
        db.session.merge(
            AutomationSetting(name=name, value=value, updated_by=actor.user_id, updated_at=now())
        )
    db.session.flush()
    if different:
        told = {name: changed(old[name], new[name]) for name in different}
        record(actor, "automation.changed", "registration", told)
    return after
