"""One visit of a client: with which group's key it came, in which language, and where work for it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from flask import Flask
from flask_babel import force_locale

from app.core import logging as event_log
from app.core.actor import Actor
from app.core.errors import Unauthorized
from app.tools.cancellation import Cancellation
from app.tools.groups import Group, find_group
from app.web.aio import Loop

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

T = TypeVar("T")
STATE_KEY = "mcpshop_visit"
Context: TypeAlias = "ServerRequestContext[Any, Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who calls. It travels in the ASGI scope's state, which no client can set."""

    app: Flask
    loop: Loop
    group_id: int
    code: str
    locale: str
    request_id: str = "-"

    @property
    def caller(self) -> str:
        """As the call log names it."""
        return f"mcp:{self.code}"

    def group(self) -> Group:
        """The group as it is now. Raises Unauthorized when it was switched off or deleted meanwhile."""
        group = find_group(self.group_id)
        if group is None or not group.enabled:
            raise Unauthorized()
        return group

    def actor(self) -> Actor:
        """The program itself, in the roles of its group; it is no person. Raises Unauthorized."""
        group = self.group()
        return Actor(roles=group.roles, locale=self.locale, origin="mcp", group_id=group.id)

    async def run(self, work: Callable[[], T], cancellation: Cancellation | None = None) -> T:
        """Run blocking work of the shop; when the client gives up, `cancellation` is told."""

        def body() -> T:
            event_log.request_id.set(self.request_id)
            with self.app.app_context(), force_locale(self.locale):
                return work()

        return await self.loop.run_at_home(body, cancellation.cancel if cancellation else None)


def visit_of(context: Context) -> Visit:
    """The visit that a message belongs to: its HTTP request's, else (stdio) the server's only one."""
    if context.request is not None:
        return cast(Visit, context.request.scope["state"][STATE_KEY])
    return cast(Visit, context.lifespan_context)
