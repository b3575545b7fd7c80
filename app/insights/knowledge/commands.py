"""`flask kb ...`: the knowledge base."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.db import in_transaction
from app.insights.knowledge import search, service
from app.insights.knowledge.files import read_documents
from app.insights.knowledge.meaning import document_source
from app.insights.knowledge.queries import list_documents
from app.runtime import settings
from app.semantic import requests, store
from app.semantic.encoder import ModelError
from app.semantic.reader import Reader, meaning
from app.semantic.state import REASONS
from app.semantic.writer import sync

kb = AppGroup("kb", help="The knowledge base behind diagnoses and plans.")
# A model may take its time to load; a person at a terminal waits.
WAIT_SECONDS = 120.0


@kb.command("load")
@click.option("--overwrite", is_flag=True, help="Replace documents that were edited in the console, too.")
def load(overwrite: bool) -> None:
    """Bring the documents that come with the program up to date, and their index of meanings."""
    files = list(read_documents())
    done = in_transaction(lambda: service.load_documents(files, overwrite=overwrite))
    click.echo(
        f"{done.added} added, {done.changed} changed, {done.same} as they were, {done.kept} edited and kept"
    )
    click.echo(
        f"By words: {len(list_documents())} documents, BM25 over pairs of characters and English stems"
    )
    click.echo(f"By meaning: {_index()}")


def _index() -> str:
    """What was indexed, and how; or why not."""
    model, folder = settings().embed_model_path, settings().chroma_path
    if model is None:
        return "no model (EMBED_MODEL_PATH is not set)"
    source = document_source()
    try:
        done = sync(source, folder, model, wait_seconds=WAIT_SECONDS)
    except ModelError as error:
        requests.failed(source.collection, error.reason)
        return f"not indexed: {REASONS[error.reason]} ({error})"
    except store.Locked:
        return "not indexed now: another process is writing the index"
    except Exception as error:
        requests.failed(source.collection, "write")
        return f"not indexed: {REASONS['write']} ({error})"
    requests.succeeded(source.collection)
    return (
        f"{done.head.pieces} pieces in Chroma collection {source.collection} ({folder}), {done.encoded} encoded now, "
        f"{done.removed} removed; model {done.head.model}, {done.head.dimension} dimensions, "
        f"threshold {done.head.threshold}"
    )


@kb.command("search")
@click.argument("query")
@click.option("--locale", type=click.Choice(["zh", "en"]), default="zh")
@click.option("--limit", type=click.IntRange(1, 20), default=5)
def find(query: str, locale: str, limit: int) -> None:
    """Show which documents come up, and why."""
    reader = meaning()
    if isinstance(reader, Reader):
        reader.wait(WAIT_SECONDS)
    answer = search.answer(query, locale, limit)
    for hit in answer.hits:
        similarity = "-" if hit.similarity is None else f"{hit.similarity:.3f}"
        click.echo(
            f"{hit.key}\t{hit.score:.4f}\twords {hit.word_place or '-'}\tmeaning {hit.meaning_place or '-'} "
            f"{similarity}\t{hit.title}\t{' '.join(hit.terms)}"
        )
    if answer.unavailable in REASONS:
        click.echo(f"By words only: {REASONS[answer.unavailable]}")
