"""A small shop in memory behind the assistant's tools: an honest fake with the real names and the real refusals.

``Session`` plays the server's part: it runs the calls, asks for a yes before orders and hears the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.language.concepts import analyse
from app.language.confirmation import read_answer
from app.language.normalise import detect_language
from app.language.ranking import product_text, score, tier
from app.llm.client import ChatModel, ChatRequest, Finish, TextDelta, ToolCall

_CATALOGUE = Path(__file__).parents[2] / "app" / "demo" / "catalogue.json"
GUEST_TOOLS = [
    "list_products",
    "get_product",
    "list_stores",
    "service_info",
    "add_to_cart",
    "view_cart",
    "update_cart",
    "remove_from_cart",
    "clear_cart",
]
CUSTOMER_TOOLS = [
    *GUEST_TOOLS,
    "list_coupons",
    "claim_coupon",
    "place_order",
    "list_orders",
    "get_order",
    "cancel_order",
    "talk_to_consultant",
]
_CONFIRMED = {"place_order", "cancel_order"}
_MAX_ROUNDS = 8

Result = dict[str, Any]


def load_catalogue() -> dict[str, Any]:
    """The demo catalogue."""
    catalogue: dict[str, Any] = json.loads(_CATALOGUE.read_text("utf-8"))
    return catalogue


def yuan(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


class Refusal(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Shop(Protocol):
    """What a session needs of a shop, fake or real."""

    language: str

    @property
    def cart(self) -> dict[str, int]: ...

    @property
    def orders(self) -> list[dict[str, Any]]: ...

    def run(self, name: str, arguments: dict[str, Any]) -> Result: ...

    def preview(self, name: str, arguments: dict[str, Any]) -> Result: ...


@dataclass
class World:
    """Catalogue, one customer's cart, coupons and orders."""

    catalogue: dict[str, Any] = field(default_factory=load_catalogue)
    language: str = "zh"
    cart: dict[str, int] = field(default_factory=dict)
    orders: list[dict[str, Any]] = field(default_factory=list)
    coupons: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.products = {row["sku"]: row for row in self.catalogue["products"]}
        self.coupons = self.coupons or [
            {
                "code": "FULL300",
                "name": "满300减50",
                "label": "50 off 300",
                "threshold_cents": 30000,
                "off": 5000,
            },
            {"code": "NEW15", "name": "新人85折", "label": "15% off", "threshold_cents": 10000, "off": 3000},
        ]
        for coupon in self.coupons:
            coupon.setdefault("status", "claimable")

    def run(self, name: str, arguments: dict[str, Any]) -> Result:
        """Run a tool as the executor would: a refusal comes back as an error, never as an exception."""
        tool: Callable[..., Result] = getattr(self, f"tool_{name}")
        try:
            return tool(**arguments)
        except Refusal as refusal:
            return {"error": {"code": refusal.code, "message": str(refusal)}}

    # --- shop

    def tool_list_products(
        self,
        q: str = "",
        top_k: int = 5,
        category: str | None = None,
        min_price: float | None = None,
        max_price: float | None = None,
        in_stock: bool | None = None,
        sort: str = "relevance",
    ) -> Result:
        rows = [
            row
            for row in self.products.values()
            if (category is None or str(row["category_id"]) == category)
            and (min_price is None or row["price_cents"] >= min_price * 100)
            and (max_price is None or row["price_cents"] <= max_price * 100)
            and (not in_stock or row["stock"] > 0)
        ]
        found = self._ordered(q, rows, sort)
        return {"products": [self._shown(row) for row in found[:top_k]], "total": len(found)}

    def _ordered(self, q: str, rows: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
        query = analyse(q)
        texts = {row["sku"]: product_text(self._both(row)) for row in rows}
        tiers = {sku: tier(query, text) for sku, text in texts.items()}
        best = max(tiers.values(), default=0)
        if sort == "relevance":
            fitting = [row for row in rows if tiers[row["sku"]] > 0]
            return sorted(fitting, key=lambda row: -score(query, texts[row["sku"]]))
        fitting = [row for row in rows if best and tiers[row["sku"]] == best]
        if sort in ("price", "-price"):
            return sorted(fitting, key=lambda row: row["price_cents"] * (-1 if sort[0] == "-" else 1))
        return fitting

    @staticmethod
    def _both(row: dict[str, Any]) -> dict[str, Any]:
        return {
            **row,
            "name_zh": row["name"],
            "description_zh": row["description"],
        }

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        zh = self.language == "zh"
        return {
            "sku": row["sku"],
            "name": row["name"] if zh else row["name_en"],
            "name_zh": row["name"],
            "name_en": row["name_en"],
            "price": yuan(row["price_cents"]),
            "price_cents": row["price_cents"],
            "stock": row["stock"],
            "category_id": row["category_id"],
            "description": row["description"] if zh else row["description_en"],
        }

    def _product(self, sku: str) -> dict[str, Any]:
        if sku not in self.products:
            raise Refusal("NOT_FOUND", f"{sku} does not exist")
        return self.products[sku]

    def tool_get_product(self, sku: str) -> Result:
        return {"product": self._shown(self._product(sku))}

    def tool_list_stores(self, city: str | None = None) -> Result:
        name, town = ("name", "city") if self.language == "zh" else ("name_en", "city_en")
        stores = [
            store for store in self.catalogue["stores"] if city in (None, store["city"], store["city_en"])
        ]
        return {"stores": [{"id": store["id"], "name": store[name], "city": store[town]} for store in stores]}

    def tool_service_info(self, q: str = "") -> Result:
        topics = [
            (
                "delivery",
                "配送 / Delivery",
                "满 99 元包邮，2 到 3 天送达。 Free delivery from 99 yuan, 2 to 3 days.",
            ),
            (
                "returns",
                "退换 退货 退款 / Returns refund exchange",
                "7 天无理由退货。 Returns within 7 days.",
            ),
            ("payment", "支付 付款 / Payment pay", "支持微信和支付宝。 WeChat Pay and Alipay."),
            ("booking", "预约 / Booking appointment", "到店服务请提前一天预约。 Book a day ahead."),
        ]
        return {"topics": [{"key": key, "title": title, "text": text} for key, title, text in topics]}

    # --- cart

    def tool_view_cart(self) -> Result:
        items = [self._cart_line(sku, qty) for sku, qty in self.cart.items()]
        total = sum(item["line_total_cents"] for item in items)
        cart = {"items": items, "count": sum(self.cart.values()), "total": yuan(total), "total_cents": total}
        return {"cart": cart}

    def _cart_line(self, sku: str, qty: int) -> dict[str, Any]:
        row = self._shown(self.products[sku])
        line = {
            key: row[key] for key in ("sku", "name", "name_zh", "name_en", "price", "price_cents", "stock")
        }
        total = row["price_cents"] * qty
        return {**line, "qty": qty, "line_total": yuan(total), "line_total_cents": total}

    def _put(self, sku: str, qty: int) -> Result:
        if qty < 1:
            raise Refusal("INVALID_PARAM", "quantity must be at least 1")
        stock = self._product(sku)["stock"]
        if qty > stock:
            raise Refusal("INSUFFICIENT_STOCK", f"only {stock} left")
        self.cart[sku] = qty
        return self.tool_view_cart()

    def tool_add_to_cart(self, sku: str, qty: int = 1) -> Result:
        return self._put(sku, (self.cart.get(sku, 0) + qty) if qty > 0 else qty)

    def tool_update_cart(self, sku: str, qty: int) -> Result:
        if sku not in self.cart:
            raise Refusal("NOT_FOUND", "not in the cart")
        return self._put(sku, qty)

    def tool_remove_from_cart(self, sku: str) -> Result:
        if self.cart.pop(sku, None) is None:
            raise Refusal("NOT_FOUND", "not in the cart")
        return self.tool_view_cart()

    def tool_clear_cart(self) -> Result:
        self.cart.clear()
        return self.tool_view_cart()

    # --- coupons and orders

    def _total(self) -> int:
        return sum(self.products[sku]["price_cents"] * qty for sku, qty in self.cart.items())

    def tool_list_coupons(self) -> Result:
        rows = []
        for coupon in self.coupons:
            missing = max(0, coupon["threshold_cents"] - self._total())
            usable = missing == 0 and coupon["status"] in ("claimable", "claimed")
            off = coupon["off"] if usable else 0
            rows.append({**coupon, "applicable": usable, "discount_cents": off, "missing_cents": missing})
        best = max(
            (row for row in rows if row["applicable"]), key=lambda row: row["discount_cents"], default=None
        )
        return {"coupons": rows, "best": best and best["code"]}

    def tool_claim_coupon(self, code: str) -> Result:
        coupon = next((coupon for coupon in self.coupons if coupon["code"] == code), None)
        if coupon is None:
            raise Refusal("NOT_FOUND", "no such coupon")
        coupon["status"] = "claimed"
        return {"coupon": coupon}

    def _discount(self, code: str | None) -> int:
        if code is None:
            return 0
        row = next((row for row in self.tool_list_coupons()["coupons"] if row["code"] == code), None)
        if row is None or not row["applicable"]:
            raise Refusal("CONFLICT", "the coupon cannot be used")
        return int(row["discount_cents"])

    def preview(self, name: str, arguments: dict[str, Any]) -> Result:
        """What a person is asked to confirm."""
        if name == "cancel_order":
            self._order(arguments["order_id"])
            return {"title": f"订单 #{arguments['order_id']}", "items": [], "total": "0.00"}
        if not self.cart:
            raise Refusal("CART_EMPTY", "the cart is empty")
        discount = self._discount(arguments.get("coupon_code"))
        lines = [self._cart_line(sku, qty) for sku, qty in self.cart.items()]
        items = [
            {"name": line["name"], "qty": line["qty"], "line_total": line["line_total"]} for line in lines
        ]
        total = yuan(self._total() - discount)
        return {
            "title": "order",
            "items": items,
            "coupon": arguments.get("coupon_code"),
            "discount": yuan(discount),
            "total": total,
        }

    def tool_place_order(self, coupon_code: str | None = None) -> Result:
        if not self.cart:
            raise Refusal("CART_EMPTY", "the cart is empty")
        discount = self._discount(coupon_code)
        number = len(self.orders) + 12
        order = {
            "order_id": number,
            "status": "PENDING",
            "total_cents": self._total() - discount,
            "discount_cents": discount,
            "coupon": coupon_code,
            "items": [
                {"sku": sku, "name": self._shown(self.products[sku])["name"], "quantity": qty}
                for sku, qty in self.cart.items()
            ],
            "pay_url": f"/orders/{number}/pay",
        }
        self.orders.insert(0, order)
        self.cart.clear()
        return {"order": order}

    def _order(self, order_id: int) -> dict[str, Any]:
        found = next((order for order in self.orders if order["order_id"] == order_id), None)
        if found is None:
            raise Refusal("NOT_FOUND", "no such order")
        return found

    def tool_list_orders(self, limit: int = 5) -> Result:
        return {"orders": self.orders[:limit]}

    def tool_get_order(self, order_id: int) -> Result:
        return {"order": self._order(order_id)}

    def tool_cancel_order(self, order_id: int) -> Result:
        order = self._order(order_id)
        order["status"] = "CANCELLED"
        return {"order": order}

    def tool_talk_to_consultant(self, reason: str = "") -> Result:
        return {
            "status": "waiting",
            "message": "顾问马上就来。" if self.language == "zh" else "A consultant is on the way.",
        }


@dataclass
class Session:
    """One conversation: what the customer says goes in, what the model does is recorded."""

    model: ChatModel
    world: Shop = field(default_factory=World)
    tools: list[str] = field(default_factory=lambda: list(CUSTOMER_TOOLS))
    locale: str = "zh"
    messages: list[dict[str, Any]] = field(default_factory=list)
    called: list[tuple[str, dict[str, Any], Result]] = field(default_factory=list)
    called_now: list[tuple[str, dict[str, Any], Result]] = field(default_factory=list)
    reply: str = ""
    pending: tuple[str, dict[str, Any]] | None = None

    def say(self, text: str) -> str:
        """Send one message and return the answer."""
        self.world.language = detect_language(text, self.world.language)
        self.messages.append({"role": "user", "content": text})
        self.called_now = []
        pending, self.pending = self.pending, None
        if pending and (answer := read_answer(text)):
            result = self.world.run(*pending) if answer == "yes" else {"status": "denied"}
            self._record(
                [ToolCall(f"server_{len(self.messages)}", pending[0], json.dumps(pending[1]))], [result]
            )
        self._answer()
        return self.reply

    def _answer(self) -> None:
        for _ in range(_MAX_ROUNDS):
            calls, text = self._turn()
            if not calls:
                self.reply = text
                self.messages.append({"role": "assistant", "content": text})
                return
            self._record(calls, [self._run(call) for call in calls])
        raise AssertionError("too many rounds")

    def _turn(self) -> tuple[list[ToolCall], str]:
        schemas = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in self.tools]
        events = list(
            self.model.stream(ChatRequest(messages=self.messages, tools=schemas, locale=self.locale))
        )
        assert isinstance(events[-1], Finish)
        calls = [event for event in events if isinstance(event, ToolCall)]
        return calls, "".join(event.content for event in events if isinstance(event, TextDelta))

    def _run(self, call: ToolCall) -> Result:
        assert call.name in self.tools, f"{call.name} is not offered"
        arguments = json.loads(call.arguments)
        if call.name not in _CONFIRMED:
            return self.world.run(call.name, arguments)
        try:
            summary = self.world.preview(call.name, arguments)
        except Refusal as refusal:
            return {"error": {"code": refusal.code, "message": str(refusal)}}
        self.pending = (call.name, arguments)
        return {"status": "confirmation_required", "summary": summary}

    def _record(self, calls: list[ToolCall], results: list[Result]) -> None:
        self.messages.append(
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.name, "arguments": call.arguments},
                    }
                    for call in calls
                ],
            }
        )
        for call, result in zip(calls, results, strict=True):
            content = json.dumps(result, ensure_ascii=False)
            self.messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
            entry = (call.name, json.loads(call.arguments), result)
            self.called.append(entry)
            self.called_now.append(entry)

    def listed(self) -> list[dict[str, Any]]:
        """The products of the last list of this turn: what the page shows beside the answer."""
        lists = [result.get("products", []) for name, _, result in self.called_now if name == "list_products"]
        return lists[-1] if lists else []
