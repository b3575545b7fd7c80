"""`flask kb ...`: the knowledge base."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.db import in_transaction
from app.insights.knowledge import search, service
from app.insights.knowledge.files import read_documents

kb = AppGroup("kb", help="The knowledge base behind diagnoses and plans.")


@kb.command("load")
@click.option("--overwrite", is_flag=True, help="Replace documents that were edited in the console, too.")
def load(overwrite: bool) -> None:
    """Bring the documents that come with the program up to date."""
    files = list(read_documents())
    done = in_transaction(lambda: service.load_documents(files, overwrite=overwrite))
    click.echo(
        f"{done.added} added, {done.changed} changed, {done.same} as they were, {done.kept} edited and kept"
    )


@kb.command("search")
@click.argument("query")
@click.option("--locale", type=click.Choice(["zh", "en"]), default="zh")
@click.option("--limit", type=click.IntRange(1, 20), default=5)
def find(query: str, locale: str, limit: int) -> None:
    """Show which documents come up, and why."""
    for hit in search.search_documents(query, locale, limit):
        click.echo(f"{hit.key}\t{hit.score:.4f}\t{hit.title}\t{' '.join(hit.terms)}")
