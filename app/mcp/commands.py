"""`flask mcp ...`: groups, keys, and the server on standard input and output."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup

from app.core.crypto import SealBroken
from app.core.errors import DomainError
from app.db import in_transaction
from app.mcp import queries, service
from app.mcp.demo_groups import add_demo_groups
from app.runtime import settings
from app.tools.models import ToolGroup

mcp = AppGroup("mcp", help="Tool groups for other agents, and their keys.")


@mcp.command("groups")
@click.option("--demo", is_flag=True, help="First make the demo groups that are missing.")
def groups(demo: bool) -> None:
    """List the groups."""
    if demo:
        in_transaction(add_demo_groups)
    for group in queries.list_groups():
        state = "on" if group.enabled else "off"
        click.echo(f"{group.server_code}\t{state}\t{group.right_names}\t{group.name}")


@mcp.command("key")
@click.argument("group")
@click.option("--new", is_flag=True, help="Make a new key.")
@click.option(
    "--grace", default=0, type=click.IntRange(0, 30 * 86_400), help="Seconds the old key goes on for."
)
def key(group: str, new: bool, grace: int) -> None:
    """Print a group's key."""
    try:
        if new:
            fresh = in_transaction(
                lambda: service.regenerate_key(queries.get_group(group), grace_seconds=grace)
            )
            click.echo(fresh)
        else:
            click.echo(in_transaction(lambda: service.show_key(queries.get_group(group))))
    except DomainError as error:
        raise click.ClickException(error.text()) from error
    except SealBroken as error:
        raise click.ClickException("SECRET_KEY is not the one the key was made with; use --new.") from error


@mcp.command("stdio")
@click.option("--group", required=True, help="The group whose tools are served.")
@click.option("--locale", type=click.Choice(["zh", "en"]), help="Language of descriptions and answers.")
def stdio(group: str, locale: str | None) -> None:
    """Serve a group's tools on standard input and output, for clients that start their servers themselves."""
    from app.mcp.stdio import serve_stdio

    found: ToolGroup | None = queries.find_group(group)
    if found is None or not found.enabled:
        raise click.ClickException(f"There is no group called {group} that is switched on.")
    serve_stdio(current_app, found.id, found.server_code, locale or settings().default_locale)
