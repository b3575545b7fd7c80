"""One visit of a client: with whose right it came, in which language, and where work for it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from flask import Flask
from flask_babel import force_locale

from app.core import logging as event_log
from app.core.actor import Actor
from app.core.errors import Unauthorized
from app.db import db
from app.oauth.reach import actor_at
from app.tools.cancellation import Cancellation
from app.tools.groups import Group, find_group
from app.web.aio import Loop
from app.web.i18n import babel_locale

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

T = TypeVar("T")
STATE_KEY = "mcpshop_visit"
Context: TypeAlias = "ServerRequestContext[Any, Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """For whom a program with an OAuth token comes. `client` is the program as logs name it."""

    user_id: int
    client: str
    may_write: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who calls: the holder of a group's key, or a program that acts for a `person`, at a group's address or not.

    It travels in the ASGI scope's state, which no client can set.
    """

    app: Flask
    loop: Loop
    group_id: int | None
    code: str
    locale: str
    request_id: str = "-"
    person: Person | None = None

    @property
    def caller(self) -> str:
        """As the call log names it."""
        if self.person is not None:
            return f"oauth:{self.person.client}:{self.person.user_id}"
        return f"mcp:{self.code}"

    @property
    def principal(self) -> str:
        """Whose sessions and questions these are: what one began, no other can go on with."""
        if self.person is None:
            return f"group:{self.group_id}"
        scope = "write" if self.person.may_write else "read"
        return f"person:{self.person.user_id}:{self.group_id}:{scope}:{self.person.client}"

    def group(self) -> Group | None:
        """The group whose key this is, as it is now; None for a person's program.

        Raises Unauthorized when it was switched off or deleted meanwhile.
        """
        if self.person is not None or self.group_id is None:
            return None
        group = find_group(self.group_id)
        if group is None or not group.enabled:
            raise Unauthorized()
        return group

    def actor(self) -> Actor:
        """The person, as it is now; with a key the program itself, which is no person. Raises Unauthorized."""
        if self.person is not None:
            return self._acting(self.person)
        group = self.group()
        if group is None:
            raise Unauthorized()
        return Actor(roles=group.roles, locale=self.locale, origin="mcp", group_id=group.id)

    def _acting(self, person: Person) -> Actor:
        try:
            actor = actor_at(
                person.user_id, self.code or None, may_write=person.may_write, locale=self.locale
            )
        finally:
            # A tool has a session of its own; ours would hold its connection all the while.
            db.session.rollback()
        if actor is None:
            raise Unauthorized()
        return actor

    async def run(self, work: Callable[[], T], cancellation: Cancellation | None = None) -> T:
        """Run blocking work of the shop; when the client gives up, `cancellation` is told."""

        def body() -> T:
            event_log.request_id.set(self.request_id)
            with self.app.app_context(), force_locale(babel_locale(self.locale)):
                return work()

        return await self.loop.run_at_home(body, cancellation.cancel if cancellation else None)


def visit_of(context: Context) -> Visit:
    """The visit that a message belongs to: its HTTP request's, else (stdio) the server's only one."""
    if context.request is not None:
        return cast(Visit, context.request.scope["state"][STATE_KEY])
    return cast(Visit, context.lifespan_context)
