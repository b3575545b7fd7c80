"""JSON API of tool groups and their keys, for admins. Answers are `{success, data, message}`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_babel import gettext

from app.core.crypto import SealBroken
from app.core.errors import N_, Conflict
from app.db import in_transaction
from app.mcp import membership, service
from app.mcp.queries import get_group_by_id, list_groups, names_by_group, names_in
from app.mcp.schemas import (
    GroupIn,
    GroupOut,
    GroupPatch,
    GroupWithKey,
    KeyOut,
    MembersIn,
    RegenerateIn,
    changes_of,
    group_json,
    group_with_key_json,
    key_json,
)
from app.web.answers import Answer
from app.web.api import endpoint
from app.web.auth import ADMIN, current_actor

bp = Blueprint("mcp_groups_api", __name__)
ALL = "/api/v1/mcp/groups"
ONE = f"{ALL}/<int:group_id>"
KEYS = "60 per minute"
NO_STORE = {"Cache-Control": "no-store"}
KEY_UNREADABLE = N_("The stored key cannot be opened, since SECRET_KEY was changed. Make a new key.")
WithHeaders = tuple[Answer[Any], int, dict[str, str]]


@endpoint(
    bp, ALL, who=ADMIN, summary="All tool groups, their keys masked", answers={200: Answer[list[GroupOut]]}
)
def get_groups() -> Answer[list[GroupOut]]:
    names = names_by_group()
    return Answer(data=[group_json(group, names.get(group.id, ())) for group in list_groups()])


@endpoint(
    bp,
    ALL,
    method="POST",
    who=ADMIN,
    summary="Make a tool group; the answer has its key in clear",
    body=GroupIn,
    answers={201: Answer[GroupWithKey]},
    errors=(409,),
)
def post_group(body: GroupIn) -> WithHeaders:
    actor, values = current_actor(), body.model_dump()

    def work() -> tuple[int, str]:
        group, key = service.create_group(actor, values)
        return group.id, key

    group_id, key = in_transaction(work)
    made = group_with_key_json(get_group_by_id(group_id), names_in(group_id), key)
    headers = {**NO_STORE, "Location": f"{ALL}/{group_id}"}
    return Answer(data=made, message=gettext("The group is there.")), 201, headers


@endpoint(bp, ONE, who=ADMIN, summary="A tool group", answers={200: Answer[GroupOut]}, errors=(404,))
def get_one_group(group_id: int) -> Answer[GroupOut]:
    return Answer(data=group_json(get_group_by_id(group_id), names_in(group_id)))


@endpoint(
    bp,
    ONE,
    method="PATCH",
    who=ADMIN,
    summary="Change a tool group; acts at once in every process",
    body=GroupPatch,
    answers={200: Answer[GroupOut]},
    errors=(404, 409),
)
def patch_group(group_id: int, body: GroupPatch) -> Answer[GroupOut]:
    actor, changes = current_actor(), changes_of(body)
    code = get_group_by_id(group_id).server_code
    in_transaction(lambda: service.update_group(actor, group_id, changes))
    group = get_group_by_id(group_id)
    return Answer(data=group_json(group, names_in(group_id)), message=told_of(code, group.server_code))


def told_of(old_code: str, code: str) -> str:
    """What a change means for the group's clients, in the reader's language."""
    if old_code == code:
        return str(gettext("The group is saved."))
    told = gettext(
        "The group is saved. Clients that use /mcp/%(old)s must be changed to /mcp/%(code)s; those that use /mcp "
        "go on as they are.",
        old=old_code,
        code=code,
    )
    return str(told)


@endpoint(
    bp,
    ONE,
    method="DELETE",
    who=ADMIN,
    summary="Delete a tool group and its key; what was logged of it stays",
    answers={200: Answer[None]},
    errors=(404,),
)
def delete_group(group_id: int) -> Answer[None]:
    actor = current_actor()
    in_transaction(lambda: service.delete_group(actor, group_id))
    return Answer(data=None, message=gettext("The group is deleted."))


@endpoint(
    bp,
    f"{ONE}/api-key",
    who=ADMIN,
    summary="The group's key in clear; that it was shown is logged",
    answers={200: Answer[KeyOut]},
    errors=(404, 409, 429),
    limit=KEYS,
)
def get_key(group_id: int) -> WithHeaders:
    group = get_group_by_id(group_id)
    return Answer(data=key_json(group, shown_key(group_id))), 200, NO_STORE


def shown_key(group_id: int) -> str:
    """A group's key in clear. Raises NotFound without one, Conflict KEY_UNREADABLE."""
    actor = current_actor()
    try:
        return in_transaction(lambda: service.show_key(get_group_by_id(group_id), actor=actor))
    except SealBroken as error:
        raise Conflict(KEY_UNREADABLE, code="KEY_UNREADABLE") from error


@endpoint(
    bp,
    f"{ONE}/regenerate-key",
    method="POST",
    who=ADMIN,
    summary="Make a new key; the old one goes on for `grace_seconds`",
    body=RegenerateIn,
    answers={200: Answer[KeyOut]},
    errors=(404, 429),
    limit=KEYS,
)
def post_regenerate(group_id: int, body: RegenerateIn) -> WithHeaders:
    key = made_key(group_id, body.grace_seconds)
    data, message = key_json(get_group_by_id(group_id), key), gettext("The group has a new key.")
    return Answer(data=data, message=message), 200, NO_STORE


def made_key(group_id: int, grace_seconds: int) -> str:
    """A new key of a group. Raises NotFound."""
    actor = current_actor()
    return in_transaction(
        lambda: service.regenerate_key(
            get_group_by_id(group_id, for_update=True), grace_seconds=grace_seconds, actor=actor
        )
    )


@endpoint(
    bp,
    f"{ONE}/api-key",
    method="DELETE",
    who=ADMIN,
    summary="Revoke the group's key, and the one before it; nobody gets in until there is a new one",
    answers={200: Answer[GroupOut]},
    errors=(404,),
)
def delete_key(group_id: int) -> Answer[GroupOut]:
    revoke(group_id)
    group = get_group_by_id(group_id)
    return Answer(data=group_json(group, names_in(group_id)), message=gettext("The key is revoked."))


def revoke(group_id: int) -> None:
    """Leave a group without a key. Raises NotFound."""
    actor = current_actor()
    in_transaction(lambda: service.revoke_key(get_group_by_id(group_id, for_update=True), actor=actor))


@endpoint(
    bp,
    f"{ONE}/tools",
    method="POST",
    who=ADMIN,
    summary="Put tools into a group, switched on; those in it stay as they are",
    body=MembersIn,
    answers={200: Answer[GroupOut]},
    errors=(404,),
)
def post_members(group_id: int, body: MembersIn) -> Answer[GroupOut]:
    actor = current_actor()
    in_transaction(lambda: membership.put_in(actor, group_id, body.tools))
    return get_one_group(group_id)


@endpoint(
    bp,
    f"{ONE}/tools",
    method="DELETE",
    who=ADMIN,
    summary="Take tools out of a group, with what is set for them in it",
    body=MembersIn,
    answers={200: Answer[GroupOut]},
    errors=(404,),
)
def delete_members(group_id: int, body: MembersIn) -> Answer[GroupOut]:
    actor = current_actor()
    in_transaction(lambda: membership.take_out(actor, group_id, body.tools))
    return get_one_group(group_id)
