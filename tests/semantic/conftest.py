"""Models for tests: a tiny real one, made once, and fakes with planted meanings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import unavailable
from tests.semantic.tiny_model import make_model

PACKAGES = ("sentence_transformers", "torch", "chromadb")


@pytest.fixture(scope="session")
def embeddings() -> None:
    """The optional packages; without them the test is named as skipped."""
    if not all(find_spec(name) for name in PACKAGES):
        unavailable("sentence-transformers with torch and chromadb (make embeddings)")


@pytest.fixture(scope="session")
def tiny_model(embeddings: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sentence-transformers model in a folder."""
    return make_model(tmp_path_factory.mktemp("model") / "tiny")
