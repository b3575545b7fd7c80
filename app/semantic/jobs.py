"""What the index's worker and the scheduler call."""

from __future__ import annotations

import time
from logging import getLogger

from app.core.logging import fields
from app.db import db
from app.runtime import settings
from app.semantic import manifest, requests, store
from app.semantic.encoder import ModelError, fingerprint_of
from app.semantic.sources import Source, get_source, list_sources
from app.semantic.writer import sync

log = getLogger(__name__)
# What no event told of (a bulk statement, a lost job) is found by comparing all texts, this often.
FULL_CHECK_SECONDS = 3_600


def sync_collection(collection: str, verify: bool = False) -> None:
    """Bring one collection up to date; what fails is kept for /health and tried again later."""
    requests.begin(collection)
    model = settings().embed_model_path
    if model is None:
        return
    try:
        sync(get_source(collection), settings().chroma_path, model, verify=verify)
    except ModelError as error:
        _failed(collection, error.reason, error)
    except OSError as error:
        _failed(collection, "write", error)
    except store.Locked:
        # The other one may have read before the change that we were called for; the sweep looks again.
        log.info("sync_left_to_another %s", fields(collection=collection))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        _failed(collection, "write", error)
    else:
        requests.succeeded(collection)


def _failed(collection: str, reason: str, error: BaseException) -> None:
    log.error("sync_failed %s", fields(collection=collection, reason=reason, error=repr(error)[:300]))
    requests.failed(collection, reason)


def sweep() -> None:
    """Ask for what is missing, of another model, or older than its texts; by the clock, so it costs little."""
    model = settings().embed_model_path
    if model is None:
        return
    try:
        fingerprint = fingerprint_of(model)
    except ModelError as error:
        for source in list_sources():
            requests.failed(source.collection, error.reason)
        return
    for source in list_sources():
        if not _is_fresh(source, fingerprint):
            requests.request_sync(source.collection)
    db.session.rollback()


def _is_fresh(source: Source, fingerprint: str) -> bool:
    folder = settings().chroma_path
    head = manifest.read_head(folder, source.collection)
    return (
        head is not None
        and head.fingerprint == fingerprint
        and (folder / store.FILE).is_file()
        and head.checked_at > time.time() - FULL_CHECK_SECONDS
        and head.version == source.version()
    )
