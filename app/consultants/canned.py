"""Canned replies: `/code` stands for a text in the customer's language. Managed by admins, audited."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import User
from app.audit.service import changed, record
from app.consultants.models import CannedReply, Consultation
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam, NotFound
from app.db import db

CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,23}")
CALL = re.compile(r"/([A-Za-z0-9][A-Za-z0-9_-]{0,23})")
MAX_TEXT, MOST = 2_000, 200
FIELDS = ("code", "text_zh", "text_en", "enabled")


def expand(actor: Actor, conversation_id: str, text: str) -> str:
    """The text that a lone `/code` stands for, in the language of the customer; anything else as it is.

    Raises InvalidParam for a code that is not there: a customer must not read it.
    """
    actor.require_role(Role.CONSULTANT, Role.ADMIN)
    found = CALL.fullmatch(text.strip())
    if found is None:
        return text
    reply = db.session.scalar(
        select(CannedReply).where(CannedReply.code == found.group(1).lower(), CannedReply.enabled)
    )
    if reply is None:
        raise InvalidParam(fields={"content": N_("There is no canned reply with this code.")})
    locale = db.session.scalar(
        select(User.locale)
        .join(Consultation, Consultation.user_id == User.id)
        .where(Consultation.open_in == conversation_id[:32])
    )
    return reply.text(locale or "zh")


def save_reply(actor: Actor, reply_id: int | None, values: Mapping[str, Any]) -> CannedReply:
    """A new canned reply, or a change of one. Raises Unauthorized, Forbidden, NotFound, InvalidParam, Conflict CODE_TAKEN."""
    actor.require_role(Role.ADMIN)
    checked = _checked(values)
    if reply_id is None:
        if len(db.session.scalars(select(CannedReply.id).limit(MOST)).all()) >= MOST:
            raise Conflict(N_("There are 200 canned replies; delete one first."), code="TOO_MANY")
        reply, before = CannedReply(), {}
    else:
        reply = get_reply(reply_id)
        before = {name: getattr(reply, name) for name in FIELDS}
    for name, value in checked.items():
        setattr(reply, name, value)
    reply.updated_at = now()
    try:
        with db.session.begin_nested():
            db.session.add(reply)
    except IntegrityError as error:
        taken = {"code": N_("This code is taken.")}
        raise Conflict(N_("This code is taken."), code="CODE_TAKEN", fields=taken) from error
    told = {
        name: changed(before.get(name), checked[name]) for name in FIELDS if before.get(name) != checked[name]
    }
    record(actor, "canned_reply.saved", reply.code, told)
    return reply


def delete_reply(actor: Actor, reply_id: int) -> None:
    """Raises Unauthorized, Forbidden, NotFound."""
    actor.require_role(Role.ADMIN)
    reply = get_reply(reply_id)
    db.session.delete(reply)
    db.session.flush()
    record(actor, "canned_reply.deleted", reply.code)


def get_reply(reply_id: int) -> CannedReply:
    """Raises NotFound."""
    reply = db.session.get(CannedReply, reply_id)
    if reply is None:
        raise NotFound()
    return reply


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    code = str(values.get("code") or "").strip().lstrip("/").lower()
    wrong: dict[str, str] = {}
    if not CODE.fullmatch(code):
        wrong["code"] = N_("1 to 24 letters a to z, digits, - and _.")
    told: dict[str, Any] = {"code": code, "enabled": bool(values.get("enabled"))}
    for name in ("text_zh", "text_en"):
        text = str(values.get(name) or "").replace("\r\n", "\n").strip()
        if not 1 <= len(text) <= MAX_TEXT:
            wrong[name] = N_("Write between 1 and 2000 characters.")
        elif any(ord(char) < 32 and char not in "\n\t" for char in text):
            wrong[name] = N_("Characters that cannot be seen are not allowed.")
        told[name] = text
    if wrong:
        raise InvalidParam(fields=wrong)
    return told
