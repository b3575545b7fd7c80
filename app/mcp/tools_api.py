"""JSON API of the tools in groups, for admins: switches, limits, fixed arguments, and really calling one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_babel import gettext

from app.db import in_transaction
from app.mcp import membership
from app.mcp.queries import get_tool_row, list_tool_rows
from app.mcp.schemas import (
    SwitchedOut,
    SwitchIn,
    ToolIn,
    ToolOut,
    ToolQuery,
    TrialIn,
    TrialOut,
    changes_of,
    tool_json,
    trial_json,
)
from app.mcp.trial import Trial, try_tool
from app.web.answers import Answer
from app.web.api import endpoint
from app.web.auth import ADMIN, current_actor

bp = Blueprint("mcp_tools_api", __name__)
ALL = "/api/v1/mcp/tools"
ONE = f"{ALL}/<int:tool_id>"
TRIALS = "60 per minute"


@endpoint(
    bp,
    ALL,
    who=ADMIN,
    summary="The tools in every group, and those in none",
    query=ToolQuery,
    answers={200: Answer[list[ToolOut]]},
)
def get_tools(query: ToolQuery) -> Answer[list[ToolOut]]:
    return Answer(data=[tool_json(row) for row in list_tool_rows(query.filter())])


@endpoint(
    bp,
    ALL,
    method="PATCH",
    who=ADMIN,
    summary="Switch many tools on or off; acts at once in every process",
    body=SwitchIn,
    answers={200: Answer[SwitchedOut]},
)
def patch_tools(body: SwitchIn) -> Answer[SwitchedOut]:
    actor = current_actor()
    count = in_transaction(lambda: membership.switch_tools(actor, body.ids, enabled=body.enabled))
    return Answer(data=SwitchedOut(count=count), message=gettext("The tools are switched."))


@endpoint(bp, ONE, who=ADMIN, summary="A tool in a group", answers={200: Answer[ToolOut]}, errors=(404,))
def get_tool(tool_id: int) -> Answer[ToolOut]:
    return Answer(data=tool_json(get_tool_row(tool_id)))


@endpoint(
    bp,
    ONE,
    method="PUT",
    who=ADMIN,
    summary="Set a tool in a group; what is left out stays. Acts at once in every process",
    body=ToolIn,
    answers={200: Answer[ToolOut]},
    errors=(404,),
)
def put_tool(tool_id: int, body: ToolIn) -> Answer[ToolOut]:
    actor, changes = current_actor(), changes_of(body)
    in_transaction(lambda: membership.update_tool(actor, tool_id, changes))
    return Answer(data=tool_json(get_tool_row(tool_id)), message=gettext("The tool is saved."))


@endpoint(
    bp,
    f"{ONE}/test",
    method="POST",
    who=ADMIN,
    summary="Really call a tool as the group's key would; `success` false unless it did what was asked",
    body=TrialIn,
    answers={200: Answer[TrialOut]},
    errors=(404, 409, 429),
    limit=TRIALS,
)
def post_test(tool_id: int, body: TrialIn) -> Answer[TrialOut]:
    how: dict[str, Any] = body.model_dump(exclude={"arguments"})
    trial = try_tool(current_actor(), tool_id, body.arguments, **how)
    return Answer(success=trial.result.status == "ok", data=trial_json(trial), message=told_of(trial))


def told_of(trial: Trial) -> str:
    """What became of a try in a sentence, in the reader's language."""
    if trial.result.status == "ok":
        return str(gettext("The tool answered."))
    if trial.result.status == "confirmation_required":
        return str(gettext("The tool asks for a yes first. Nothing was done."))
    error = trial.shown.get("error")
    return str(error.get("message", "")) if isinstance(error, dict) else ""
