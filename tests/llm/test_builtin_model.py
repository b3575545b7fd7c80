"""The built-in model as a chat model: events, memory from messages, guests, refusals, foreign histories, speed."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from app.llm.builtin import BuiltinModel
from app.llm.client import ChatRequest, Finish, ModelEvent, TextDelta, ToolCall, Usage
from tests.llm.fake_world import CUSTOMER_TOOLS, GUEST_TOOLS, Session, World

Messages = list[dict[str, Any]]


def _events(messages: Messages, *, tools: list[str] | None = None, **more: Any) -> list[ModelEvent]:
    schemas = [{"type": "function", "function": {"name": name}} for name in tools or CUSTOMER_TOOLS]
    return list(BuiltinModel().stream(ChatRequest(messages=messages, tools=schemas, **more)))


def _text(events: list[ModelEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, TextDelta))


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _called(name: str, result: dict[str, Any], **arguments: Any) -> Messages:
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": f"c_{name}", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c_{name}", "content": json.dumps(result)},
    ]


def test_an_answer_arrives_in_small_pieces_and_ends_with_usage_and_finish() -> None:
    events = _events([_user("你好")])
    *pieces, usage, finish = events
    assert len(pieces) > 5
    assert isinstance(usage, Usage)
    assert usage.completion_tokens > 0
    assert finish == Finish("stop")


def test_a_turn_of_tool_calls_finishes_as_tool_calls_and_says_nothing_yet() -> None:
    calls = _events([_user("加一瓶水漾保湿精华和两支玫瑰护手霜")])
    assert [event.name for event in calls if isinstance(event, ToolCall)] == [
        "list_products",
        "list_products",
    ]
    assert calls[-1] == Finish("tool_calls")
    assert _text(calls) == ""
    assert len({event.id for event in calls if isinstance(event, ToolCall)}) == 2


def test_a_cancelled_turn_stops_in_mid_answer() -> None:
    asked = iter([False, False, True])
    events = _events([_user("你是谁")], cancelled=lambda: next(asked, True))
    assert sum(isinstance(event, TextDelta) for event in events) == 2
    assert events[-1] == Finish("stop")


def test_a_markdown_link_is_never_cut_between_pieces() -> None:
    session = Session(BuiltinModel(), tools=GUEST_TOOLS)
    session.say("有什么优惠券")
    pieces = _events([_user("有什么优惠券")], tools=GUEST_TOOLS)
    assert any("(/login)" in event.content for event in pieces if isinstance(event, TextDelta))


@pytest.mark.parametrize(
    "text", ["下单", "有什么优惠券", "我的订单呢", "转人工", "check out", "cancel my order", "领券"]
)
def test_a_guest_is_asked_to_sign_in_for_what_needs_an_account(text: str) -> None:
    session = Session(BuiltinModel(), tools=GUEST_TOOLS)
    assert "/login" in session.say(text)
    assert session.called == []


def test_the_reply_follows_the_customers_language_not_the_pages() -> None:
    session = Session(BuiltinModel(), locale="zh")
    assert "cart is empty" in session.say("what's in my cart?")
    assert "购物车" in session.say("看看购物车")


def test_text_without_words_is_answered_in_the_pages_language() -> None:
    assert _text(_events([_user("???")], locale="en")).isascii()
    assert not _text(_events([_user("???")], locale="zh")).isascii()


def test_a_confirmation_names_items_and_total_and_asks_for_a_yes() -> None:
    session = Session(BuiltinModel())
    session.say("买两支玫瑰护手霜")
    reply = session.say("下单")
    assert "玫瑰护手霜 × 2" in reply
    assert "¥98" in reply
    assert "确认" in reply


def test_a_placed_order_is_told_with_a_link_to_pay() -> None:
    session = Session(BuiltinModel())
    session.say("add a rose hand cream")
    session.say("check out")
    assert "[Pay now](/orders/12/pay)" in session.say("yes")


def test_a_button_that_confirms_without_a_message_is_commented_on_too() -> None:
    """The server appends the call and its result after the model's own question."""
    asked = _called("place_order", {"status": "confirmation_required", "summary": {}})
    order = {"order": {"order_id": 7, "total_cents": 4900, "pay_url": "/orders/7/pay"}}
    done = _called("place_order", order)
    messages = [_user("下单"), *asked, {"role": "assistant", "content": "请确认"}, *done]
    assert "订单 #7" in _text(_events(messages))


def test_a_declined_order_leaves_the_cart_and_says_so() -> None:
    session = Session(BuiltinModel())
    session.say("买两支玫瑰护手霜")
    session.say("下单")
    assert "没有下单" in session.say("先不买")
    assert session.world.cart == {"BDY-003": 2}


def test_a_refusal_by_a_tool_is_passed_on_in_its_own_words() -> None:
    session = Session(BuiltinModel())
    session.say("买一台射频美容仪")
    assert "25" in session.say("改成30台")
    assert session.world.cart == {"DEV-001": 1}


def test_out_of_stock_offers_others_and_adds_nothing() -> None:
    session = Session(BuiltinModel())
    reply = session.say("买一套早C晚A精华套组")
    assert "缺货" in reply
    assert "维C亮肤精华" in reply
    assert session.world.cart == {}


def test_prices_and_stock_are_asked_anew_each_time() -> None:
    session = Session(BuiltinModel())
    session.say("水漾保湿精华多少钱")
    session.world.products["SKN-001"]["price_cents"] = 19_900
    assert "¥199" in session.say("它多少钱")


def test_a_conversation_that_another_model_led_is_understood_from_its_tool_results() -> None:
    world = World()
    foreign = [
        _user("please get me something for my dry hands, whatever you think is best, surprise me"),
        *_called("add_to_cart", world.run("add_to_cart", {"sku": "BDY-003", "qty": 1}), sku="BDY-003", qty=1),
        {"role": "assistant", "content": "Done."},
    ]
    session = Session(BuiltinModel(), world=world, messages=foreign)
    session.say("make it four")
    assert world.cart == {"BDY-003": 4}


def test_broken_tool_results_and_odd_messages_do_not_break_it() -> None:
    messages: Messages = [
        {"role": "system", "content": "You are a shop."},
        {"role": "assistant", "content": "欢迎"},
        _user("看看口红"),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "a", "function": {"name": "list_products", "arguments": "{"}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "not json at all"},
        {"role": "tool", "tool_call_id": "unknown", "content": "{}"},
        {"role": "user", "content": [{"type": "text", "text": "第一个"}]},
    ]
    assert _events(messages)[-1] == Finish("stop")


def test_no_messages_at_all_is_greeted() -> None:
    assert "shop" in _text(_events([], locale="en"))


def test_whatever_is_typed_is_answered_and_nothing_is_bought_by_chance() -> None:
    alphabet = "买加删换的一两0129.,!？<>'\"\\/%$#@ \n\té🙂aAzZ-_()[]{}券单订货"
    chance = random.Random(7)
    session = Session(BuiltinModel())
    for _ in range(300):
        session.say("".join(chance.choices(alphabet, k=chance.randint(0, 40))))
        session.messages.clear()
    assert session.world.orders == []
    assert sum(session.world.cart.values()) == 0


def test_a_very_long_message_is_cut_and_answered_quickly() -> None:
    started = time.perf_counter()
    assert _events([_user("买一支护手霜，" * 50_000)])[-1].reason in ("stop", "tool_calls")  # type: ignore[union-attr]
    assert time.perf_counter() - started < 0.5


def test_a_turn_takes_a_few_milliseconds() -> None:
    session = Session(BuiltinModel())
    for text in ("有什么防晒推荐吗", "来两支", "add a hair dryer", "make it three", "看看购物车"):
        session.say(text)
    texts = [f"敏感肌能用的洁面，{n}元以内" for n in range(100, 150)]
    started = time.perf_counter()
    for text in texts:
        _events([*session.messages, _user(text)])
    # 5 ms is the promise; shared test machines get some room.
    assert (time.perf_counter() - started) / len(texts) < 0.02
