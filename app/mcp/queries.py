"""Reads of tool groups and of the tools in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.core.errors import N_, NotFound
from app.db import db
from app.tools.models import ToolGroup, ToolSetting
from app.tools.registry import registry
from app.tools.spec import ToolSpec


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


def get_group_by_id(group_id: int, *, for_update: bool = False) -> ToolGroup:
    """A group as it is now; locked when it is to be changed. Raises NotFound."""
    statement = select(ToolGroup).where(ToolGroup.id == group_id).execution_options(populate_existing=True)
    group = db.session.scalar(statement.with_for_update() if for_update else statement)
    if group is None:
        raise NotFound()
    return group


def get_setting(setting_id: int, *, for_update: bool = False) -> ToolSetting:
    """A tool in a group as it is now; locked when it is to be changed. Raises NotFound."""
    statement = (
        select(ToolSetting).where(ToolSetting.id == setting_id).execution_options(populate_existing=True)
    )
    setting = db.session.scalar(statement.with_for_update() if for_update else statement)
    if setting is None:
        raise NotFound()
    return setting


def names_in(group_id: int) -> list[str]:
    """The names of a group's tools, switched off ones too, in the order they were put in."""
    statement = select(ToolSetting.tool_name).where(ToolSetting.group_id == group_id).order_by(ToolSetting.id)
    return list(db.session.scalars(statement))


def names_by_group() -> Mapping[int, list[str]]:
    """`names_in` of all groups; a group without tools is not in it."""
    found: dict[int, list[str]] = {}
    statement = select(ToolSetting.group_id, ToolSetting.tool_name).order_by(ToolSetting.id)
    for group_id, name in db.session.execute(statement):
        found.setdefault(group_id, []).append(name)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFilter:
    """Which tools: in a group, by a word of name and description, of a category, switched on or off."""

    group_id: int | None = None
    q: str = ""
    category: str = ""
    enabled: bool | None = None

    def takes(self, name: str, spec: ToolSpec | None, setting: ToolSetting | None) -> bool:
        """Whether a tool is wanted; `setting` None is a tool in no group, `spec` None one that is not there now."""
        if self.group_id is not None and (setting is None or setting.group_id != self.group_id):
            return False
        if self.enabled is not None and (setting is not None and setting.enabled) != self.enabled:
            return False
        if self.category and (spec is None or spec.category != self.category):
            return False
        return self._has_words(name, spec, setting)

    def _has_words(self, name: str, spec: ToolSpec | None, setting: ToolSetting | None) -> bool:
        texts = [name, *(spec.descriptions.values() if spec else ()), setting.description if setting else ""]
        told = " ".join(texts).casefold()
        return all(word in told for word in self.q.casefold().split())


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A tool with what is set for it in a group; without a group where it is in none."""

    name: str
    spec: ToolSpec | None
    setting: ToolSetting | None = None
    group: ToolGroup | None = None


def get_tool_row(setting_id: int) -> ToolRow:
    """A tool in a group. Raises NotFound."""
    setting = get_setting(setting_id)
    group = get_group_by_id(setting.group_id)
    return ToolRow(setting.tool_name, registry.find(setting.tool_name), setting, group)


def list_tool_rows(wanted: ToolFilter | None = None) -> list[ToolRow]:
    """Every tool in every group, then those in no group, by category and name. Two statements."""
    wanted = wanted or ToolFilter()
    groups = {group.id: group for group in list_groups()}
    settings = db.session.scalars(select(ToolSetting).order_by(ToolSetting.id)).all()
    placed = {setting.tool_name for setting in settings}
    rows = [
        ToolRow(one.tool_name, registry.find(one.tool_name), one, groups.get(one.group_id))
        for one in settings
    ]
    rows += [ToolRow(spec.name, spec) for spec in registry if spec.name not in placed]
    found = [row for row in rows if wanted.takes(row.name, row.spec, row.setting)]
    return sorted(found, key=lambda row: (row.spec.category if row.spec else "~", row.name))
