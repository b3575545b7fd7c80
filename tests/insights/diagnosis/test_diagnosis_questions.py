"""What a question why is about: the metric, which way it is said to have gone, filters, and both periods, equally long."""

from __future__ import annotations

import pytest

from app.insights.answers import Understood
from app.insights.diagnosis.subject import Subject, asked_direction, direction_words, subject_of
from app.insights.question import Comparison, Question
from app.language.normalise import detect_language
from app.language.periods import calendar
from tests.insights.demo_names import ask, context

WEEK, BEFORE = ("2026-11-15", "2026-11-21"), ("2026-11-08", "2026-11-14")
# sentence, metric, said to have gone
QUESTIONS = [
    ("复购率为什么下降了?", "repeat_rate", "down"),
    ("为什么复购率掉了", "repeat_rate", "down"),
    ("复购率怎么越来越低", "repeat_rate", "down"),
    ("复购率为什么上升了", "repeat_rate", "up"),
    ("回头率下滑是什么原因", "repeat_rate", "down"),
    ("GMV 为什么跌了", "gmv", "down"),
    ("销售额下降的原因", "gmv", "down"),
    ("为什么营业额涨了", "gmv", "up"),
    ("成交额怎么突然变少了", "gmv", "down"),
    ("成交额为什么没有增长", "gmv", "down"),
    ("业绩为什么不好", "gmv", "down"),
    ("客单价怎么降了", "aov", "down"),
    ("客单价为什么变高了", "aov", "up"),
    ("分析一下客单价下降", "aov", "down"),
    ("为什么笔单价走低", "aov", "down"),
    ("订单数为什么减少", "orders", "down"),
    ("单量为什么猛增", "orders", "up"),
    ("支付成功率为什么下降", "payment_success_rate", "down"),
    ("为什么支付失败率上升", "payment_failure_rate", "up"),
    ("支付失败单数为什么变多", "failed_payments", "up"),
    ("新客数为什么增加", "new_buyers", "up"),
    ("老客数为什么减少了", "returning_buyers", "down"),
    ("购买人数为什么变少", "buyers", "down"),
    ("折扣率为什么升高", "discount_rate", "up"),
    ("优惠金额为什么涨了", "discount", "up"),
    ("连带率为什么下滑", "units_per_order", "down"),
    ("件单价为什么下跌", "unit_price", "down"),
    ("人均消费为什么下降", "spend_per_buyer", "down"),
    ("购买频次为什么降低", "orders_per_buyer", "down"),
    ("新增会员为什么变少了", "new_members", "down"),
    ("销量为什么下降", "units", "down"),
    ("why did the repeat rate fall?", "repeat_rate", "down"),
    ("why is the repeat rate lower", "repeat_rate", "down"),
    ("why did the repeat rate rise", "repeat_rate", "up"),
    ("why did GMV fall?", "gmv", "down"),
    ("why is revenue down", "gmv", "down"),
    ("what caused the drop in sales", "gmv", "down"),
    ("why did turnover increase", "gmv", "up"),
    ("why are sales not growing", "gmv", "down"),
    ("reasons for the decline in AOV", "aov", "down"),
    ("why is the average order value up", "aov", "up"),
    ("why did orders decrease", "orders", "down"),
    ("why are there fewer orders", "orders", "down"),
    ("why did the payment success rate drop", "payment_success_rate", "down"),
    ("why are failed payments rising", "failed_payments", "up"),
    ("what is behind the payment failure rate", "payment_failure_rate", None),
    ("why do we have fewer buyers", "buyers", "down"),
    ("why did new buyers grow", "new_buyers", "up"),
    ("why did the discount rate go up", "discount_rate", "up"),
    ("why are units per order falling", "units_per_order", "down"),
    ("why did new members fall", "new_members", "down"),
    ("why did orders per buyer shrink", "orders_per_buyer", "down"),
    ("root cause of lower spend per buyer", "spend_per_buyer", "down"),
    ("复购率的诊断", "repeat_rate", None),
]


def subject(sentence: str) -> Subject:
    found = ask(sentence)
    assert isinstance(found, Understood) and found.intent == "diagnose", (sentence, found)
    return subject_of(found.question, context(detect_language(sentence)), sentence)


def days(found: Subject) -> tuple[tuple[str, str], tuple[str, str]]:
    return tuple((span.start.isoformat(), span.end.isoformat()) for span in (found.span, found.base))  # type: ignore[return-value]


@pytest.mark.parametrize(("sentence", "metric", "way"), QUESTIONS)
def test_it_knows_what_is_asked_and_which_way_it_is_said_to_have_gone(
    sentence: str, metric: str, way: str | None
) -> None:
    found = subject(sentence)
    assert (found.metric, found.asked) == (metric, way)
    assert days(found) == (WEEK, BEFORE)


PERIODS = [
    ("上周GMV为什么下降", ("2026-11-09", "2026-11-15"), ("2026-11-02", "2026-11-08")),
    ("昨天订单数为什么变少", ("2026-11-20", "2026-11-20"), ("2026-11-19", "2026-11-19")),
    ("最近30天客单价为什么下降", ("2026-10-23", "2026-11-21"), ("2026-09-23", "2026-10-22")),
    ("why did GMV fall last month", ("2026-10-01", "2026-10-31"), ("2026-08-31", "2026-09-30")),
    ("why did sales fall this week", ("2026-11-16", "2026-11-21"), ("2026-11-10", "2026-11-15")),
]


@pytest.mark.parametrize(("sentence", "span", "base"), PERIODS)
def test_a_period_is_compared_with_the_equal_length_before(
    sentence: str, span: tuple[str, str], base: tuple[str, str]
) -> None:
    assert days(subject(sentence)) == (span, base)


def test_this_month_is_compared_with_the_same_days_of_the_last() -> None:
    asked = Question(
        metrics=("gmv",),
        period=calendar("month"),
        comparison=Comparison(kind="period", period=calendar("month", 1)),
    )
    found = subject_of(asked, context(), "")
    assert days(found) == (("2026-11-01", "2026-11-21"), ("2026-10-01", "2026-10-21"))
    assert found.named_base is not None and found.named_base.days == 31


def test_a_longer_period_is_compared_with_as_many_days() -> None:
    asked = Question(
        metrics=("gmv",),
        period=calendar("month", 1),
        comparison=Comparison(kind="period", period=calendar("month", 2)),
    )
    assert days(subject_of(asked, context(), "")) == (
        ("2026-10-01", "2026-10-31"),
        ("2026-08-31", "2026-09-30"),
    )


@pytest.mark.parametrize(
    ("sentence", "dimension", "values"),
    [
        ("上海的复购率为什么下降", "city", ("上海",)),
        ("外卖订单数为什么变少", "channel", ("delivery",)),
        ("why did online GMV fall", "channel", ("online",)),
        ("护肤销量为什么下降", "category", ("护肤",)),
    ],
)
def test_filters_stay(sentence: str, dimension: str, values: tuple[str, ...]) -> None:
    (part,) = subject(sentence).question.filters
    assert (part.dimension, part.values) == (dimension, values)


def test_without_a_metric_it_is_gmv_and_without_a_sentence_it_fell() -> None:
    found = subject_of(None, context(), "")
    assert (found.metric, found.asked) == ("gmv", "down")
    assert days(found) == (WEEK, BEFORE)


def test_both_ways_in_one_sentence_go_by_the_first() -> None:
    assert asked_direction("why did GMV fall while orders rose") == "down"
    assert asked_direction("为什么涨了又跌") == "up"
    assert asked_direction("why?") is None
    assert direction_words("it fell, then it rose") == ["down", "up"]
