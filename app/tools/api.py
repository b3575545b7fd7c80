"""JSON API: which tools and servers there are for the caller."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from pydantic import BaseModel

from app.core.actor import Actor
from app.tools.queries import Offer, list_tools
from app.tools.servers import Status, Transport, list_servers
from app.web.api import endpoint
from app.web.auth import PUBLIC, current_actor
from app.web.i18n import current_locale

bp = Blueprint("tools_api", __name__)


class ToolBody(BaseModel):
    """A tool as a program sees it; `input_schema` is JSON Schema."""

    name: str
    description: str
    descriptions: dict[str, str]
    category: str
    input_schema: dict[str, Any]
    supports_streaming: bool
    requires_confirmation: bool
    server: str


class ServerBody(BaseModel):
    """A server of tools; `tools` are the names that the caller may use."""

    code: str
    name: str
    transport: Transport
    status: Status
    tools: list[str]


@endpoint(bp, "/api/tools", who=PUBLIC, summary="The tools the caller may use", answers={200: list[ToolBody]})
def tools() -> list[ToolBody]:
    """Guests see what guests may use."""
    return tool_bodies(current_actor())


@endpoint(bp, "/api/servers", who=PUBLIC, summary="The servers of tools", answers={200: list[ServerBody]})
def servers() -> list[ServerBody]:
    """The shop's own tools are one server, `shop`, among those that are attached."""
    return [ServerBody.model_validate(each, from_attributes=True) for each in list_servers(current_actor())]


def tool_bodies(actor: Actor) -> list[ToolBody]:
    """The tools that an actor may use, in the request's language."""
    locale = current_locale()
    return [_body(offer, locale) for offer in list_tools(actor)]


def _body(offer: Offer, locale: str) -> ToolBody:
    spec = offer.spec
    return ToolBody(
        name=spec.name,
        description=offer.description(locale),
        descriptions=spec.descriptions,
        category=spec.category,
        input_schema=spec.input_schema(),
        supports_streaming=spec.streaming,
        requires_confirmation=spec.confirm,
        server=spec.server,
    )
