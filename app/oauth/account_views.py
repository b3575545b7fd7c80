"""`/account/programs`: which programs may act for the person, and taking that back."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, flash
from flask_babel import gettext

from app.db import in_transaction
from app.oauth import service
from app.oauth.queries import list_grants
from app.oauth.scopes import WRITE
from app.oauth.site import public_url
from app.web.auth import USER, access, current_actor
from app.web.htmx import go_to, page

bp = Blueprint("oauth_account", __name__)
LIST = "/account/programs"


@bp.get(LIST)
@access(USER)
def show_programs() -> Response:
    """The grants that hold, newest first."""
    grants = list_grants(current_actor().require_user())
    return page(
        "oauth/programs.html",
        grants=grants,
        write=WRITE,
        path_of=lambda url: urlsplit(url).path,
        address=f"{public_url()}/mcp",
    )


@bp.post(f"{LIST}/<int:grant_id>/withdraw")
@access(USER)
def withdraw(grant_id: int) -> Response:
    """Take a grant back; the program is out with its next request."""
    person = current_actor()
    in_transaction(lambda: service.withdraw(person, grant_id))
    flash(gettext("The program may no longer act for you."), "success")
    return go_to(LIST)
