"""Claims with a number or a quotation that has no source are dropped, whoever wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.insights.diagnosis.model import Claim, Column, Document, Figure, Ref, Unit
from app.insights.diagnosis.spoken_numbers import numbers_in, readable
from app.insights.diagnosis.verifying import verify
from app.insights.diagnosis.writing import shown

FIGURE = Figure(
    "sales",
    "各店成交额",
    (
        Column("label", "门店", "text", "label"),
        Column("start", "开始", "date"),
        Column("then", "对比期", "yuan", "then"),
        Column("now", "本期", "yuan", "now"),
        Column("change", "变化", "yuan", "change"),
        Column("relative", "变化率", "ratio", "change"),
        Column("orders", "订单数", "count", "now"),
        Column("rate", "支付成功率", "ratio", "now"),
        Column("points", "成功率变化", "points", "change"),
        Column("frequency", "每百人订单数", "number", "now"),
    ),
    (
        ("北京国贸店", "2026-11-25", 60_000.0, 42_000.0, -18_000.0, -0.3, 1_234, 0.8444, -0.139, 47.47),
        ("3号店", "2026-11-25", 1_099_506.0, 1_131_143.5, 31_637.5, 0.028775, 352, 0.98, 0.002, 12.0),
    ),
)
OTHER = Figure("other", "别的", (Column("label", "名", "text"), Column("n", "数", "count")), (("甲", 777),))
DOCUMENT = Document(
    "payments",
    "支付失败集中在一家门店",
    "失败率比其他门店高 5 个百分点以上,当天就应处理。\n24 小时内的找回率最高。",
)


def holds(text: str, *refs: Ref, tag: str = "data") -> bool:
    key = "sales" if tag == "data" else "payments"
    claim = Claim("finding", text, tag, refs or (Ref(key),))  # type: ignore[arg-type]
    kept, dropped = verify([claim], [FIGURE, OTHER], [DOCUMENT])
    assert len(kept) + len(dropped) == 1
    return bool(kept)


TRUE = [
    "北京国贸店的成交额为 ¥42,000。",
    "北京国贸店的成交额为 42000 元。",
    "成交额 4.2万，对比期 6万。",
    "成交额降到四万二千元。",
    "成交额下降了 30%。",
    "成交额下降了 30.0％。",
    "成交额下降三成。",
    "成交额下降百分之三十。",
    "变化 -30%，即 -¥18,000。",
    "成功率 84.4%，下降 13.9 个百分点。",
    "成功率下降了十四个百分点。",
    "订单 1,234 单。",
    "订单１２３４单。",
    "3号店的成交额上升 ¥31,637.50。",
    "3号店的成交额为 113.1万。",
    "3号店的成交额为 1.13 million yuan",
    "每百人订单数是 47.5。",
    "GMV fell by 30% to ¥42,000.",
    "GMV fell by 30 percent, by 18k yuan.",
    "GMV fell thirty percent.",
    "It fell by 13.9 points, to 84.44%.",
    "Success fell 13.9 percentage points.",
    "GMV was ¥60.0k before.",
    "自 2026-11-25 起成交额为 ¥42,000。",
    "自 2026年11月25日起，11月25日",
    "since Nov 25, 2026 and 25 November",
    "没有数字也可以。",
    "这一周第一家统一下降的门店。",
    "One of the stores fell, the first of them.",
    "成交额为 ¥42,000，其中一家门店最明显。",
]
FALSE = [
    "成交额为 ¥43,000。",
    "成交额为 ¥24,000。",
    "成交额为 ¥420,000。",
    "成交额为 ¥42,001。",
    "成交额下降了 31%。",
    "成交额下降了 30.4%。",
    "成交额上升了 30%。",
    "成交额变化 +30%。",
    "成交额下降四成。",
    "成交额下降百分之四十。",
    "成交额下降近一半。",
    "成交额翻了一番。",
    "成交额下降 30 个百分点。",
    "成功率下降 13.9%。",
    "订单 ¥1,234。",
    "订单 352 元。",
    "成交额 42,000 单。",
    "利润率 17.5%。",
    "订单１２３５单。",
    "订单 ١٢٣٥ 单。",
    "订单 ①②③⑤ 单。",
    "订单 𝟏𝟐𝟑𝟓 单。",
    "订单 1\u200b235 单。",
    "成交额 4.3万。",
    "成交额是五万元。",
    "有两千三百单。",
    "影响了三家门店。",
    "损失 ¥1.2亿。",
    "GMV rose by 30%.",
    "GMV fell by forty percent.",
    "GMV was halved.",
    "GMV doubled.",
    "A third of orders failed.",
    "Two stores were closed.",
    "GMV fell by 30 points.",
    "about 500 customers left",
    "成交额自 2026-11-24 起下降。",
    "since Nov 24, 2026",
    "变化 0.3 倍以上，共 99 次。",
    "9号店的成交额为 ¥42,000。",
    "777 单",
    "成交额是以前的 352 倍。",
    "It is 352 times what it was.",
    "成交额是以前的三倍。",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_the_figures_say_is_kept(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize("text", FALSE)
def test_what_no_cell_supports_is_dropped(text: str) -> None:
    assert not holds(text)


def test_a_number_must_be_in_the_cells_that_are_cited() -> None:
    assert holds("成交额 ¥42,000", Ref("sales", 0, "now"))
    assert not holds("成交额 ¥60,000", Ref("sales", 0, "now"))
    assert not holds("成交额 ¥42,000", Ref("sales", 1))
    assert holds("777 单，成交额 ¥42,000", Ref("sales"), Ref("other"))


@pytest.mark.parametrize(
    "ref", [Ref("nothing"), Ref("sales", 9, "now"), Ref("sales", -1, "now"), Ref("sales", 0, "profit")]
)
def test_a_source_that_there_is_not_supports_nothing(ref: Ref) -> None:
    assert not holds("成交额下降。", ref)


def test_a_claim_without_a_source_is_dropped() -> None:
    kept, dropped = verify([Claim("finding", "成交额下降。", "data", ())], [FIGURE], [])
    assert kept == [] and dropped[0].reason == "no_source"


def test_what_was_dropped_is_told() -> None:
    _, dropped = verify([Claim("check", "利润率 17.5%。", "data", (Ref("sales"),))], [FIGURE], [])
    assert (dropped[0].reason, dropped[0].what) == ("number", "17.5%")


QUOTED = [
    ("“当天就应处理”", True),
    ("《支付失败集中在一家门店》说：“24 小时内的找回率最高。”", True),
    ("「失败率比其他门店高 5 个百分点以上」", True),
    ("“失败率比其他门店高 6 个百分点以上”", False),
    ("“当天就应处理”，“次日再处理”", False),
    ("“当天就应处理”，24 小时内", True),
    ("“当天就应处理”，48 小时内", False),
    ("当天就应处理", False),
    ("“应”", False),
    ('"当天就应处理" and "nothing of the kind"', False),
]


@pytest.mark.parametrize(("text", "expected"), QUOTED)
def test_quotations_stand_in_their_document(text: str, expected: bool) -> None:
    assert holds(text, tag="kb") is expected


def test_a_quotation_of_another_document_is_dropped() -> None:
    assert not holds("“当天就应处理”", Ref("aov"), tag="kb")
    assert not holds("“当天就应处理”", Ref("payments"), Ref("aov"), tag="kb")


@given(
    value=st.floats(0.01, 5e7),
    unit=st.sampled_from(["yuan", "count", "ratio", "points", "number"]),
    sign=st.sampled_from([1, -1]),
    locale=st.sampled_from(["zh", "en"]),
)
def test_whatever_we_show_is_understood_again(value: float, unit: Unit, sign: int, locale: str) -> None:
    cell = sign * (
        value / 5e7 if unit in ("ratio", "points") else float(round(value)) if unit == "count" else value
    )
    figure = Figure("f", "t", (Column("c", "c", unit, "change"),), ((cell,),))
    text = shown(cell, unit, locale)
    kept, dropped = verify([Claim("finding", text, "data", (Ref("f", 0, "c"),))], [figure], [])
    assert kept, (text, cell, dropped)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (-0.00001, "points", "0.00 points"),
        (-0.002, "yuan", "¥0.00"),
        (-18_000.4, "yuan", "-¥18,000"),
        (0.0287, "ratio", "2.9%"),
        (47.47, "number", "47.5"),
        (None, "count", "–"),
    ],
)
def test_values_are_shown_as_people_read_them(value: float | None, unit: Unit, said: str) -> None:
    assert shown(value, unit, "en") == said


@given(st.integers(1_000, 10**7), st.integers(0, 6), st.integers(1, 9))
def test_a_digit_that_was_changed_is_seen(value: int, place: int, by: int) -> None:
    digits = str(value)
    place %= len(digits)
    other = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    figure = Figure("f", "t", (Column("c", "c", "count", "now"),), ((value,),))
    claim = Claim("finding", f"共 {int(other):,} 单", "data", (Ref("f"),))
    assert bool(verify([claim], [figure], [])[0]) is (int(other) == value)


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    numbers_in(readable(text))
    holds(text)
    holds(text, tag="kb")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("¥3.2万", "yuan", 32_000),
        ("1,234.5", "plain", 1_234.5),
        ("12.3%", "percent", 12.3),
        ("+5个百分点", "points", 5),
        ("30 percent", "percent", 30),
        ("三成半", "percent", 35),
        ("百分之三点五", "percent", 3.5),
        ("一百二十单", "count", 120),
        ("１２单", "count", 12),
        ("twenty-five orders", "count", 25),
        ("3.5 million yuan", "yuan", 3_500_000),
        ("2 pp", "points", 2),
        ("1.2亿元", "yuan", 120_000_000),
    ],
)
def test_numbers_are_read_with_their_units(text: str, kind: str, value: float) -> None:
    (found,) = numbers_in(readable(text))
    assert (found.kind, found.value) == (kind, pytest.approx(value))
