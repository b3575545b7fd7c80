"""`/admin/mcp/clients`: the programs that people may let act for them."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request
from flask_babel import gettext

from app.db import in_transaction
from app.oauth import redirects, service
from app.oauth.queries import list_clients
from app.oauth.site import public_url
from app.runtime import settings
from app.web.auth import ADMIN, access, current_actor
from app.web.htmx import go_to, page

bp = Blueprint("oauth_admin", __name__)
LIST = "/admin/mcp/clients"
PER_PAGE = 20
LAST_PAGE = 5_000


@bp.get(LIST)
@access(ADMIN)
def show_clients() -> Response:
    """All programs, newest first, with who uses them."""
    number = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    found = list_clients(limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    return page(
        "oauth/clients.html",
        clients=found,
        places_of=lambda client: sorted({redirects.place_of(uri) for uri in client.redirect_uris}),
        takes_registrations=settings().oauth_registration,
        address=f"{public_url()}/mcp",
    )


@bp.post(f"{LIST}/<int:client_id>/delete")
@access(ADMIN)
def delete_client(client_id: int) -> Response:
    """Take a program away; its tokens end at once."""
    actor = current_actor()
    in_transaction(lambda: service.delete_client(actor, client_id))
    flash(gettext("The program is deleted, and its tokens with it."), "ok")
    return go_to(LIST)
