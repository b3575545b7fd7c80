"""Words and meaning together: what each names, what both name, and what happens without the model."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.actor import Role
from app.db import in_transaction
from app.insights.knowledge.files import read_documents
from app.insights.knowledge.search import answer
from app.insights.knowledge.service import delete_document, load_documents
from app.semantic.reader import EXTENSION
from tests.browsing import sign_in
from tests.builders import actor_of, make_user
from tests.semantic.fakes import PlantedMeaning

QUESTION = "复购率怎么算的"


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> FlaskClient:
    with app.app_context():
        in_transaction(lambda: load_documents(list(read_documents())))
        sign_in(client, make_user("oscar", roles=(Role.OPERATOR,)))
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def plant(app: Flask, *near: tuple[str, float], unavailable: str = "") -> PlantedMeaning:
    meaning = PlantedMeaning({QUESTION: list(near)}, unavailable=unavailable)
    app.extensions[EXTENSION] = meaning
    return meaning


def test_what_both_name_comes_before_what_one_names(app: Flask, desk: FlaskClient) -> None:
    with app.app_context():
        words = [hit.key for hit in answer(QUESTION, "zh", 20).hits]
        second = words[1]
        plant(app, ("campaign-win-back", 0.91), (second, 0.82))
        found = answer(QUESTION, "zh", 20)
        assert found.hits[0].key == second
        assert {hit.key for hit in found.hits} == {*words, "campaign-win-back"}
        win_back = next(hit for hit in found.hits if hit.key == "campaign-win-back")
        assert (win_back.meaning_place, win_back.similarity) == (1, 0.91)
        assert found.hits[0].score == pytest.approx(1 / 62 + 1 / 62)


def test_a_document_that_was_deleted_meanwhile_does_not_come_up(app: Flask, desk: FlaskClient) -> None:
    with app.app_context():
        plant(app, ("aov", 0.99))
        actor = actor_of(make_user("other", roles=(Role.OPERATOR,)))
        in_transaction(lambda: delete_document(actor, "aov"))
        assert "aov" not in [hit.key for hit in answer(QUESTION, "zh", 20).hits]


@pytest.mark.parametrize("reason", ["slow", "index", "model", "indexing", "starting"])
def test_without_the_model_words_answer_and_the_page_says_why(
    app: Flask, desk: FlaskClient, reason: str
) -> None:
    with app.app_context():
        by_words = answer(QUESTION, "zh", 5).hits
        plant(app, unavailable=reason)
        assert answer(QUESTION, "zh", 5).hits == by_words
    page = desk.get(f"/ops/knowledge?q={QUESTION}").get_data(as_text=True)
    assert "By words only" in page and "/ops/knowledge/repeat-rate" in page


def test_the_page_shows_ranks_and_scores(app: Flask, desk: FlaskClient) -> None:
    plant(app, ("repeat-rate", 0.913), ("risk-stock", 0.61))
    page = desk.get(f"/ops/knowledge?q={QUESTION}").get_data(as_text=True)
    assert "By words and by meaning (planted)" in page
    assert "place 1, similarity 0.913 (from 0.500 on it counts)" in page
    assert "no word in common" in page and "not near enough" in page


def test_without_a_model_the_page_does_not_speak_of_one(desk: FlaskClient) -> None:
    page = desk.get(f"/ops/knowledge?q={QUESTION}").get_data(as_text=True)
    assert "By words only" not in page and "By meaning" not in page
