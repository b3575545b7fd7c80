"""What a check of a suspect gives."""

from __future__ import annotations

from dataclasses import dataclass

from app.insights.diagnosis.model import Cause, Figure


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspect's figure, and what in it moved by more than chance (nothing: it is ruled out). `topic` names it in texts and searches."""

    topic: str
    figure: Figure
    causes: tuple[Cause, ...] = ()
    # Further figures that a sentence may cite.
    others: tuple[Figure, ...] = ()
