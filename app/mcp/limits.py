"""What a client may send and how often: asked once for each HTTP request, before the SDK sees it."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from app.core.errors import N_
from app.runtime import settings
from app.tools import rates
from app.tools.groups import Group

TOO_MANY = N_("Only %(limit)s requests a minute are possible here. Try again in %(seconds)s seconds.")


def check_request(group: Group | None, user_id: int | None = None) -> None:
    """Count the request against the limit of the key, and bound its body. Raises RateLimited; 413 for a long one.

    `user_id` is the person whom a client with an OAuth token acts for: each has the limit for themselves, at each
    group's address and at the one without a group.
    """
    limit = limit_of(group)
    if limit:
        who = f"group:{group.id if group else 0}"
        rates.check(f"key:{who}" if user_id is None else f"key:{who}:user:{user_id}", limit, TOO_MANY)
    _read_body(settings().mcp_request_max_bytes)


def _read_body(most: int) -> None:
    """Have it read, for whoever asks for it later."""
    # One more than there may be: what comes in chunks, without a length, is cut there without a word.
    request.max_content_length = most + 1
    if len(request.get_data()) > most:
        raise RequestEntityTooLarge


def limit_of(group: Group | None) -> int:
    """Requests a minute; 0 for no limit."""
    own = group.calls_per_minute if group else None
    return settings().mcp_calls_per_minute if own is None else own
