"""The built-in chat model: deterministic, without a network, behind the same protocol as any other."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator

from app.llm.builtin.desk import Call
from app.llm.builtin.thread import Step, next_step
from app.llm.client import ChatRequest, Finish, ModelEvent, TextDelta, ToolCall, Usage

# Small pieces, so that an answer is seen to arrive; a Markdown link is never cut.
_PIECE = re.compile(r"\[[^\]]*\]\([^)]*\)|[\u4e00-\u9fff，。、；：？“”]{1,4}|\s*\S{1,24}\s?|\s+")
_CHARACTERS_PER_TOKEN = 3


class BuiltinModel:
    """Understands shop requests in Chinese and English by grammar and lexicon, and acts through the given tools.

    Stateless: what it knows of the conversation it reads from the messages of each request.
    """

    name = "built-in"

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        """Answer one turn: tool calls to make, or the text. Never raises for what a customer may write."""
        step = next_step(request.messages, _tool_names(request), request.locale)
        written = 0
        for event in _events(step):
            if request.cancelled():
                break
            written += len(event.content) if isinstance(event, TextDelta) else len(event.arguments)
            yield event
        yield Usage(_prompt_tokens(request), written // _CHARACTERS_PER_TOKEN + 1)
        yield Finish("tool_calls" if step.calls and not request.cancelled() else "stop")


def warm_up() -> None:
    """Read lexicon, cues and answers now (a tenth of a second), so that the first customer does not wait for it."""
    next_step([{"role": "user", "content": "你好，有什么 sunscreen 200 元以下"}], frozenset(), "zh")


def _events(step: Step) -> Iterator[TextDelta | ToolCall]:
    if step.calls:
        yield from map(_tool_call, step.calls)
    else:
        yield from (TextDelta(match[0]) for match in _PIECE.finditer(step.text))


def _tool_call(call: Call) -> ToolCall:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return ToolCall(id=f"call_{uuid.uuid4().hex[:16]}", name=call.name, arguments=arguments)


def _tool_names(request: ChatRequest) -> frozenset[str]:
    return frozenset(str(tool["function"]["name"]) for tool in request.tools)


def _prompt_tokens(request: ChatRequest) -> int:
    return (
        sum(len(str(message.get("content") or "")) for message in request.messages) // _CHARACTERS_PER_TOKEN
        + 1
    )
