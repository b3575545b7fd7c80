import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidParam
from app.coupons.rules import Offer
from app.orders.pricing import max_points, points_earned, price


def offer(discount_cents: int = 0, *, points: int = 0, in_scope: tuple[int, ...] = (0, 1, 2)) -> Offer:
    return Offer(1, "C", "券", True, discount_cents, points, 0, None, in_scope)


def test_without_anything_the_amount_is_the_sum() -> None:
    priced = price([10_000, 5_000])
    assert (priced.amount_cents, priced.due_cents, priced.shares) == (15_000, 15_000, (0, 0))


def test_the_coupon_comes_first_then_points_then_credit() -> None:
    priced = price([20_000, 10_000], offer(5_000, in_scope=(0, 1)), points=2_500, credit_cents=500)
    assert priced.discount_cents == 7_500
    assert priced.amount_cents == 22_500
    assert priced.due_cents == 22_000


def test_a_coupon_of_one_category_is_shared_by_its_lines_only() -> None:
    priced = price([20_000, 10_000, 10_000], offer(4_000, in_scope=(0, 2)))
    assert priced.shares == (2_667, 0, 1_333)


def test_points_pay_for_at_most_half_of_what_the_coupon_leaves() -> None:
    assert max_points(9_999) == 4_999
    price([10_000], offer(2_000, in_scope=(0,)), points=4_000)
    with pytest.raises(InvalidParam) as caught:
        price([10_000], offer(2_000, in_scope=(0,)), points=4_001)
    assert caught.value.fields.keys() == {"points"}


def test_credit_never_pays_more_than_the_amount() -> None:
    assert price([10_000], credit_cents=10_000).due_cents == 0
    with pytest.raises(InvalidParam):
        price([10_000], credit_cents=10_001)


@pytest.mark.parametrize("wrong", [{"points": -1}, {"credit_cents": -1}])
def test_negative_points_and_credit_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidParam):
        price([10_000], **wrong)


def test_only_whole_yuan_earn_points() -> None:
    assert (points_earned(99), points_earned(100), points_earned(13_999)) == (0, 1, 139)


@given(
    subtotals=st.lists(st.integers(0, 5_000_000), min_size=1, max_size=50),
    scope=st.sets(st.integers(0, 49)),
    coupon=st.integers(0, 6_000_000),
    points=st.integers(0, 2_000_000),
)
def test_shares_add_up_to_the_discount_and_never_exceed_their_line(
    subtotals: list[int], scope: set[int], coupon: int, points: int
) -> None:
    in_scope = tuple(sorted(index for index in scope if index < len(subtotals)))
    discount = min(coupon, sum(subtotals[index] for index in in_scope))
    points = min(points, max_points(sum(subtotals) - discount))
    priced = price(subtotals, offer(discount, in_scope=in_scope), points)
    assert sum(priced.shares) == priced.discount_cents == discount + points
    assert all(0 <= share <= subtotal for share, subtotal in zip(priced.shares, subtotals, strict=True))
    assert priced.original_cents == priced.amount_cents + priced.discount_cents
