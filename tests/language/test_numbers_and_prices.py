"""Numbers, prices, quantities, SKUs and cities in Chinese and English."""

from __future__ import annotations

import pytest

from app.language.entities import find_cities, find_price_range, find_quantities, find_skus
from app.language.normalise import detect_language, normalise
from app.language.numbers import find_numbers, parse_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("1,499", 1499),
        ("2k", 2000),
        ("1.5k", 1500),
        ("3万", 30_000),
        ("十二", 12),
        ("两百", 200),
        ("两百五", 250),
        ("一百零五", 105),
        ("一千二", 1200),
        ("两万五", 25_000),
        ("二十", 20),
        ("两打", 24),
        ("半打", 6),
        ("twenty-five", 25),
        ("a couple", 2),
        ("half a dozen", 6),
        ("two dozen", 24),
        ("a hundred", 100),
        ("one hundred and fifty", 150),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["spf50", "很", "", "cream"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_number(text) is None


def test_a_volume_or_a_code_holds_no_number_to_count_with() -> None:
    assert find_numbers("spf50 400ml") == []


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("200元以下的护肤品", None, 200),
        ("两百以内", None, 200),
        ("不超过100块", None, 100),
        ("预算五百", None, 500),
        ("100到200", 100, 200),
        ("100-200元", 100, 200),
        ("三到五百的礼盒", 300, 500),
        ("两三百块的精华", 200, 300),
        ("500元以上", 500, None),
        ("不低于300", 300, None),
        ("200块左右", 160, 240),
        ("under 150 yuan", None, 150),
        ("less than 100", None, 100),
        ("no more than 80", None, 80),
        ("no less than 80", 80, None),
        ("between 100 and 200", 100, 200),
        ("from 100 to 300 yuan", 100, 300),
        ("about 200", 160, 240),
        ("300 or less", None, 300),
        ("over 500 yuan", 500, None),
        ("¥100-¥300", 100, 300),
        ("2瓶10元以下", None, 10),
    ],
)
def test_price_conditions_are_found_in_cents(text: str, low: int | None, high: int | None) -> None:
    found = find_price_range(normalise(text))
    assert found is not None
    assert (found.min_cents, found.max_cents) == (low and low * 100, high and high * 100)


@pytest.mark.parametrize(
    "text",
    ["满300减50", "不超过3件", "卸妆水 400ml", "60分钟", "3 to 5 bottles", "spf50", "买5支", "50 off 300"],
)
def test_counts_volumes_and_coupons_are_no_prices(text: str) -> None:
    assert find_price_range(normalise(text)) is None


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("两支玫瑰护手霜", [2]),
        ("护手霜x3", [3]),
        ("3 x hand cream", [3]),
        ("a couple of lipsticks", [2]),
        ("three bottles of serum", [3]),
        ("a bottle of serum", [1]),
        ("half a dozen masks", [6]),
        ("2个200元以下的精华", [2]),
        ("卸妆水 400ml", []),
        ("护理60分钟", []),
        ("上海有3家店", []),
    ],
)
def test_quantities_are_counts_of_pieces(text: str, counts: list[int]) -> None:
    assert [quantity.value for quantity in find_quantities(normalise(text))] == counts


def test_skus_are_found_with_and_without_hyphen_but_spf_is_none() -> None:
    found = [sku for sku, _, _ in find_skus(normalise("ＳＫＮ－００１, har003 和 SPF50+ 400ml"))]
    assert found == ["SKN-001", "HAR-003"]


def test_cities_are_found_in_both_languages() -> None:
    assert [city for city, _, _ in find_cities(normalise("Xi'an, 上海 or hong kong"))] == [
        "西安",
        "上海",
        "香港",
    ]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("你好", "zh"),
        ("hello", "en"),
        ("买一瓶 Vitamin C serum 送给妈妈", "zh"),
        ("add 口红 to my cart", "en"),
        ("123", "zh"),
    ],
)
def test_the_language_of_a_text_is_detected(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_normalising_makes_width_case_script_and_space_one() -> None:
    assert normalise("　ＳＫＮ－００２　護膚、\u200bＡ ") == "skn-002 护肤,a"
