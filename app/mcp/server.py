"""The MCP server: the SDK's low-level server with our handlers.

The handlers run on the asyncio loop and touch nothing of the shop themselves; what they need is done by
`Visit.run`, where requests run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import mcp_types as types
from flask import Flask
from flask_babel import gettext
from mcp.server import Server
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp_types.version import is_version_at_least

from app import __version__
from app.config import Settings
from app.core.errors import DomainError, NotFound, Unauthorized
from app.mcp import completion, confirming, prompts, resources
from app.mcp.calls import Call, UnknownTool, as_result, call_tool, list_offers
from app.mcp.changes import ChangeBus
from app.mcp.confirming import Question
from app.mcp.progress import Progress
from app.mcp.visit import Context, Visit, visit_of
from app.tools.cancellation import Cancellation
from app.tools.executor import ToolResult
from app.web.aio import Loop
from app.web.i18n import error_text

T = TypeVar("T")
INSTRUCTIONS = (
    "澄美 Chengmei 连锁美容护理店:查商品、门店与须知,并按钥匙的权限操作购物车、订单与分析。价格和库存只以工具结果为准。\n"
    "Chengmei, a beauty and wellness chain: products, stores and how the shop works, and, as far as the key "
    "allows, carts, orders and analysis. Prices and stock come from tool results only."
)
RESOURCE_NOT_FOUND = -32002
"""Until 2025-11-25; from 2026-07-28 on it is an invalid parameter (SEP-2164)."""


def build_server(app: Flask, loop: Loop, visit: Visit | None = None) -> Server[Any]:
    """A server for many visits (HTTP, where each request brings its own) or for the one given (stdio)."""
    settings: Settings = app.extensions["mcpshop_settings"]

    @asynccontextmanager
    async def lifespan(_server: Server[Any]) -> AsyncIterator[Visit | None]:
        yield visit

    server: Server[Any] = Server(
        "mcpshop",
        version=__version__,
        title="MCPShop 澄美",
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        # None of our tools takes an argument from a header; without this each call would list all tools first.
        get_tool_input_schema=lambda _name: None,
        on_list_tools=_list_tools,
        on_call_tool=partial(_call_tool, settings.confirmation_seconds),
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
        on_list_prompts=_list_prompts,
        on_get_prompt=_get_prompt,
        on_completion=_complete,
        on_subscriptions_listen=ListenHandler(ChangeBus(loop, app)),
    )
    # Nobody collects its spans.
    server.middleware.clear()
    server.middleware.append(confirming.boundary(settings.secret_key, settings.confirmation_seconds))
    return server


async def _list_tools(context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    return types.ListToolsResult(tools=await _all(context, params, list_offers))


async def _list_resources(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    return types.ListResourcesResult(resources=await _all(context, params, resources.list_resources))


async def _list_templates(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    found = await _all(context, params, resources.list_templates)
    return types.ListResourceTemplatesResult(resource_templates=found)


async def _list_prompts(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListPromptsResult:
    return types.ListPromptsResult(prompts=await _all(context, params, prompts.list_prompts))


async def _all(
    context: Context, params: types.PaginatedRequestParams | None, listing: Callable[[Visit], list[T]]
) -> list[T]:
    """Our lists have one page, so no cursor is ours."""
    if params is not None and params.cursor is not None:
        raise MCPError(types.INVALID_PARAMS, "Invalid cursor")
    visit = visit_of(context)
    return await _told(visit, lambda: listing(visit))


async def _read_resource(
    context: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    visit = visit_of(context)
    try:
        return await visit.run(lambda: resources.read(visit, params.uri))
    except NotFound:
        is_new = is_version_at_least(context.protocol_version, "2026-07-28")
        code = types.INVALID_PARAMS if is_new else RESOURCE_NOT_FOUND
        raise MCPError(code, "Resource not found", {"uri": params.uri}) from None


async def _get_prompt(context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
    visit = visit_of(context)
    return await _told(visit, lambda: prompts.get_prompt(visit, params.name, dict(params.arguments or {})))


async def _complete(context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    visit, argument = visit_of(context), params.argument
    found = await _told(visit, lambda: completion.complete(visit, params.ref, argument.name, argument.value))
    return types.CompleteResult(completion=found)


async def _told(visit: Visit, work: Callable[[], T]) -> T:
    """Run the work; what the caller did wrong becomes an error of the protocol, in its language."""

    def body() -> T:
        try:
            return work()
        except DomainError as error:
            raise MCPError(types.INVALID_PARAMS, error_text(error), {"code": error.code}) from error

    return await visit.run(body)


async def _call_tool(
    confirmation_seconds: int, context: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    visit = visit_of(context)
    call = Call(name=params.name, arguments=dict(params.arguments or {}))
    if params.request_state is not None:
        question = Question.loaded(params.request_state)
        answer = (params.input_responses or {}).get(confirming.QUESTION)
        return await _go_on(context, call, question, confirming.is_yes(answer), confirmation_seconds)
    done = await _run(context, call)
    if done.result.status != "confirmation_required":
        return done.answer
    question = confirming.new_question(done.result)
    if not confirming.can_be_asked(context):
        return await _refused(visit, confirming.NOBODY_TO_ASK)
    if confirming.is_modern(context):
        return await visit.run(lambda: confirming.required(question, done.result))
    is_yes = await _ask(context, done.result)
    return await _go_on(context, call, question, is_yes, confirmation_seconds)


@dataclass(frozen=True, slots=True)
class _Done:
    result: ToolResult
    answer: types.CallToolResult


async def _run(context: Context, call: Call) -> _Done:
    visit, cancellation = visit_of(context), Cancellation()
    async with Progress(context, visit.loop) as progress:

        def body() -> _Done:
            result = call_tool(visit, call, cancellation, progress.on_text)
            return _Done(result, as_result(result))

        try:
            return await visit.run(body, cancellation)
        except UnknownTool:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {call.name[:64]}") from None
        except Unauthorized as error:
            raise MCPError(types.INVALID_REQUEST, error.text()) from error


async def _go_on(
    context: Context, call: Call, question: Question, is_yes: bool, seconds: int
) -> types.CallToolResult:
    """Do what was asked about, once, when a person has agreed."""
    visit = visit_of(context)
    if not is_yes:
        return await _refused(visit, confirming.REFUSED)
    spent = await visit.run(lambda: confirming.spend(question, seconds))
    if spent is not None:
        return await visit.run(lambda: as_result(spent))
    return (await _run(context, replace(call, approved=question.fingerprint))).answer


async def _ask(context: Context, result: ToolResult) -> bool:
    """Ask in mid-call, as before 2026-07-28."""
    visit = visit_of(context)
    message, schema = await visit.run(lambda: (confirming.wording(result), confirming.form_schema()))
    try:
        answer = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
    except (TimeoutError, MCPError, NoBackChannelError):
        return False
    return confirming.is_yes(answer)


async def _refused(visit: Visit, msgid: str) -> types.CallToolResult:
    return await visit.run(lambda: as_result(confirming.refusal(gettext(msgid))))
