"""JSON API of attached servers, for admins. Answers are `{success, data, message}`."""

from __future__ import annotations

from flask import Blueprint
from flask_babel import gettext

from app.db import in_transaction
from app.external import changes, service
from app.external.queries import get_server, list_server_tools, list_servers, tools_of_all
from app.external.schemas import (
    CheckOut,
    ServerIn,
    ServerOut,
    ServerPatch,
    changes_of,
    check_json,
    server_json,
)
from app.web.answers import Answer
from app.web.api import endpoint
from app.web.auth import ADMIN, current_actor

bp = Blueprint("mcp_servers_api", __name__)
ALL = "/api/v1/mcp/servers"
ONE = f"{ALL}/<int:server_id>"
CHECKS = "20 per minute"


@endpoint(bp, ALL, who=ADMIN, summary="The attached MCP servers", answers={200: Answer[list[ServerOut]]})
def get_servers() -> Answer[list[ServerOut]]:
    tools = tools_of_all()
    return Answer(data=[server_json(server, tools.get(server.id, [])) for server in list_servers()])


@endpoint(
    bp,
    ALL,
    method="POST",
    who=ADMIN,
    summary="Attach an MCP server; its tools are known after a check",
    body=ServerIn,
    answers={201: Answer[ServerOut]},
    errors=(409,),
)
def post_server(body: ServerIn) -> tuple[Answer[ServerOut], int, dict[str, str]]:
    server_id = changes.create(current_actor(), body.model_dump())
    answer = Answer[ServerOut](data=_told(server_id), message=gettext("The server is attached."))
    return answer, 201, {"Location": f"{ALL}/{server_id}"}


@endpoint(
    bp,
    ONE,
    who=ADMIN,
    summary="An attached server with its tools",
    answers={200: Answer[ServerOut]},
    errors=(404,),
)
def get_one_server(server_id: int) -> Answer[ServerOut]:
    return Answer(data=_told(server_id))


@endpoint(
    bp,
    ONE,
    method="PATCH",
    who=ADMIN,
    summary="Change an attached server, at once in every process",
    body=ServerPatch,
    answers={200: Answer[ServerOut]},
    errors=(404, 409),
)
def patch_server(server_id: int, body: ServerPatch) -> Answer[ServerOut]:
    changes.save(current_actor(), server_id, changes_of(body))
    return Answer(data=_told(server_id), message=gettext("The changes are saved."))


@endpoint(
    bp,
    ONE,
    method="DELETE",
    who=ADMIN,
    summary="Detach a server; its tools are gone at once, from all groups too",
    answers={200: Answer[None]},
    errors=(404,),
)
def delete_server(server_id: int) -> Answer[None]:
    actor = current_actor()
    in_transaction(lambda: service.delete_server(actor, server_id))
    return Answer(data=None, message=gettext("The server is detached."))


@endpoint(
    bp,
    f"{ONE}/check",
    method="POST",
    who=ADMIN,
    summary="Connect now and ask for the tools; `success` false when the server is not reached",
    answers={200: Answer[CheckOut]},
    errors=(404, 429),
    limit=CHECKS,
)
def post_check(server_id: int) -> Answer[CheckOut]:
    checked = changes.check(current_actor(), server_id)
    is_there = checked.look is not None
    message = gettext("The server answers.") if is_there else gettext("The server cannot be reached.")
    return Answer(success=is_there, data=check_json(checked), message=message)


def _told(server_id: int) -> ServerOut:
    return server_json(get_server(server_id), list(list_server_tools(server_id)))
