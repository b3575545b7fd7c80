"""Search tokens and the lexicon: what is indexed is what is asked for, in either language."""

from __future__ import annotations

import re

import pytest

from app.language.concepts import analyse, concept_tokens, content_phrase, find_concepts
from app.language.lexicon import lexicon
from app.language.normalise import normalise
from app.language.ranking import product_text, score, tier
from app.language.tokens import bigrams, index_tokens, phrase_tokens, query_tokens, stem, stems


@pytest.mark.parametrize(
    "text", ["轻盈防晒乳 SPF50+", "卸妆水 400 ml", "Men's Café au lait", "a", "维C", "ёж"]
)
def test_every_token_is_safe_for_every_engine(text: str) -> None:
    assert index_tokens(text)
    assert all(re.fullmatch(r"[a-z0-9]{3,}", token) for token in index_tokens(text))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("防晒", "轻盈防晒乳 SPF50+"),
        ("晒", "轻盈防晒乳"),
        ("sunscreens", "Featherlight Sunscreen"),
        ("moisturizer", "Men's Oil-control Moisturiser"),
        ("color", "Colour cream"),
        ("makeup", "Make-up remover"),
        ("400ml", "Cleansing Water 400 ml"),
        ("spf50", "防晒乳 SPF50+"),
        ("SKN-002", "skn-002"),
        ("護手霜", "玫瑰护手霜"),
        ("rosé", "Rose cream"),
        ("birds nest", "Bird's Nest"),
    ],
)
def test_a_query_is_found_in_the_text_it_is_part_of(query: str, text: str) -> None:
    assert set(query_tokens(query)) <= set(index_tokens(text))


def test_characters_pair_in_order_so_that_phrases_can_be_matched() -> None:
    indexed = index_tokens("轻盈防晒乳")
    wanted = list(phrase_tokens("防晒乳"))
    position = indexed.index(wanted[0])
    assert indexed[position : position + len(wanted)] == wanted
    assert bigrams("防晒乳") == ["防晒", "晒乳"]


def test_stop_words_are_not_asked_for() -> None:
    assert query_tokens("do you have a serum for me") == query_tokens("serum")


def test_stems_keep_words_of_another_meaning_apart() -> None:
    assert stem("redness") != stem("red")
    assert stems("Serums and hydrating creams")[0] == stem("serum")


def test_every_concept_is_well_formed() -> None:
    for concept in lexicon().concepts.values():
        assert concept.triggers, concept.key
        for key in (
            *concept.related,
            *concept.broader,
            *concept.akin,
            *(key for group in concept.implied_by for key in group),
        ):
            assert key in lexicon().concepts, (concept.key, key)
        assert all(category in lexicon().categories for category in concept.category_keys)
    tokens = [concept.token for concept in lexicon().concepts.values()]
    assert len(set(tokens)) == len(tokens)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("敏感肌能用的洁面", {"sensitive_skin", "cleanser"}),
        ("frizzy hair", {"frizz"}),
        ("声波洁面仪", {"cleansing_device"}),
        ("hair dryer", {"hair_dryer"}),
        ("serum with vitamin C", {"serum", "vitamin_c"}),
        ("给小朋友用的洗发水", {"for_kids", "shampoo"}),
    ],
)
def test_the_longest_word_says_what_is_meant(text: str, keys: set[str]) -> None:
    assert {match.concept.key for match in find_concepts(normalise(text))} == keys


def test_two_words_can_mean_a_third_together() -> None:
    assert "kids_wash" in {concept.key for concept in analyse("洗发水，小朋友用").required}


def test_a_wish_in_one_language_meets_a_product_in_the_other() -> None:
    said = {concept.token for concept in analyse("frizzy hair").concepts}
    assert said <= set(concept_tokens("摩洛哥护发精油", "顺滑不油,防毛躁"))


def test_please_and_any_are_no_content() -> None:
    assert content_phrase("请问有没有什么防晒推荐吗") == "防晒"
    assert content_phrase("could you recommend some sunscreen please") == "sunscreen"


def test_the_name_outweighs_the_description_and_other_peoples_gifts_come_last() -> None:
    cream = product_text({"sku": "A-1", "name": "玫瑰护手霜"})
    box = product_text({"sku": "A-2", "name": "母亲节礼盒", "description": "护手霜、身体乳"})
    query = analyse("护手霜")
    assert tier(query, cream) > tier(query, box) > 0
    assert score(query, cream) > score(query, box)
    gift = analyse("送男朋友的礼物")
    assert score(gift, box) < score(gift, product_text({"sku": "A-3", "name": "旅行礼盒"}))


def test_what_was_not_asked_for_does_not_fit() -> None:
    assert (
        tier(
            analyse("laptop"),
            product_text({"sku": "A-1", "name": "玫瑰护手霜", "name_en": "Rose Hand Cream"}),
        )
        == 0
    )
