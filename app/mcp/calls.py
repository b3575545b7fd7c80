"""Listing and calling a group's tools, and what comes of it in the protocol's terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from flask_babel import gettext

from app.accounts.queries import find_roles
from app.core.actor import Actor
from app.core.errors import N_, DomainError, Forbidden, InvalidParam, NotFound
from app.db import db
from app.mcp.visit import Visit
from app.members.queries import find_membership
from app.runtime import settings
from app.tools import call_log
from app.tools.cancellation import Cancellation
from app.tools.executor import ToolResult, execute
from app.tools.groups import ON_BEHALF_OF, Group
from app.tools.limits import shorten, to_json
from app.tools.queries import Offer, get_tool, list_tools
from app.tools.spec import ToolSpec
from app.web.i18n import error_text

USER_ID = "user_id"
ACTS_FOR = {
    "zh": "代表哪位顾客操作(顾客的编号)",
    "en": "The customer on whose behalf this is done (the user's id)",
}


class UnknownTool(Exception):
    """There is no such tool for this key, for whatever reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a client wants done. `approved` is the fingerprint of what a person said yes to."""

    name: str
    arguments: dict[str, Any]
    approved: str | None = None


def list_offers(visit: Visit) -> list[types.Tool]:
    """The caller's tools, described in the visitor's language. Raises Unauthorized."""
    group = visit.group()
    return [described(offer, group, visit.locale) for offer in list_tools(visit.actor())]


def call_tool(
    visit: Visit, call: Call, cancellation: Cancellation, on_text: Callable[[str], None] | None = None
) -> ToolResult:
    """Call a tool through the executor. Raises UnknownTool; Unauthorized when the group is gone."""
    group, actor = visit.group(), visit.actor()
    try:
        spec, _ = get_tool(actor, call.name)
    except NotFound:
        # The executor refuses it too, and logs who tried.
        execute(actor, call.name, call.arguments, caller=visit.caller)
        raise UnknownTool from None
    try:
        actor, arguments = _acting(actor, group, spec, call.arguments)
    except DomainError as error:
        return _refused(visit, call, error)
    return execute(
        actor,
        call.name,
        arguments,
        caller=visit.caller,
        cancellation=cancellation,
        approved=call.approved,
        on_text=on_text,
    )


def as_result(result: ToolResult) -> types.CallToolResult:
    """What a tool said, as text and as structured content; what went wrong is a result too, marked as an error."""
    body, limit = result.full or result.result, settings().mcp_result_max_chars
    text = to_json(body)
    if len(text) > limit:
        body, _ = shorten(body, limit)
        text = to_json(body)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content=body,
        is_error=result.status != "ok",
    )


def described(offer: Offer, group: Group | None, locale: str) -> types.Tool:
    """A tool as a client is told of it."""
    spec = offer.spec
    schema = offer.input_schema()
    if _takes_user(group, spec):
        told = {"type": "integer", "minimum": 1, "description": ACTS_FOR[locale]}
        schema = {**schema, "properties": {**schema.get("properties", {}), USER_ID: told}}
    return types.Tool(
        name=spec.name,
        description=offer.description(locale),
        input_schema=schema,
        annotations=types.ToolAnnotations(
            read_only_hint=not (spec.writes or spec.confirm),
            destructive_hint=spec.confirm,
            open_world_hint=spec.is_elsewhere,
        ),
    )


def _takes_user(group: Group | None, spec: ToolSpec) -> bool:
    """Whether a call may name the person it is for; a tool with a `user_id` of its own means something else by it.

    A program that comes for a person (no key, so no group) acts for nobody else.
    """
    if group is None:
        return False
    return ON_BEHALF_OF in group.rights and USER_ID not in spec.input_schema().get("properties", {})


def _acting(
    actor: Actor, group: Group | None, spec: ToolSpec, arguments: dict[str, Any]
) -> tuple[Actor, dict[str, Any]]:
    """Who acts, and the tool's own arguments. Raises InvalidParam, NotFound, Forbidden."""
    if group is None or not _takes_user(group, spec) or arguments.get(USER_ID) is None:
        return actor, arguments
    user_id = arguments[USER_ID]
    if not isinstance(user_id, int) or isinstance(user_id, bool) or not 0 < user_id < 2**31:
        raise InvalidParam(fields={USER_ID: N_("This is not the number of a user.")})
    try:
        roles = find_roles(user_id) & group.roles
        if not roles:
            raise NotFound(N_("There is no such customer."))
        _check_tier(group, user_id)
    finally:
        # The tool has a session of its own; ours would hold its connection all the while.
        db.session.rollback()
    acting = Actor(
        user_id=user_id,
        roles=roles,
        locale=actor.locale,
        origin=actor.origin,
        group_id=group.id,
    )
    return acting, {name: value for name, value in arguments.items() if name != USER_ID}


def _check_tier(group: Group, user_id: int) -> None:
    if not group.tiers:
        return
    membership = find_membership(user_id)
    if membership is None or str(membership.level) not in group.tiers:
        raise Forbidden(N_("This key does not serve customers of this level."))


def _refused(visit: Visit, call: Call, error: DomainError) -> ToolResult:
    """What the executor never saw has its row in the log all the same."""
    told: dict[str, Any] = {"code": error.code, "message": error_text(error)}
    if error.fields:
        told["fields"] = {name: gettext(text) for name, text in error.fields.items()}
    result = ToolResult(status="denied", result={"error": told})
    call_log.record(call.name, visit.group_id, visit.caller, call.arguments, result)
    return result
