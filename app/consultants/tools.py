"""What agents may do about the desk."""

from __future__ import annotations

from typing import Any

from flask_babel import force_locale, gettext, ngettext
from pydantic import Field

from app.consultants.attending import count_online
from app.consultants.service import ask_for_person
from app.conversations.queries import list_conversations
from app.conversations.service import start_conversation
from app.core.actor import Actor, Role
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
def talk_to_consultant(actor: Actor, arguments: ConsultantArguments) -> dict[str, Any]:
    latest = next(iter(list_conversations(actor, limit=1)), None)
    title = "Consultant" if actor.locale == "en" else "找顾问"
    talk = latest.id if latest is not None else start_conversation(actor, "consultant", title=title)
    found = ask_for_person(actor, talk, arguments.reason)
    online = count_online()
    with force_locale(actor.locale):
        message = told(online, is_claimed=found.claimed_by is not None)
    return {"status": found.status, "consultants_online": online, "message": message}


def told(online: int, *, is_claimed: bool) -> str:
    """What the customer may expect, in the current language."""
    if is_claimed:
        text = gettext("Your consultant answers you here in this conversation in a moment.")
    elif online:
        text = ngettext(
            "You are waiting for a consultant; %(num)s is online. The answer comes here in this conversation. Until then I go on "
            "helping you.",
            "You are waiting for a consultant; %(num)s are online. The answer comes here in this conversation. Until then I go "
            "on helping you.",
            online,
        )
    else:
        text = gettext(
            "No consultant is online right now. They are told of your wish, and one answers here in this conversation as soon as "
            "somebody is back. Until then I go on helping you."
        )
    return str(text)


TOOLS: tuple[ToolSpec, ...] = (talk_to_consultant,)
