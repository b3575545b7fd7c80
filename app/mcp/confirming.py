"""Asking a person before a tool with `confirm` runs.

Since 2026-07-28 the call is answered with what has to be asked, and comes again with the answer and a state that
only we can have made (`RequestStateBoundary` seals it and binds it to tool, arguments and group). Older clients
are asked in mid-call. A yes is good for one run: its number is spent in Redis.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from flask_babel import gettext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from redis.exceptions import RedisError

from app.core.errors import N_, Unavailable
from app.core.ids import new_id
from app.mcp.visit import Context, visit_of
from app.runtime import redis
from app.tools.executor import Changed, ToolResult
from app.web.i18n import error_text

QUESTION = "confirm"
FIELD = "approve"
SPENT_KEY = "mcp:spent:"
NOBODY_TO_ASK = N_("This needs a person's yes, and your client cannot ask for it. Nothing was done.")
REFUSED = N_("The person did not agree. Nothing was done.")


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: `fingerprint` of what would happen, `number` of this asking."""

    fingerprint: str
    number: str

    def dumped(self) -> str:
        """The state that travels through the client, sealed."""
        return json.dumps([self.fingerprint, self.number])

    @classmethod
    def loaded(cls, state: str) -> Question:
        """From a state that the boundary has verified."""
        return cls(*json.loads(state))


def boundary(secret_key: str, seconds: int) -> RequestStateBoundary:
    """The middleware that seals states; every process of the shop opens them."""
    keys = [f"mcp request state {secret_key}".encode()]
    security = RequestStateSecurity(keys=keys, ttl=seconds, bind_principal=_principal)
    return RequestStateBoundary(security, default_audience="mcpshop")


def _principal(context: Context) -> str:
    return visit_of(context).principal


def is_modern(context: Context) -> bool:
    """Whether the call can be answered with a question."""
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS


def can_be_asked(context: Context) -> bool:
    """Whether the client shows forms; one that names no kind of elicitation means forms (before 2025-11-25)."""
    capabilities = context.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    shows_forms = elicitation is not None and (elicitation.form is not None or elicitation.url is None)
    return shows_forms and (is_modern(context) or context.session.can_send_request)


def new_question(result: ToolResult) -> Question:
    """For a result that is a request for a yes."""
    return Question(result.fingerprint, new_id())


def required(question: Question, result: ToolResult) -> types.InputRequiredResult:
    """The answer of 2026-07-28: what the client has to ask before it calls again."""
    form = types.ElicitRequestFormParams(message=wording(result), requested_schema=form_schema())
    return types.InputRequiredResult(
        input_requests={QUESTION: types.ElicitRequest(params=form)}, request_state=question.dumped()
    )


def wording(result: ToolResult) -> str:
    """The preview of a tool as plain text: its title, then its figures, lists as lines."""
    summary = dict(result.result.get("summary") or {})
    lines = [str(summary.pop("title", ""))]
    for name, value in summary.items():
        lines.extend(_lines(name, value))
    return "\n".join(lines)


def _lines(name: str, value: Any) -> list[str]:
    # Amounts come in yuan too.
    if name.endswith("_cents") or value in (None, "", [], {}):
        return []
    if isinstance(value, list):
        return [f"- {_in_words(item)}" for item in value]
    return [f"{name}: {_in_words(value)}"]


def _in_words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    shown = (
        f"{key} {item}" for key, item in value.items() if not key.endswith("_cents") and item is not None
    )
    return ", ".join(shown)


def form_schema() -> dict[str, Any]:
    """One box to tick."""
    box = {"type": "boolean", "title": gettext("Yes, do it"), "default": False}
    return {"type": "object", "properties": {FIELD: box}, "required": [FIELD]}


def is_yes(answer: object) -> bool:
    """Whether a client's answer is a person's yes; everything else is a no."""
    if not isinstance(answer, types.ElicitResult) or answer.action != "accept":
        return False
    return (answer.content or {}).get(FIELD) is True


def spend(question: Question, seconds: int) -> ToolResult | None:
    """Use a yes up; the result to give instead of running when it was used before or nobody can tell."""
    try:
        if redis().set(SPENT_KEY + question.number, 1, nx=True, ex=seconds + 60):
            return None
    except RedisError:
        return refusal(error_text(Unavailable()), Unavailable.code)
    return refusal(error_text(Changed({})), Changed.code)


def refusal(message: str, code: str = "DENIED") -> ToolResult:
    """A result that says why nothing was done."""
    return ToolResult(status="denied", result={"error": {"code": code, "message": message}})
