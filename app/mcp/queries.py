"""Reads of tool groups."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.core.errors import N_, NotFound
from app.db import db
from app.tools.models import ToolGroup


def list_groups() -> Sequence[ToolGroup]:
    """All groups, oldest first."""
    return db.session.scalars(select(ToolGroup).order_by(ToolGroup.id)).all()


def find_group(code: str) -> ToolGroup | None:
    """A group by its server code."""
    return db.session.scalars(select(ToolGroup).where(ToolGroup.server_code == code)).first()


def get_group(code: str) -> ToolGroup:
    """Raises NotFound."""
    group = find_group(code)
    if group is None:
        raise NotFound(N_("There is no group called %(code)s."), code=code[:40])
    return group
