"""`flask sales`: the sums by day."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.db import db
from app.sales import jobs
from app.sales.queries import find_stale

sales = AppGroup("sales", help="What was sold, added up by day.")


@sales.command("add-up")
def add_up() -> None:
    """Add up every day that has changed since it was last added up, today included."""
    if find_stale() is None:
        raise click.ClickException("The database has no triggers (migration 0018); reports read the orders.")
    db.session.rollback()
    click.echo(f"{jobs.add_up_stale_days(everything=True)} days added up.")
