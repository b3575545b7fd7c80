"""The whole result of one tool call, for a person who wants to read what the model was given only in short."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.agent.page_results import title_of
from app.agent.results import pretty
from app.conversations.queries import get_run, list_run_messages
from app.core.actor import Actor
from app.core.errors import NotFound

# A page that a browser still shows at once; the API has all of it.
MAX_WHOLE = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeResult:
    """`asked` and `text` are JSON as text, `streamed` what was said of the result."""

    session_id: str
    title: str
    asked: str
    streamed: str
    text: str


def get_whole_result(actor: Actor, run_id: str, call_id: str) -> WholeResult:
    """The result of a call in a run of the actor's. Raises NotFound, also while the call runs."""
    run = get_run(actor, run_id)
    rows = list_run_messages(run.id)
    calls = [call for row in rows for call in row.tool_calls if call["id"] == call_id]
    results = [row for row in rows if row.role == "tool" and row.tool_call_id == call_id]
    if not calls or not results:
        raise NotFound()
    arguments = calls[0]["arguments"]
    return WholeResult(
        session_id=run.conversation_id,
        title=title_of(calls[0]["name"]),
        asked=pretty(arguments) if arguments else "",
        streamed=results[0].streamed,
        text=pretty(json.loads(results[0].content), MAX_WHOLE),
    )
