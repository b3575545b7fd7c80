"""The console's pages of tools: switches of many, settings of one in a group, its documentation, a real call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.core.errors import N_, DomainError, InvalidParam
from app.db import db, in_transaction
from app.extensions import limiter
from app.mcp import membership
from app.mcp.documentation import bounds_in_words, documentation_of, kinds_in_words, pretty
from app.mcp.forms import ToolForm
from app.mcp.parameters import Parameter, parameters_of, read_all
from app.mcp.presentation import STATUS_LABELS, categories, tool_lines
from app.mcp.queries import ToolFilter, ToolRow, get_tool_row, list_groups, list_tool_rows
from app.mcp.schemas import MAX_BULK
from app.mcp.tools_api import TRIALS
from app.mcp.trial import Trial, try_tool
from app.web.auth import ADMIN, access, current_actor, local_path
from app.web.forms import saved
from app.web.htmx import go_to, page
from app.web.i18n import error_text
from app.web.routing import read_row_id

bp = Blueprint("mcp_tools", __name__)
LIST = "/admin/mcp/tools"
ONE = f"{LIST}/<int:tool_id>"
STATES: dict[str, bool | None] = {"": None, "on": True, "off": False}
MAX_WORDS = 100
FIXED, TYPED = "fixed-", "argument-"
Typed = Mapping[str, str]
NOTHING_CHOSEN = N_("Choose tools first.")
NO_GROUP = N_("Choose the group first.")


@bp.get(LIST)
@access(ADMIN)
def list_tools() -> Response:
    """All tools with their groups, by word, group, category and switch."""
    wanted, state = _wanted(), request.args.get("state", "")
    rows = list_tool_rows(wanted)
    chosen = {"q": wanted.q, "group": wanted.group_id, "category": wanted.category, "state": state}
    return page(
        "mcp/tools.html",
        block="listing",
        lines=tool_lines(rows),
        wanted=wanted,
        state=state if state in STATES else "",
        groups=list_groups(),
        categories=categories(),
        back=urlencode({name: value for name, value in chosen.items() if value}),
    )


def _wanted() -> ToolFilter:
    asked = request.args
    return ToolFilter(
        group_id=read_row_id(asked.get("group")),
        q=asked.get("q", "").strip()[:MAX_WORDS],
        category=asked.get("category", "")[:64],
        enabled=STATES.get(asked.get("state", "")),
    )


@bp.post(LIST)
@access(ADMIN)
def change_tools() -> Response:
    """Do to the ticked tools what the button says: on, off, into the group, out of it."""
    names = request.form.getlist("tools")[:MAX_BULK]
    group_id = read_row_id(request.form.get("scope"))
    try:
        if not names:
            raise InvalidParam(NOTHING_CHOSEN)
        flash(_changed(request.form.get("do", ""), names, group_id), "ok")
    except DomainError as error:
        db.session.rollback()
        flash(error_text(error), "danger")
    back = request.form.get("back", "")[:500]
    return go_to(local_path(f"{LIST}?{back}", LIST) if back else LIST)


def _changed(what: str, names: Sequence[str], group_id: int | None) -> str:
    """What was done, in the reader's language. Raises InvalidParam, NotFound."""
    actor = current_actor()
    if what in ("on", "off"):
        rows = list_tool_rows(ToolFilter(group_id=group_id))
        ids = [row.setting.id for row in rows if row.setting is not None and row.name in names]
        in_transaction(lambda: membership.switch_tools(actor, ids, enabled=what == "on"))
        return str(gettext("The tools are switched."))
    if group_id is None:
        raise InvalidParam(NO_GROUP)
    if what == "put":
        in_transaction(lambda: membership.put_in(actor, group_id, names))
        return str(gettext("The tools are in the group."))
    if what == "take":
        in_transaction(lambda: membership.take_out(actor, group_id, names))
        return str(gettext("The tools are out of the group."))
    raise InvalidParam()


@bp.get(ONE)
@access(ADMIN)
def show_tool(tool_id: int) -> Response:
    """A tool in a group: settings, documentation, a call."""
    return _page_of(get_tool_row(tool_id))


@bp.post(ONE)
@access(ADMIN)
def save_tool(tool_id: int) -> Response:
    """Save the settings. 409 when somebody else was faster."""
    row, actor, form = get_tool_row(tool_id), current_actor(), ToolForm()
    fixed, wrong = read_all(_own_parameters(row), _typed(FIXED))
    if form.validate_on_submit() and not wrong:
        done = saved(form, lambda: _save(actor, row, form, fixed))
        if done:
            flash(gettext("The tool is saved."), "ok")
            return go_to(f"{LIST}/{tool_id}")
    row = get_tool_row(tool_id)
    status = 422
    if row.setting is not None and (form.seen.data or "") != membership.stamp_of(row.setting):
        form.seen.raw_data, form.seen.data = None, membership.stamp_of(row.setting)
        status = 409
    return _page_of(row, form=form, fixed=_typed(FIXED), wrong=_in_words(wrong), status=status)


def _save(actor: Any, row: ToolRow, form: ToolForm, fixed: dict[str, Any]) -> bool:
    values = form.values()
    if row.spec is not None:
        values["fixed_arguments"] = fixed
    seen, setting_id = form.seen.data or "", row.setting.id if row.setting else 0
    in_transaction(lambda: membership.update_tool(actor, setting_id, values, seen=seen))
    return True


@bp.post(f"{ONE}/test")
@limiter.limit(TRIALS)
@access(ADMIN)
def try_one(tool_id: int) -> Response:
    """A real call with what was typed; with `approved` of what a person was shown."""
    row, typed = get_tool_row(tool_id), _typed(TYPED)
    documentation = documentation_of(row, "")
    arguments, wrong = read_all(documentation.parameters if documentation else (), typed)
    if wrong:
        return _page_of(row, typed=typed, mistakes=_in_words(wrong), status=422)
    approved = (request.form.get("approved") or "")[:64] or None
    try:
        trial = try_tool(current_actor(), tool_id, arguments, approved=approved)
    except DomainError as error:
        if error.status == 404:
            raise
        return _page_of(get_tool_row(tool_id), typed=typed, problem=error_text(error), status=error.status)
    return _page_of(get_tool_row(tool_id), typed=typed, trial=trial, mistakes=_mistakes(trial))


def _mistakes(trial: Trial) -> dict[str, str]:
    error = trial.shown.get("error")
    fields = error.get("fields") if isinstance(error, dict) else None
    return {str(name): str(text) for name, text in fields.items()} if isinstance(fields, dict) else {}


def _in_words(wrong: Typed) -> dict[str, str]:
    return {name: gettext(text) for name, text in wrong.items()}


def _typed(prefix: str) -> dict[str, str]:
    """The inputs that the schema made, by argument."""
    return {name.removeprefix(prefix): text for name, text in request.form.items() if name.startswith(prefix)}


def _own_parameters(row: ToolRow) -> list[Parameter]:
    """All arguments of the tool, fixed or not."""
    return parameters_of(row.spec.input_schema()) if row.spec else []


def _page_of(
    row: ToolRow,
    *,
    form: ToolForm | None = None,
    fixed: Typed | None = None,
    wrong: Typed | None = None,
    typed: Typed | None = None,
    mistakes: Typed | None = None,
    trial: Trial | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    assert row.setting is not None and row.group is not None  # noqa: S101 - of get_tool_row
    if form is None:
        form = ToolForm(formdata=None)
        form.show(row.setting)
    own = _own_parameters(row)
    if fixed is None:
        kept = row.setting.fixed_arguments or {}
        fixed = {one.name: one.typed(kept.get(one.name)) for one in own}
    address = f"{request.url_root.rstrip('/')}/mcp/{row.group.server_code}"
    others = [one for one in list_tool_rows() if one.name == row.name and one.setting is not None]
    return page(
        "mcp/tool.html",
        block="trial" if request.path.endswith("/test") else None,
        status=status,
        row=row,
        setting=row.setting,
        group=row.group,
        form=form,
        own=own,
        fixed=fixed,
        wrong=wrong or {},
        documentation=documentation_of(row, address),
        typed=typed or {},
        mistakes=mistakes or {},
        trial=trial,
        shown=pretty(trial.shown) if trial else "",
        problem=problem,
        others=others,
        kinds_in_words=kinds_in_words,
        bounds_in_words=bounds_in_words,
        status_labels=STATUS_LABELS,
    )
