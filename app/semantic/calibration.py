"""Measuring a collection's threshold: see app.semantic.threshold for what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.semantic.encoder import Encoder
from app.semantic.passages import Passage, pieces_of
from app.semantic.store import nearest
from app.semantic.threshold import NONSENSE, threshold_of

# So many titles say as much as all of them.
SAMPLE = 120


def measure_threshold(collection: Any, passages: Sequence[Passage], encoder: Encoder) -> float:
    """The threshold of these texts under this model; blocks."""
    if not passages:
        return 0.0
    step = max(1, len(passages) // SAMPLE)
    sample = {next(pieces_of([passage])).id: passage for passage in passages[::step][:SAMPLE]}
    found = collection.get(ids=list(sample), include=["embeddings"])
    vectors = dict(zip(found["ids"], found["embeddings"], strict=True))
    titles = encoder.encode([sample[id].title for id in vectors])
    own, others = _compare(titles, vectors, sample)
    nonsense = [nearest(collection, vector, 1)[0][1] for vector in encoder.encode(NONSENSE)]
    return threshold_of(own, others, nonsense)


def _compare(
    titles: Sequence[Sequence[float]], vectors: dict[str, Any], sample: dict[str, Passage]
) -> tuple[list[float], list[float]]:
    """How similar titles are to their own texts, and to other things' texts in the same language."""
    import numpy as np

    table = np.asarray(titles) @ np.asarray(list(vectors.values())).T
    own, others = [], []
    for row, first in enumerate(vectors):
        for column, second in enumerate(vectors):
            if first == second:
                own.append(float(table[row, column]))
            elif sample[first].key != sample[second].key and sample[first].locale == sample[second].locale:
                others.append(float(table[row, column]))
    return own, others
