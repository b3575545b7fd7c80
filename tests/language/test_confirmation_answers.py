"""A yes costs money: only a message that is nothing but a yes is one."""

from __future__ import annotations

import pytest

from app.language.confirmation import read_answer


@pytest.mark.parametrize(
    "text",
    [
        "确认",
        "好的",
        "好的，谢谢",
        "嗯嗯，可以",
        "确认下单",
        "没问题",
        "下单吧",
        "yes",
        "Yes, please!",
        "ok go ahead",
        "Sure.",
        "no problem",
        "👍",
        "I'm sure",
    ],
)
def test_a_plain_agreement_is_a_yes(text: str) -> None:
    assert read_answer(text) == "yes"


@pytest.mark.parametrize(
    "text",
    [
        "先不买",
        "不了，谢谢",
        "取消",
        "再想想",
        "算了",
        "等一下",
        "no",
        "No, thanks",
        "not yet",
        "cancel",
        "don't",
        "wait",
        "好的，不要了",
        "ok, no",
    ],
)
def test_any_no_in_the_answer_is_a_no(text: str) -> None:
    assert read_answer(text) == "no"


@pytest.mark.parametrize(
    "text",
    [
        "好的，再加一支",
        "确认，但是改成两件",
        "yes but make it two",
        "可以吗？",
        "yes?",
        "你好",
        "取消订单",
        "",
        "确认收货地址是上海",
        "ok what else",
        "ye" * 40,
    ],
)
def test_anything_else_is_no_answer(text: str) -> None:
    assert read_answer(text) is None
