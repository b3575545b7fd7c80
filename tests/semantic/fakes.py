"""Stand-ins with planted meanings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from app.semantic.encoder import fingerprint_of
from app.semantic.reader import Found
from app.semantic.state import State, Unavailable


class PlantedMeaning:
    """For app.extensions: answers with what was planted for a question, or says why it cannot."""

    def __init__(self, near: dict[str, list[tuple[str, float]]], *, unavailable: str = "") -> None:
        self.near, self.unavailable, self.asked = near, unavailable, [""]

    def find(self, collection: str, query: str, count: int) -> Found:
        self.asked.append(query)
        if self.unavailable:
            raise Unavailable(self.unavailable)
        return Found(self.near.get(query, [])[:count], 0.5, "planted")

    def state(self) -> State:
        return State("ok", model="planted")


class SubjectEncoder:
    """Texts are alike when they name the same subjects; `before` runs first and may fail or hang."""

    def __init__(
        self, folder: Path, subjects: Sequence[str], before: Callable[[], None] = lambda: None
    ) -> None:
        self.name, self.fingerprint = folder.name, fingerprint_of(folder)
        self.subjects, self.before = tuple(subjects), before
        self.dimension = len(subjects) + 1
        self.encoded = 0

    def encode(self, texts: Sequence[str]) -> list[list[float]]:
        self.before()
        self.encoded += len(texts)
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        counts = [float(text.count(subject)) for subject in self.subjects]
        vector = [*counts, 0.0 if any(counts) else 1.0]
        length = math.sqrt(sum(each * each for each in vector))
        return [each / length for each in vector]


def model_folder(folder: Path, content: str = "weights") -> Path:
    """A folder that stands for a model; other content is another model."""
    folder.mkdir(exist_ok=True)
    (folder / "model.bin").write_text(content)
    return folder
