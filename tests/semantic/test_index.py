"""The index in Chroma: written by one, read by others, true to its texts, and whole again after any harm."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from flask import Flask

from app.core.errors import NotFound
from app.runtime import redis
from app.semantic import jobs, manifest, sources, store
from app.semantic.encoder import ModelError
from app.semantic.passages import Passage
from app.semantic.reader import EXTENSION, REST_SECONDS, Found, Reader
from app.semantic.sources import Source
from app.semantic.state import State, Unavailable
from app.semantic.writer import Synced, sync
from tests.conftest import MakeApp
from tests.semantic.fakes import SubjectEncoder, model_folder

pytestmark = [pytest.mark.embeddings, pytest.mark.usefixtures("embeddings")]
SUBJECTS = ("猫", "狗", "鱼", "cat", "dog", "fish")
PETS = {"cat": "猫", "dog": "狗", "fish": "鱼"}


@dataclass
class Pets:
    """A small source of texts, its model, and an application that reads it."""

    app: Flask
    model: Path
    texts: dict[str, str] = field(default_factory=lambda: dict(PETS))
    subjects: tuple[str, ...] = SUBJECTS
    encoder: SubjectEncoder | None = None

    @property
    def folder(self) -> Path:
        return Path(self.app.instance_path) / "chroma"

    def source(self) -> Source:
        return Source("pets", lambda: str(sorted(self.texts.items())), self._passages)

    def _passages(self) -> Iterator[Passage]:
        for key, text in self.texts.items():
            yield Passage(key, "zh", text, f"{text}的故事")

    def load(self, folder: Path) -> SubjectEncoder:
        self.encoder = SubjectEncoder(folder, self.subjects)
        return self.encoder

    def sync(self, **how: bool) -> Synced:
        return sync(self.source(), self.folder, self.model, load=self.load, **how)

    def reader(self, **how: float) -> Reader:
        """A reader of its own, as another process would have."""
        settings = self.app.extensions["mcpshop_settings"].model_copy(update=how)
        found = Reader(settings, load=lambda folder: SubjectEncoder(folder, self.subjects))
        found.wait(60)
        return found


def settle(reader: Reader) -> State:
    """The reader's state once all is well, or after half a minute."""
    deadline = time.monotonic() + 30
    while (state := reader.state()).word != "ok" and time.monotonic() < deadline:
        time.sleep(0.02)
    return state


@pytest.fixture
def pets(make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pets]:
    model = model_folder(tmp_path / "pet-model")
    app = make_app(embed_model_path=model, semantic_timeout_seconds=60)
    found = Pets(app, model)
    monkeypatch.setattr(sources, "SOURCES", [found.source])
    monkeypatch.setattr(jobs, "sync", partial(sync, load=found.load, wait_seconds=0.0))
    monkeypatch.setattr("app.semantic.reader.REST_SECONDS", dict.fromkeys(REST_SECONDS, 0.05))
    monkeypatch.setattr("app.semantic.requests.enqueue", lambda *_, **__: True)
    with app.app_context():
        yield found


def keys(found: Found) -> list[str]:
    return [key for key, _similarity in found.matches]


def test_what_is_written_is_found_and_nonsense_is_not(pets: Pets) -> None:
    done = pets.sync()
    assert (done.encoded, done.removed, done.head.pieces, done.head.dimension) == (3, 0, 3, 7)
    reader = pets.reader()
    assert reader.state() == State("ok", model="pet-model")
    found = reader.find("pets", "狗狗", 5)
    assert keys(found) == ["dog"] and found.matches[0][1] > 0.9 > found.threshold
    assert keys(reader.find("pets", "火车", 5)) == []


def test_only_what_changed_is_encoded_again(pets: Pets) -> None:
    pets.sync()
    assert pets.sync().encoded == 0
    assert pets.encoder and pets.encoder.encoded > 0
    del pets.texts["fish"]
    pets.texts["dog"] = "狗 dog"
    done = pets.sync()
    assert (done.encoded, done.removed, done.head.pieces) == (1, 1, 2)


def test_readers_see_a_change_that_another_process_made(pets: Pets) -> None:
    pets.sync()
    reader = pets.reader()
    assert keys(reader.find("pets", "fish", 5)) == []
    pets.texts["goldfish"] = "fish"
    script = (
        "import chromadb, sys; c = chromadb.PersistentClient(sys.argv[1], "
        "chromadb.Settings(anonymized_telemetry=False)); k = c.list_collections()[0]; "
        "k.upsert(ids=['goldfish/zh/0'], embeddings=[[0, 0, 0, 0, 0, 1.0, 0]], documents=['fish'], "
        "metadatas=[{'key': 'goldfish', 'locale': 'zh', 'digest': ''}])"
    )
    subprocess.run([sys.executable, "-c", script, str(pets.folder)], check=True, timeout=100)
    head = manifest.read_head(pets.folder, "pets")
    assert head is not None
    manifest.write_head(pets.folder, "pets", head.__class__(**{**_values(head), "generation": "next"}))
    assert keys(reader.find("pets", "fish", 5)) == ["goldfish"]


def _values(head: manifest.Head) -> dict[str, object]:
    return {name: getattr(head, name) for name in head.__dataclass_fields__}


def test_another_model_with_other_dimensions_makes_the_index_anew(pets: Pets) -> None:
    pets.sync()
    reader = pets.reader()
    pets.subjects = ("猫", "狗")
    model_folder(pets.model, "other weights, and more of them")
    # Until the new index is there, the old model goes on with the old one.
    assert keys(reader.find("pets", "狗", 5)) == ["dog"]
    jobs.sweep()
    assert redis().get("semantic:wanted:pets")
    assert pets.sync().head.dimension == 3
    assert settle(reader).word == "ok"
    assert keys(reader.find("pets", "狗", 5)) == ["dog"]


@pytest.mark.parametrize("harm", ["deleted", "database gone", "garbage", "vectors gone", "collection gone"])
def test_after_any_harm_the_index_is_whole_again(pets: Pets, harm: str) -> None:
    import shutil

    pets.sync()
    if harm == "deleted":
        shutil.rmtree(pets.folder)
    elif harm == "database gone":
        (pets.folder / store.FILE).unlink()
    elif harm == "garbage":
        (pets.folder / store.FILE).write_bytes(b"no database" * 500)
    elif harm == "vectors gone":
        for path in pets.folder.glob("*/*.bin"):
            path.write_bytes(b"")
    else:
        opened = store.Store(pets.folder)
        opened._client.delete_collection("pets")
        opened.close()
    reader = pets.reader()
    try:
        found = keys(reader.find("pets", "狗", 5))
    except Unavailable as error:
        found = []
        assert error.reason in ("indexing", "index", "starting")
    assert found in ([], ["dog"])
    jobs.sync_collection("pets", verify=True)
    assert settle(reader).word == "ok"
    assert keys(reader.find("pets", "狗", 5)) == ["dog"]
    assert keys(pets.reader().find("pets", "猫", 5)) == ["cat"]


def test_a_writer_that_died_half_way_is_made_up_for(pets: Pets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.semantic.writer.BATCH", 1)
    put, calls = store.put, []

    def dies_at_the_third(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt()
        put(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "put", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        pets.sync()
    assert manifest.read_head(pets.folder, "pets") is None
    monkeypatch.setattr(store, "put", put)
    done = pets.sync()
    assert (done.encoded, done.head.pieces) == (1, 3)


def test_there_is_one_writer_at_a_time(pets: Pets) -> None:
    with store.writing(pets.folder, 0.0):
        with pytest.raises(store.Locked), store.writing(pets.folder, 0.0):
            pass
        jobs.sync_collection("pets")
    assert manifest.read_head(pets.folder, "pets") is None
    jobs.sync_collection("pets")
    assert manifest.read_head(pets.folder, "pets") is not None


def test_a_folder_that_cannot_be_written_is_said(pets: Pets) -> None:
    pets.folder.write_text("a file where the folder should be")
    jobs.sync_collection("pets")
    assert pets.reader().state() == State("down", "write")
    pets.folder.unlink()
    jobs.sync_collection("pets")
    assert settle(pets.reader()).word == "ok"


def test_a_model_that_is_not_there_is_said(pets: Pets) -> None:
    pets.sync()
    (pets.model / "model.bin").unlink()
    reader = pets.reader()
    with pytest.raises(Unavailable):
        reader.find("pets", "狗", 5)
    assert reader.state() == State("down", "model")
    jobs.sweep()
    assert redis().get("semantic:trouble:pets") == "model"
    model_folder(pets.model)
    jobs.sync_collection("pets")
    assert settle(reader).word == "ok"


@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_a_model_that_fails_at_work_is_left_alone_until_it_works(pets: Pets, how: str) -> None:
    pets.sync()
    reader, release = pets.reader(semantic_timeout_seconds=0.2), Event()
    assert reader._vectors is not None
    encoder = reader._vectors._encoder
    assert isinstance(encoder, SubjectEncoder)

    def fails() -> None:
        if how == "hangs":
            release.wait(60)
        raise RuntimeError("out of memory")

    encoder.before = fails
    for _try in range(3):
        with pytest.raises(Unavailable) as error:
            reader.find("pets", "狗", 5)
        assert error.value.reason == ("slow" if how == "hangs" else "encode")
    assert reader.state().word == "down"
    encoder.before = lambda: None
    release.set()
    assert settle(reader).word == "ok"
    assert keys(reader.find("pets", "狗", 5)) == ["dog"]


def test_a_question_is_encoded_once(pets: Pets) -> None:
    pets.sync()
    reader = pets.reader()
    assert reader._vectors is not None
    encoder = reader._vectors._encoder
    assert isinstance(encoder, SubjectEncoder)
    before = encoder.encoded
    for _time in range(3):
        reader.find("pets", "狗", 5)
    assert encoder.encoded == before + 1


def test_the_sweep_asks_for_what_is_missing_or_old(pets: Pets, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("app.semantic.requests.request_sync", lambda name, **_: asked.append(name))
    jobs.sweep()
    assert asked == ["pets"]
    pets.sync()
    jobs.sweep()
    assert asked == ["pets"]
    pets.texts["bird"] = "鸟"
    jobs.sweep()
    assert asked == ["pets"] * 2


def test_an_unknown_collection_and_no_model_are_no_accident(pets: Pets, app: Flask, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        sources.get_source("plants")
    with pytest.raises(ModelError):
        sync(pets.source(), pets.folder, tmp_path / "nowhere", load=pets.load)
    with app.app_context():
        jobs.sweep()
        jobs.sync_collection("pets")
        assert EXTENSION not in app.extensions
