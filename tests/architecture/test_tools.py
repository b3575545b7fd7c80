"""Tools declare who may use them, in both languages, under the names outside clients know."""

from flask import Flask

from app.tools.registry import registry

FIXED_NAMES = {
    "list_products", "get_product", "list_stores", "service_info",
    "add_to_cart", "view_cart", "update_cart", "remove_from_cart", "clear_cart",
    "list_coupons", "claim_coupon",
    "place_order", "list_orders", "get_order", "cancel_order", "talk_to_consultant",
    "query_metrics", "ask_report", "diagnose", "search_knowledge", "draft_campaign_plan",
    "get_user_profile", "search_users", "analyze_customer", "get_customer_preferences",
    "get_conversation_data", "summarize_conversation", "generate_plan", "optimize_plan",
}  # fmt: skip
NEEDS_A_YES = {"place_order", "cancel_order"}


def test_the_tools_of_the_api_are_there(app: Flask) -> None:
    assert {tool.name for tool in registry} == FIXED_NAMES


def test_tools_are_described_in_both_languages(app: Flask) -> None:
    for tool in registry:
        assert tool.descriptions["zh"] and tool.descriptions["en"], tool.name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in tool.descriptions["zh"]), tool.name


def test_what_costs_money_asks_first_and_shows_what(app: Flask) -> None:
    asking = {tool.name for tool in registry if tool.confirm}
    assert asking == NEEDS_A_YES
    assert all(tool.preview for tool in registry if tool.confirm)


def test_guests_get_only_shop_and_cart_tools(app: Flask) -> None:
    assert {tool.category for tool in registry if not tool.roles} == {"shop", "cart"}


def test_no_tool_publishes_refunds_or_prices(app: Flask) -> None:
    for tool in registry:
        assert not any(word in tool.name for word in ("publish", "refund", "price", "key")), tool.name
