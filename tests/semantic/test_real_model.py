"""The real loading code on a real, if tiny, sentence-transformers model: command, job, page, API, health."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.catalogue.filters import ProductFilter
from app.catalogue.queries import find_products
from app.core.actor import Role
from app.db import in_transaction
from app.insights.knowledge import search, service
from app.insights.knowledge.files import read_documents
from app.insights.knowledge.queries import get_document
from app.semantic import jobs
from app.semantic.encoder import ModelError, SentenceModel
from app.semantic.reader import meaning
from app.semantic.state import State
from tests.browsing import sign_in
from tests.builders import actor_of, make_product, make_user
from tests.conftest import MakeApp

pytestmark = [pytest.mark.embeddings]


@pytest.fixture
def shop(make_app: MakeApp, tiny_model: Path) -> Iterator[Flask]:
    """A shop with the delivered documents and two products, indexed by the command and the job."""
    app = make_app(embed_model_path=tiny_model, semantic_timeout_seconds=60)
    with app.app_context():
        make_product("SUN-1", name="轻盈防晒乳", name_en="Featherlight Sunscreen", description="户外用")
        make_product("CLN-1", name="氨基酸洁面乳", name_en="Amino Acid Cleanser", description="弱酸性")
    printed = app.test_cli_runner().invoke(args=["kb", "load"]).output
    assert "30 added" in printed or "added" in printed
    assert "Chroma collection retail_kb" in printed and "64 dimensions, threshold 0." in printed
    with app.app_context():
        jobs.sync_collection("products")
        assert wait_for_ok() == State("ok", model="tiny")
        yield app


def wait_for_ok() -> State:
    deadline = time.monotonic() + 60
    while (state := meaning().state()).word != "ok" and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


def test_documents_are_near_to_their_own_titles_in_both_languages(shop: Flask) -> None:
    """Not all: a model that knows nothing but letters cannot tell many English ones apart."""
    titles = [
        (file.key, title) for file in read_documents() for title in (file.text.title, file.text.title_en)
    ]
    near = [title for key, title in titles if key in dict(meaning().find("retail_kb", title, 3).matches)]
    assert len(near) > len(titles) * 0.5


def test_nonsense_brings_nothing_by_meaning(shop: Flask) -> None:
    for question in ("啊啊啊嗯嗯哦哦", "asdf qwer zxcv", "火车几点从北京开往西安"):
        assert [
            hit for hit in search.answer(question, "zh").hits if hit.meaning_place == 1 and hit.word_place
        ] == []


def test_a_changed_document_is_found_by_its_new_meaning_after_the_job(shop: Flask) -> None:
    actor = actor_of(make_user(roles=(Role.OPERATOR,)))
    text = next(iter(read_documents())).text
    seen = service.stamp_of(get_document("aov"))
    strange = text.__class__(
        title="榴莲冰糕", content="榴莲冰糕很香甜", title_en="Durian", content_en="Durian", tags=text.tags
    )
    in_transaction(lambda: service.update_document(actor, "aov", strange, seen=seen))
    jobs.sync_collection("retail_kb")
    hit = search.answer("冰糕香甜榴莲", "zh").hits[0]
    assert hit.key == "aov" and hit.meaning_place == 1 and hit.similarity is not None and hit.similarity > 0.8


def test_the_page_and_health_say_how_it_was_found(shop: Flask) -> None:
    client: FlaskClient = shop.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    sign_in(client, make_user("oscar", roles=(Role.OPERATOR,)))
    page = client.get("/ops/knowledge?q=复购率的口径与读法").get_data(as_text=True)
    assert "By words and by meaning (tiny)" in page
    assert "similarity 0." in page and "by reciprocal rank" in page and "place 1, BM25" in page
    assert client.get("/health").json["checks"]["semantic"] == "ok"


def test_products_are_found_by_meaning_and_follow_their_changes(shop: Flask) -> None:
    # The characters of the name in another order: no pair of them is in the index of words.
    assert [each.sku for each in find_products(ProductFilter(q="乳晒防盈轻")).items][:1] == ["SUN-1"]
    assert find_products(ProductFilter(q="乳晒防盈轻", words_only=True)).total == 0


def test_a_folder_that_holds_no_model_is_refused_with_a_reason(embeddings: None, tmp_path: Path) -> None:
    for content in ({}, {"config.json": "{"}, {"modules.json": "[]"}, {"notes.txt": "no model"}):
        folder = tmp_path / f"model{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for name, text in content.items():
            (folder / name).write_text(text)
        with pytest.raises(ModelError) as error:
            SentenceModel(folder)
        assert error.value.reason == "model"
