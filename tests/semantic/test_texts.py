"""Cutting texts, telling near from far, and the files beside a collection: no model needed."""

from __future__ import annotations

from pathlib import Path

from app.semantic import manifest
from app.semantic.passages import MOST_CJK, MOST_LATIN, Passage, pieces_of
from app.semantic.threshold import quantile, threshold_of


def test_a_short_text_is_one_piece_under_its_title() -> None:
    (piece,) = pieces_of([Passage("aov", "zh", "客单价", "成交额除以订单数。")])
    assert (piece.id, piece.key, piece.text) == ("aov/zh/0", "aov", "客单价\n成交额除以订单数。")


def test_a_long_text_is_cut_at_its_sentences_and_loses_nothing() -> None:
    for sentence, most in (
        ("门店要先看支付失败的订单。", MOST_CJK),
        ("First look at the failed payments. ", MOST_LATIN),
    ):
        text = sentence * 150
        pieces = list(pieces_of([Passage("k", "zh", "T", text)]))
        parts = [piece.text.removeprefix("T\n") for piece in pieces]
        assert "".join(parts).replace(" ", "") == text.replace(" ", "")
        assert all(len(part) <= most * 1.2 for part in parts)
        assert all(part.rstrip().endswith(("。", ".")) for part in parts)


def test_a_text_without_any_sentence_is_cut_all_the_same() -> None:
    assert (
        max(len(piece.text) for piece in pieces_of([Passage("k", "zh", "T", "长" * 4_000)])) <= MOST_CJK * 2
    )


def test_a_digest_changes_with_title_and_text_only() -> None:
    def digest(title: str, text: str) -> str:
        return next(pieces_of([Passage("k", "zh", title, text)])).digest

    assert digest("a", "b") == digest("a", "b")
    assert len({digest("a", "b"), digest("a", "c"), digest("d", "b")}) == 3


def test_the_threshold_lies_above_others_and_nonsense_and_below_own_titles() -> None:
    others, nonsense = [0.2] * 95 + [0.6] * 5, [0.1] * 9 + [0.35]
    found = threshold_of([0.8] * 10, others, nonsense)
    assert 0.2 <= found < 0.6 and found >= 0.1
    assert threshold_of([0.8] * 10, [0.2] * 100, [0.5] * 10) == 0.5
    # A model that finds titles no more like their own texts than nonsense is not cut off from everything.
    assert threshold_of([0.3] * 10, [0.2] * 100, [0.9] * 10) == 0.2999
    assert threshold_of([], [], []) == 0.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_a_head_that_cannot_be_read_is_no_head(tmp_path: Path) -> None:
    head = manifest.Head(
        fingerprint="f",
        model="m",
        dimension=3,
        generation="g",
        threshold=0.5,
        pieces=2,
        version="v",
        checked_at=1.0,
    )
    manifest.write_head(tmp_path, "kb", head)
    assert manifest.read_head(tmp_path, "kb") == head
    manifest.write_pieces(tmp_path, "kb", "f", {"a": "1"})
    assert manifest.read_pieces(tmp_path, "kb", "f") == {"a": "1"}
    assert manifest.read_pieces(tmp_path, "kb", "another model") == {}
    for broken in ("", "{", "[]", '{"fingerprint": 1}'):
        (tmp_path / "kb.json").write_text(broken)
        assert manifest.read_head(tmp_path, "kb") is None
    manifest.forget(tmp_path, "kb")
    assert list(tmp_path.iterdir()) == []
