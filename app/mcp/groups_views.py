"""The console's pages of tool groups: what each may do, its key, and which tools are in it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.core.errors import N_, Conflict
from app.db import in_transaction
from app.extensions import limiter
from app.mcp import service
from app.mcp.forms import GroupForm
from app.mcp.groups_api import KEYS, made_key, revoke, shown_key, told_of
from app.mcp.keys import masked_key
from app.mcp.presentation import (
    RIGHT_HINTS,
    RIGHT_LABELS,
    ROLE_LABELS,
    grace_choices,
    group_lines,
    tool_choices,
)
from app.mcp.queries import get_group_by_id, list_tool_rows, names_in
from app.mcp.rules import GRACES
from app.tools.models import ToolGroup
from app.web.auth import ADMIN, access, current_actor
from app.web.forms import saved
from app.web.htmx import go_to, page
from app.web.i18n import error_text
from app.web.routing import read_row_id

bp = Blueprint("mcp_groups", __name__)
LIST = "/admin/mcp/groups"
ONE = f"{LIST}/<int:group_id>"
LABELS: dict[str, Any] = {
    "role_labels": ROLE_LABELS,
    "right_labels": RIGHT_LABELS,
    "right_hints": RIGHT_HINTS,
}
NOT_SURE = N_("Tick the box first: nothing was changed.")
WRONG_CODE = N_("This is not the group's code. Nothing was deleted.")


@bp.get(LIST)
@access(ADMIN)
def list_groups() -> Response:
    """All groups."""
    return page("mcp/groups.html", lines=group_lines(list_tool_rows()), **LABELS)


@bp.route(f"{LIST}/new", methods=["GET", "POST"])
@access(ADMIN)
def new_group() -> Response:
    """A new group; its key is shown once it is made."""
    form = GroupForm().offer()
    if form.validate_on_submit():
        made = saved(form, lambda: _create(form))
        if made is not None:
            group_id, key = made
            flash(gettext("The group is there. This is its key."), "ok")
            return _page_of(get_group_by_id(group_id), key=key)
    status = 422 if form.is_submitted() else 200
    return page("mcp/group_new.html", form=form, tools=tool_choices(), status=status, **LABELS)


def _create(form: GroupForm) -> tuple[int, str]:
    actor, values = current_actor(), form.values()

    def work() -> tuple[int, str]:
        group, key = service.create_group(actor, values)
        return group.id, key

    return in_transaction(work)


@bp.get(ONE)
@access(ADMIN)
def show_group(group_id: int) -> Response:
    """A group: its key and its settings."""
    return _page_of(get_group_by_id(group_id))


@bp.post(ONE)
@access(ADMIN)
def save_group(group_id: int) -> Response:
    """Save the form. 409 when somebody else was faster."""
    code = get_group_by_id(group_id).server_code
    actor, form = current_actor(), GroupForm().offer()
    if form.validate_on_submit():
        values, seen = form.values(), form.seen.data or ""
        done = saved(
            form,
            lambda: in_transaction(
                lambda: service.update_group(actor, group_id, values, seen=seen).server_code
            ),
        )
        if done is not None:
            flash(told_of(code, done), "ok")
            return go_to(f"{LIST}/{group_id}")
    group = get_group_by_id(group_id)
    if (form.seen.data or "") == service.stamp_of(group):
        return _page_of(group, form=form, status=422)
    # Saving again is a decision then: it is made in sight of what is there now.
    form.seen.raw_data = None
    form.seen.data = service.stamp_of(group)
    return _page_of(group, form=form, status=409)


@bp.post(f"{ONE}/key")
@limiter.limit(KEYS)
@access(ADMIN)
def show_key(group_id: int) -> Response:
    """The key in clear; a POST, so that no browser fetches it ahead."""
    try:
        return _page_of(get_group_by_id(group_id), key=shown_key(group_id))
    except Conflict as error:
        return _page_of(get_group_by_id(group_id), problem=error_text(error), status=409)


@bp.post(f"{ONE}/key/new")
@limiter.limit(KEYS)
@access(ADMIN)
def new_key(group_id: int) -> Response:
    """A new key, shown at once; the old one goes on for the grace that was chosen."""
    grace = read_row_id(request.form.get("grace"))
    if not request.form.get("sure") or grace not in GRACES:
        return _page_of(get_group_by_id(group_id), problem=gettext(NOT_SURE), status=422)
    key = made_key(group_id, grace)
    return _page_of(get_group_by_id(group_id), key=key)


@bp.post(f"{ONE}/key/revoke")
@access(ADMIN)
def revoke_key(group_id: int) -> Response:
    """No key any more, the replaced one included."""
    if not request.form.get("sure"):
        return _page_of(get_group_by_id(group_id), problem=gettext(NOT_SURE), status=422)
    revoke(group_id)
    return _page_of(get_group_by_id(group_id))


@bp.post(f"{ONE}/delete")
@access(ADMIN)
def delete_group(group_id: int) -> Response:
    """Delete it, when its code was typed."""
    group = get_group_by_id(group_id)
    if (request.form.get("code") or "").strip() != group.server_code:
        return _page_of(group, wrong_code=gettext(WRONG_CODE), status=422)
    actor = current_actor()
    in_transaction(lambda: service.delete_group(actor, group_id))
    flash(gettext("The group is deleted."), "ok")
    return go_to(LIST)


def _page_of(
    group: ToolGroup,
    *,
    form: GroupForm | None = None,
    key: str = "",
    problem: str = "",
    wrong_code: str = "",
    status: int = 200,
) -> Response:
    names = names_in(group.id)
    if form is None:
        form = GroupForm(formdata=None).offer()
        form.show(group, names)
    # htmx asks for the panel of the key only.
    block = "key" if request.path.startswith(f"{LIST}/{group.id}/key") else None
    return page(
        "mcp/group.html",
        block=block,
        status=status,
        group=group,
        form=form,
        tools=tool_choices(names),
        names=names,
        key=key,
        key_masked=masked_key(group.api_key),
        problem=problem,
        wrong_code=wrong_code,
        graces=grace_choices(),
        address=f"{request.url_root.rstrip('/')}/mcp",
        **LABELS,
    )
