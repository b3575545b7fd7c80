"""Reciprocal rank fusion of several rankings. Pure.

Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods" (SIGIR 2009).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

K = 60


def fuse(rankings: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
    """Keys with their fused scores, best first; each ranking is best first and names a key once."""
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for place, key in enumerate(ranking, start=1):
            scores[key] += 1 / (K + place)
    return sorted(scores.items(), key=lambda each: (-each[1], each[0]))
