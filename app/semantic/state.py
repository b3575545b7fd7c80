"""How finding by meaning is doing, in words that /health and pages show."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import N_

OFF, OK, STARTING, INDEXING, DOWN = "off", "ok", "starting", "indexing", "down"

REASONS = {
    STARTING: N_("the model is being loaded"),
    INDEXING: N_("the index is being built"),
    "packages": N_("sentence-transformers or Chroma is not installed (make embeddings)"),
    "model": N_("EMBED_MODEL_PATH holds no model that can be loaded"),
    "encode": N_("the model fails"),
    "slow": N_("the model does not answer in time"),
    "index": N_("the index cannot be read; it is checked and built anew if need be"),
    "write": N_("the index cannot be written (CHROMA_DIR)"),
}


@dataclass(frozen=True, slots=True)
class State:
    """`word` is one of off, ok, starting, indexing, down; `reason` a key of REASONS, "" when it is off or ok."""

    word: str
    reason: str = ""
    model: str = ""


class Unavailable(Exception):
    """Not by meaning now: `reason` is OFF or a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def state_of(reason: str) -> State:
    """The state that a reason for being unavailable stands for."""
    return (
        State(reason)
        if reason in (OFF,)
        else State(reason if reason in (STARTING, INDEXING) else DOWN, reason)
    )
