"""Programs that come to `/mcp` with an OAuth token: for whom, and what a call needs that the person did not allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from logging import getLogger
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy.exc import OperationalError

from app.core.errors import NotFound
from app.core.ids import digest
from app.db import db, in_transaction
from app.mcp.limits import check_request
from app.mcp.visit import Person, Visit
from app.oauth.queries import AccessGranted, find_access
from app.oauth.reach import actor_at
from app.oauth.resources import Resource
from app.oauth.service import is_worth_noting, note_use
from app.tools.groups import find_group_by_code
from app.tools.queries import get_tool
from app.web.aio import serving_loop
from app.web.auth import request_id
from app.web.i18n import current_locale

log = getLogger(__name__)


def find_visit(token: str, resource: Resource) -> tuple[Visit, Callable[[], bool]] | None:
    """The visit of a token's holder at a resource, and whether it may go on later; None when the token is no good.

    Raises RateLimited.
    """
    token_hash = digest(token)
    granted = _find_granted(token_hash, resource)
    if granted is None:
        return None
    group = find_group_by_code(resource.code) if resource.code else None
    check_request(group, granted.user_id)
    _note(granted)
    visit = Visit(
        app=cast(Flask, current_app._get_current_object()),  # type: ignore[attr-defined]
        loop=serving_loop(),
        group_id=group.id if group else None,
        code=resource.code or "",
        locale=current_locale(),
        request_id=request_id(),
        person=Person(user_id=granted.user_id, client=granted.client, may_write=granted.may_write),
    )
    return visit, partial(_is_good, token_hash, resource)


def needs_more(visit: Visit, body: bytes) -> bool:
    """True for a call of a tool that the person has and this program was not allowed: the client can ask for it."""
    if visit.person is None or visit.person.may_write:
        return False
    name = _called(body)
    if name is None:
        return False
    actor = visit.actor()
    return not _has(actor, name) and _has(replace(actor, may_write=True), name)


def _find_granted(token_hash: str, resource: Resource) -> AccessGranted | None:
    try:
        granted = find_access(token_hash, resource.url)
        if granted is None:
            return None
        there = actor_at(granted.user_id, resource.code, may_write=granted.may_write, locale="en")
        return granted if there is not None else None
    finally:
        # An answer may stream for long; it must not hold a connection meanwhile.
        db.session.rollback()


def _is_good(token_hash: str, resource: Resource) -> bool:
    return _find_granted(token_hash, resource) is not None


def _note(granted: AccessGranted) -> None:
    if not is_worth_noting(granted.last_used_at):
        return
    try:
        in_transaction(lambda: note_use(granted.grant_id))
    except OperationalError:
        # The person's page is a little behind then; the call goes on.
        log.warning("oauth_use_not_noted grant=%s", granted.grant_id)


def _called(body: bytes) -> str | None:
    """The tool that a message calls."""
    if b"tools/call" not in body:
        return None
    try:
        message: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    return name if isinstance(name, str) else None


def _has(actor: Any, name: str) -> bool:
    try:
        get_tool(actor, name)
    except NotFound:
        return False
    return True
