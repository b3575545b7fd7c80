"""What agents may do about the conversation itself."""

from __future__ import annotations

from typing import Any

from flask_babel import force_locale, gettext
from pydantic import Field

from app.conversations.queries import list_conversations
from app.core.actor import Actor, Role
from app.core.clock import now
from app.tools.spec import Arguments, ToolSpec, tool


class ConsultantArguments(Arguments):
    """Why."""

    reason: str = Field(default="", max_length=500, description="What the customer needs a person for")


@tool(
    category="order",
    zh="顾客想找真人顾问时使用:把对话标记为等待顾问。",
    en="For a customer who wants a person: marks the conversation as waiting for a consultant.",
    arguments=ConsultantArguments,
    roles=(Role.CUSTOMER,),
    writes=True,
)
def talk_to_consultant(actor: Actor, _arguments: ConsultantArguments) -> dict[str, Any]:
    for latest in list_conversations(actor, limit=1):
        latest.status, latest.updated_at = "waiting", now()
    with force_locale(actor.locale):
        message = gettext(
            "Your conversation is marked for a consultant, who sees it once the consultants' desk opens. "
            "Until then the assistant goes on helping you here."
        )
    return {"status": "waiting", "message": message}


TOOLS: tuple[ToolSpec, ...] = (talk_to_consultant,)
