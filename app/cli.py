"""Commands: `flask --app wsgi setup`, `flask demo load`, ..."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app.accounts.commands import users
from app.db import in_transaction
from app.delivery.keys import make_keys
from app.insights import commands_catalogue as _catalogue_commands  # noqa: F401 - adds to the group
from app.insights.commands import insights
from app.insights.knowledge.commands import kb
from app.insights.knowledge.files import read_documents
from app.insights.knowledge.service import load_documents
from app.mcp.commands import mcp
from app.operations.commands import smoke
from app.runtime import settings
from app.sales.commands import sales

demo = AppGroup("demo", help="The demo shop.")


def register_commands(app: Flask) -> None:
    """Attach all commands."""
    app.cli.add_command(setup)
    app.cli.add_command(demo)
    app.cli.add_command(users)
    app.cli.add_command(mcp)
    app.cli.add_command(kb)
    app.cli.add_command(insights)
    app.cli.add_command(smoke)
    app.cli.add_command(sales)


@click.command("setup")
def setup() -> None:
    """Bring the database to the newest schema and, on first start, load the demo shop."""
    from flask_migrate import upgrade

    upgrade()
    files = list(read_documents())
    in_transaction(lambda: load_documents(files))
    make_keys()
    wants_demo = settings().demo and settings().app_env != "production"
    if wants_demo and _is_empty():
        _load_demo()


@demo.command("load")
@click.option("--if-empty", is_flag=True, help="Do nothing when there are products already.")
def demo_load(if_empty: bool) -> None:
    """Load the demo shop: catalogue, members, 90 days of orders, accounts."""
    if if_empty and not _is_empty():
        click.echo("The shop is not empty; nothing loaded.")
        return
    _load_demo()


def _is_empty() -> bool:
    from app.demo.loader import is_empty

    return is_empty()


def _load_demo() -> None:
    from app.demo.loader import load_demo

    load_demo(current_app.extensions["mcpshop_settings"], echo=click.echo)
