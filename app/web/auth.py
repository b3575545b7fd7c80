"""Who is asking: the browser's login session or a bearer token, and what each route demands.

The cookie is Flask's signed one, but being signed in is a row of `login_sessions`: Flask-Login keeps that
row's token as the user id, so a cookie that is replayed after logout finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from flask import g, request, session
from flask_login import UserMixin, current_user
from werkzeug.urls import iri_to_uri

from app.core.actor import Actor, Role
from app.core.errors import Forbidden, Unauthorized
from app.core.ids import new_id
from app.web.i18n import current_locale

View = TypeVar("View", bound=Callable[..., Any])
GUEST_KEY = "guest"
API_ROOTS = frozenset({"api", "v1", "mock", "mcp", "health", "metrics", ".well-known"})
# Beside pages: what programs call on their way to a token.
API_PATHS = frozenset({"/oauth/register", "/oauth/token", "/oauth/revoke"})
LOCAL_PATH = re.compile(r"/(?![/\\])[^\\\s\x00-\x1f\x7f]{0,2000}")


class UserRecord(Protocol):
    """What the web layer needs to know of a user (app.accounts.models.User has it)."""

    @property
    def id(self) -> int: ...

    @property
    def username(self) -> str: ...

    @property
    def roles(self) -> frozenset[Role]: ...


@dataclass
class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's user: a user and the token of the login session (None with a bearer token)."""

    user: UserRecord
    token: str | None = None

    def get_id(self) -> str | None:
        return self.token

    @property
    def username(self) -> str:
        return self.user.username

    @property
    def home(self) -> str:
        """Where those who work here begin: the console, or the consultants' page; empty for customers."""
        if self.user.roles & {Role.OPERATOR, Role.ADMIN}:
            return "/admin"
        return "/consultant" if Role.CONSULTANT in self.user.roles else ""


def signed_in() -> SignedIn | None:
    """The signed-in user of this request, if any."""
    return cast(SignedIn, current_user) if current_user.is_authenticated else None


def current_actor() -> Actor:
    """The actor of this request; a guest has an id only once something was kept for it."""
    who = signed_in()
    locale = current_locale()
    origin = "api" if is_api_request() else "web"
    if who is None:
        guest_id = None if uses_bearer() else session.get(GUEST_KEY)
        return Actor(guest_id=guest_id, locale=locale, origin=origin)
    return Actor(user_id=who.user.id, roles=who.user.roles, locale=locale, origin=origin)


def acting_visitor() -> Actor:
    """Like `current_actor`, but gives a guest an id to keep a cart or a conversation under."""
    if signed_in() is None and not session.get(GUEST_KEY):
        session[GUEST_KEY] = new_id()
        session.permanent = True
    return current_actor()


def is_api_request() -> bool:
    """True for what programs use, whose errors are JSON, whether or not there is such a path."""
    return request.path.split("/", 2)[1] in API_ROOTS or request.path.rstrip("/") in API_PATHS


def uses_bearer() -> bool:
    """True when the request names its user by a token, so that cookies do not count."""
    return request.headers.get("Authorization", "").lower().startswith("bearer ")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route: anybody, a visitor with a browser session, a signed-in user, or certain roles."""

    level: str
    roles: frozenset[Role] = frozenset()

    def check(self) -> None:
        """Raises Unauthorized or Forbidden."""
        if self.level == "public":
            return
        who = signed_in()
        if who is None:
            if self.level == "visitor" and not uses_bearer() and _has_browser_session():
                return
            raise Unauthorized()
        if self.roles and not self.roles & who.user.roles:
            raise Forbidden()


def _has_browser_session() -> bool:
    """Pages may give a guest a session; the JSON API demands that there is one already."""
    return bool(session) or not is_api_request()


PUBLIC = Access("public")
VISITOR = Access("visitor")
USER = Access("user")
STAFF = Access("user", frozenset({Role.CONSULTANT, Role.OPERATOR, Role.ADMIN}))
CONSULTANT = Access("user", frozenset({Role.CONSULTANT, Role.ADMIN}))
OPERATOR = Access("user", frozenset({Role.OPERATOR, Role.ADMIN}))
ADMIN = Access("user", frozenset({Role.ADMIN}))


def access(rule: Access) -> Callable[[View], View]:
    """Declare who may use a view; `tests/architecture` refuses a route without it.

    Put it directly above the function, below the route decorator.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            rule.check()
            return view(*args, **kwargs)

        checked.access = rule  # type: ignore[attr-defined]
        return cast(View, checked)

    return decorate


def local_path(url: str | None, default: str = "/") -> str:
    """The address to go on to when it is a path of this site, else `default`: no open redirect.

    Browsers read a backslash as a slash and drop control characters, so both are refused.
    """
    if not url or not LOCAL_PATH.fullmatch(url):
        return default
    return iri_to_uri(url)


def request_id() -> str:
    """The id of this request, as logged and as shown in errors."""
    return cast(str, g.get("request_id", "-"))
