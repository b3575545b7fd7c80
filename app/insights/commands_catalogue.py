"""`flask insights check-catalogue`."""

from __future__ import annotations

import click
from pydantic import ValidationError

from app.insights.cli_group import insights
from app.insights.metrics.catalogue import catalogue
from app.insights.metrics.checking import findings


@insights.command("check-catalogue")
def check_catalogue() -> None:
    """Check the metric catalogue: entries, words, and that the guard passes the SQL of every formula by every dimension."""
    try:
        entries = catalogue()
    except (ValidationError, KeyError) as error:
        raise click.ClickException(f"The catalogue cannot be read: {error}") from error
    found = list(findings(entries))
    for finding in found:
        click.echo(finding)
    if found:
        raise SystemExit(1)
    click.echo(f"{len(entries.metrics)} metrics, {len(entries.dimensions)} dimensions: nothing wrong.")
