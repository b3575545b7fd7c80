"""The conformance suite's tools that need input first (SEP-2322), beside those of `conformance_tools`."""

from __future__ import annotations

import json
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError

from tests.mcp.conformance_tools import Answer, Context, text, tool, wants

NAME = wants(name={"type": "string"})
AGREED = wants(ok={"type": "boolean"})


def form(message: str, schema: dict[str, Any]) -> types.ElicitRequest:
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(words: str, tokens: int = 100) -> types.CreateMessageRequest:
    content = types.TextContent(type="text", text=words)
    message = types.SamplingMessage(role="user", content=content)
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=[message], max_tokens=tokens)
    )


def roots() -> types.ListRootsRequest:
    return types.ListRootsRequest()


def ask(state: str | None = None, **requests: types.InputRequest) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests=requests, request_state=state)


def answers(params: types.CallToolRequestParams | types.GetPromptRequestParams) -> dict[str, Any]:
    return dict(params.input_responses or {})


def filled(answer: object) -> dict[str, Any]:
    """What a person wrote into a form; nothing for anything else."""
    accepted = isinstance(answer, types.ElicitResult) and answer.action == "accept"
    return dict(answer.content or {}) if accepted else {}  # type: ignore[attr-defined]


@tool()
async def test_input_required_result_elicitation(
    context: Context, params: types.CallToolRequestParams
) -> Answer:
    name = filled(answers(params).get("user_name")).get("name")
    if not isinstance(name, str):
        return ask(user_name=form("What is your name?", NAME))
    return text(f"Hello, {name}!")


@tool()
async def test_streaming_elicitation(context: Context, params: types.CallToolRequestParams) -> Answer:
    await context.session.report_progress(1, 2)
    return ask(user_name=form("What is your name?", NAME))


@tool()
async def test_input_required_result_sampling(
    context: Context, params: types.CallToolRequestParams
) -> Answer:
    answer = answers(params).get("capital_question")
    if answer is None:
        return ask(capital_question=sample("What is the capital of France?"))
    return text(f"The model says: {getattr(getattr(answer, 'content', None), 'text', answer)}")


@tool()
async def test_input_required_result_list_roots(
    context: Context, params: types.CallToolRequestParams
) -> Answer:
    answer = answers(params).get("client_roots")
    if not isinstance(answer, types.ListRootsResult):
        return ask(client_roots=roots())
    return text("Roots: " + ", ".join(str(root.uri) for root in answer.roots))


@tool()
async def test_input_required_result_request_state(
    context: Context, params: types.CallToolRequestParams
) -> Answer:
    if params.request_state != "asked once" or not filled(answers(params).get("confirm")):
        return ask("asked once", confirm=form("Please confirm", AGREED))
    return text("state-ok")


@tool()
async def test_input_required_result_tampered_state(
    context: Context, params: types.CallToolRequestParams
) -> Answer:
    return await test_input_required_result_request_state(context, params)


@tool()
async def test_input_required_result_multiple_inputs(
    context: Context, params: types.CallToolRequestParams
) -> Answer:
    wanted = {
        "user_name": form("What is your name?", NAME),
        "greeting": sample("Generate a greeting", 50),
        "client_roots": roots(),
    }
    if params.request_state is None or set(wanted) - set(answers(params)):
        return ask("three questions", **wanted)
    return text(f"All {len(wanted)} answered.")


@tool()
async def test_input_required_result_multi_round(
    context: Context, params: types.CallToolRequestParams
) -> Answer:
    given = json.loads(params.request_state or "{}")
    given |= filled(answers(params).get("step1")) | filled(answers(params).get("step2"))
    if "name" not in given:
        return ask("{}", step1=form("Step 1: What is your name?", NAME))
    if "color" not in given:
        question = form("Step 2: What is your favorite color?", wants(color={"type": "string"}))
        return ask(json.dumps(given), step2=question)
    return text(f"{given['name']} likes {given['color']}.")


@tool()
async def test_input_required_result_capabilities(
    context: Context, params: types.CallToolRequestParams
) -> Answer:
    declared = context.session.client_capabilities or types.ClientCapabilities()
    wanted: dict[str, types.InputRequest] = {}
    if declared.elicitation is not None:
        wanted["user_name"] = form("What is your name?", NAME)
    if declared.sampling is not None:
        wanted["greeting"] = sample("Generate a greeting")
    if answers(params) or not wanted:
        return text("Nothing more to ask.")
    return ask(**wanted)


async def prompt_that_asks(
    context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    given = filled(answers(params).get("user_context")).get("context")
    if given is None:
        return ask(
            user_context=form("What context should the prompt use?", wants(context={"type": "string"}))
        )
    if not isinstance(given, str):
        raise MCPError(types.INVALID_PARAMS, "The context is a text")
    content = types.TextContent(type="text", text=f"Context: {given}")
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])
