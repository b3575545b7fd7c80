from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidParam
from app.orders.refund_plan import Line, Paid, RefundPlan, plan_refund


def line(item_id: int = 1, sku: str = "A", *, quantity: int = 3, paid: int = 1_000, **values: int) -> Line:
    return Line(item_id=item_id, sku=sku, quantity=quantity, subtotal_cents=3_000, paid_cents=paid, **values)


def paid(due: int = 1_000, **values: int) -> Paid:
    defaults = {"refunded_cents": 0, "points_used": 0, "points_awarded": 0}
    return Paid(due_cents=due, **{**defaults, **values})


def test_the_last_piece_pays_the_cents_that_rounding_left() -> None:
    first = plan_refund([line()], {"A": 1}, paid())
    last = plan_refund([line(refunded_quantity=2, refunded_cents=666)], {"A": 1}, paid(refunded_cents=666))
    assert (first.amount_cents, last.amount_cents) == (333, 334)
    assert (first.is_complete, last.is_complete) == (False, True)


def test_the_provider_pays_back_first_then_the_store_credit() -> None:
    plan = plan_refund([line()], {"A": 2}, paid(due=500))
    assert (plan.amount_cents, plan.provider_cents, plan.credit_cents) == (666, 500, 166)


def test_points_return_and_are_taken_back_in_proportion_to_the_goods() -> None:
    lines = [line(1, "A"), line(2, "B")]
    plan = plan_refund(lines, {"A": 3}, paid(points_used=301, points_awarded=21))
    assert (plan.points_returned, plan.points_taken) == (150, 10)
    rest = [line(1, "A", refunded_quantity=3, refunded_cents=1_000), line(2, "B")]
    plan = plan_refund(rest, None, paid(refunded_cents=1_000, points_used=301, points_awarded=21))
    assert (plan.points_returned, plan.points_taken) == (151, 11)


def test_a_sku_on_two_lines_is_taken_from_the_first() -> None:
    plan = plan_refund([line(1), line(2)], {"A": 4}, paid())
    assert [(refund.item_id, refund.quantity) for refund in plan.lines] == [(1, 3), (2, 1)]


@pytest.mark.parametrize("wanted", [{"A": 4}, {"B": 1}, {"A": -1}, {"A": 0}, {}])
def test_what_is_not_there_cannot_be_refunded(wanted: dict[str, int]) -> None:
    with pytest.raises(InvalidParam):
        plan_refund([line()], wanted, paid())


def test_nothing_is_left_after_everything_came_back() -> None:
    with pytest.raises(InvalidParam):
        plan_refund([line(refunded_quantity=3, refunded_cents=1_000)], None, paid(refunded_cents=1_000))


GOODS = st.tuples(st.integers(1, 9), st.integers(0, 100_000), st.integers(0, 100))


@given(
    goods=st.lists(GOODS, min_size=1, max_size=4),
    due_percent=st.integers(0, 100),
    points=st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)),
    chance=st.randoms(use_true_random=False),
)
def test_any_sequence_of_refunds_ends_at_exactly_what_was_paid(
    goods: list[tuple[int, int, int]], due_percent: int, points: tuple[int, int], chance: Random
) -> None:
    lines = [
        Line(item_id=i, sku=f"S{i}", quantity=n, subtotal_cents=cents, paid_cents=cents * percent // 100)
        for i, (n, cents, percent) in enumerate(goods)
    ]
    whole = sum(item.paid_cents for item in lines)
    money = paid(whole * due_percent // 100, points_used=points[0], points_awarded=points[1])
    plans: list[RefundPlan] = []
    while any(item.left for item in lines):
        some = chance.choice([item for item in lines if item.left])
        wanted = {some.sku: chance.randint(1, some.left)}
        so_far = replace(money, refunded_cents=sum(plan.amount_cents for plan in plans))
        plans.append(plan_refund(lines, wanted, so_far))
        lines = [refunded(item, plans[-1]) for item in lines]
    assert sum(plan.amount_cents for plan in plans) == whole
    assert sum(plan.provider_cents for plan in plans) == money.due_cents
    assert [plan.is_complete for plan in plans] == [False] * (len(plans) - 1) + [True]
    for plan in plans:
        assert min(plan.amount_cents, plan.credit_cents, plan.points_returned, plan.points_taken) >= 0
    if any(item.subtotal_cents for item in lines):
        returned, taken = (
            sum(getattr(p, name) for p in plans) for name in ("points_returned", "points_taken")
        )
        assert (returned, taken) == points


def refunded(item: Line, plan: RefundPlan) -> Line:
    """The line after a refund."""
    for part in plan.lines:
        if part.item_id == item.item_id:
            return replace(
                item,
                refunded_quantity=item.refunded_quantity + part.quantity,
                refunded_cents=item.refunded_cents + part.amount_cents,
            )
    return item
