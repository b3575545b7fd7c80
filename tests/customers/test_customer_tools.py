"""What consultants and their agents are told of customers is what the database holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.core.actor import Role
from app.db import db
from tests.builders import actor_of, make_user
from tests.customers.buying import buy, call, consultant, stock_shelves, talk


@pytest.fixture
def shop(each_app: Flask) -> Iterator[None]:
    with each_app.app_context():
        stock_shelves()
        yield
        db.session.rollback()


def test_customers_and_guests_do_not_have_these_tools(shop: None) -> None:
    alice = make_user("alice")
    for name in ("get_user_profile", "analyze_customer", "generate_plan"):
        assert call(actor_of(alice), name, user_id=alice.id).status != "ok"
    operator = actor_of(make_user("olga", roles=(Role.OPERATOR,)))
    assert call(operator, "analyze_customer", user_id=alice.id).status == "ok"
    assert call(operator, "get_user_profile", user_id=alice.id).status != "ok"


def test_a_profile_tells_contact_only_when_asked(shop: None) -> None:
    clara, alice = consultant(), make_user("alice", phone="13900001111")
    buy(alice, 3, "SKN-001")
    short = call(clara, "get_user_profile", user_id=alice.id).result["profile"]
    assert short["username"] == "alice" and short["orders"] == 1 and short["spend"] == "268.00"
    assert "email" not in short and "13900001111" not in str(short)
    full = call(clara, "get_user_profile", user_id=alice.id, include_details=True).result["profile"]
    assert full["phone"] == "13900001111" and full["latest_orders"][0]["paid"] == "268.00"


def test_search_finds_by_name_number_and_phone_and_masks_addresses(shop: None) -> None:
    clara, alice = consultant(), make_user("alice", phone="13900001111")
    make_user("bob")
    for q in ("ALI", str(alice.id), "1390000", "alice@ex"):
        found = call(clara, "search_users", q=q).result["users"]
        assert alice.id in [each["user_id"] for each in found], q
        assert "alice@example.com" not in str(found)
    assert call(clara, "search_users", q="100%").result["users"] == []


def test_an_analysis_counts_what_was_paid_less_what_was_paid_back(shop: None) -> None:
    clara, alice = consultant(), make_user("alice")
    buy(alice, 40, "SKN-001")
    buy(alice, 10, "SKN-003", 2, refunded_cents=8_900)
    told = call(clara, "analyze_customer", user_id=alice.id, analysis_type="predictive").result["analysis"]
    assert (told["orders"], told["recency_days"], told["spend_cents"]) == (2, 10, 26_800 + 8_900)
    assert told["average_gap_days"] == 30.0
    # The shop's usual gap is her own: shape 2, rate 30 + 30.
    assert told["churn_risk"] == pytest.approx(1 - (60 / 70) ** 2, abs=0.001)
    assert told["categories"][0]["category"] == "Skin care" and told["categories"][0]["share"] == 1.0
    assert told["segment"] == "returning"


def test_of_a_new_customer_nothing_is_made_up(shop: None) -> None:
    clara, alice = consultant(), make_user("alice")
    told = call(clara, "analyze_customer", user_id=alice.id, analysis_type="predictive").result["analysis"]
    assert told["segment"] == "new" and told["recency_days"] is None and told["churn_risk"] is None
    liked = call(clara, "get_customer_preferences", user_id=alice.id).result["preferences"]
    assert liked["favourite_categories"] == [] and liked["price_range"] is None
    assert liked["based_on"] == {"orders": 0, "lines": 0, "conversations": 0, "messages": 0}


def test_preferences_come_from_orders_and_from_what_was_said(shop: None) -> None:
    clara, alice = consultant(), make_user("alice")
    buy(alice, 9, "HAR-001", 3)
    buy(alice, 2, "HAR-001")
    talk(alice, "我是敏感肌,想要保湿的", "敏感肌能用吗", opened="SKN-006")
    liked = call(clara, "get_customer_preferences", user_id=alice.id).result["preferences"]
    assert (
        liked["favourite_products"][0]["sku"] == "HAR-001" and liked["favourite_products"][0]["orders"] == 2
    )
    assert liked["wishes"][0]["wish"] == "sensitive skin" and liked["wishes"][0]["messages"] == 2
    assert [each["sku"] for each in liked["opened"]] == ["SKN-006"]
    assert liked["price_range"]["median"] == "109.00"


def test_nobody_elses_orders_and_talks_count(shop: None) -> None:
    clara, alice, bob = consultant(), make_user("alice"), make_user("bob")
    buy(bob, 2, "HAR-001")
    talk(bob, "我掉头发")
    told = call(clara, "analyze_customer", user_id=alice.id).result["analysis"]
    liked = call(clara, "get_customer_preferences", user_id=alice.id).result["preferences"]
    assert told["orders"] == 0 and liked["wishes"] == []


def test_a_plan_holds_what_can_be_had_within_the_budget(shop: None) -> None:
    clara, alice = consultant(), make_user("alice")
    plan = call(clara, "generate_plan", user_id=alice.id, goals=["干皮保湿", "掉发"], budget=450).result[
        "plan"
    ]
    skus = [item["sku"] for item in plan["items"]]
    assert "HAR-001" in skus and "SKN-001" in skus
    assert "SKN-004" not in skus, "it is sold out"
    assert plan["total_cents"] == sum(item["line_total_cents"] for item in plan["items"]) <= 45_000
    assert plan["left_cents"] == 45_000 - plan["total_cents"] and plan["unmet_goals"] == []
    assert all(item["reason"] for item in plan["items"])


def test_a_rich_plan_has_a_service_and_a_poor_one_says_what_it_cannot_meet(shop: None) -> None:
    clara, alice = consultant(), make_user("alice")
    rich = call(clara, "generate_plan", user_id=alice.id, goals="补水", budget=2_000).result["plan"]
    assert "service" in {item["kind"] for item in rich["items"]}
    poor = call(clara, "generate_plan", user_id=alice.id, goals="补水", budget=10).result["plan"]
    assert poor["items"] == [] and poor["unmet_goals"] == ["补水"]


def test_an_improved_plan_drops_what_is_gone_and_says_why(shop: None) -> None:
    clara, alice = consultant(), make_user("alice")
    old = {
        "user_id": alice.id,
        "goals": ["干皮保湿"],
        "budget": 800,
        "items": [{"sku": "SKN-004", "quantity": 1}, {"sku": "SKN-006", "quantity": 2}, {"sku": "GONE-1"}],
    }
    plan = call(clara, "optimize_plan", plan=old).result["plan"]
    kept = {item["sku"]: item["quantity"] for item in plan["items"]}
    assert kept["SKN-006"] == 2 and "SKN-004" not in kept
    why = {change["sku"]: change["reason"] for change in plan["changes"] if change["change"] == "removed"}
    assert why["SKN-004"] == "There is not enough of it in stock."
    assert why["GONE-1"] == "It is not sold any more."
    tight = call(clara, "optimize_plan", plan=old, budget=240).result["plan"]
    assert tight["total_cents"] <= 24_000


def test_a_conversation_is_read_and_summed_up(shop: None) -> None:
    clara, alice = consultant(), make_user("alice")
    session_id = talk(alice, "我想要一支保湿精华", "预算三百以内")
    data = call(clara, "get_conversation_data", conversation_id=session_id).result
    assert data["conversation"]["username"] == "alice"
    assert [message["role"] for message in data["messages"]] == ["user", "user", "assistant"]
    told = call(clara, "summarize_conversation", conversation_id=session_id).result
    assert told["written_by"] == "rules" and told["asked"] == ["我想要一支保湿精华", "预算三百以内"]
    assert call(clara, "get_conversation_data", conversation_id="no-such").status == "error"
