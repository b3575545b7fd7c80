"""Conversations as customers have them with a real model: what they say, what the model calls, what the cart is then.

Of each turn: the customer's words, the model's rounds of calls, its answer. No change in here may lead to a question
save orders.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Calls = list[tuple[str, dict[str, Any]]]


class Turn(NamedTuple):
    words: str
    rounds: list[Calls]
    reply: str = "OK."


class Talk(NamedTuple):
    lang: str
    turns: list[Turn]
    cart: dict[str, int]


def find(q: str, **more: Any) -> Calls:
    return [("list_products", {"q": q, **more})]


def add(sku: str, qty: int | None = None) -> tuple[str, dict[str, Any]]:
    return "add_to_cart", {"sku": sku, **({"qty": qty} if qty else {})}


def update(sku: str, qty: int) -> tuple[str, dict[str, Any]]:
    return "update_cart", {"sku": sku, "qty": qty}


def remove(sku: str) -> tuple[str, dict[str, Any]]:
    return "remove_from_cart", {"sku": sku}


LIPSTICKS_EN = (
    "We have:\n1. Velvet Matte Lipstick, True Red, ¥169\n2. Glossy Lip Tint, Rose Nude, ¥129\nWhich one?"
)
LIPSTICKS_ZH = "有两款：\n1. 丝绒哑光口红 正红色，169 元\n2. 水光唇釉 玫瑰豆沙，129 元\n要哪一款？"
LIPS = find("口红", top_k=5)
TALKS: tuple[Talk, ...] = (
    Talk("en", [Turn("add the cheapest sunscreen to my cart", [find("sunscreen", sort="price"), [add("SKN-002")]])],
         {"SKN-002": 1}),
    Talk("zh", [Turn("把最便宜的防晒加到购物车", [find("防晒", sort="price"), [add("SKN-002", 1)]])], {"SKN-002": 1}),
    Talk("en", [Turn("I'd like two rose hand creams please", [find("rose hand cream"), [add("BDY-003", 2)]])], {"BDY-003": 2}),
    Talk("zh", [Turn("来两支玫瑰护手霜", [find("玫瑰护手霜"), [add("BDY-003", 2)]])], {"BDY-003": 2}),
    Talk("en", [Turn("do you have hand cream?", [find("hand cream")], "Yes: Rose Hand Cream, ¥49."), Turn("add it", [[add("BDY-003")]])],
         {"BDY-003": 1}),
    Talk("zh", [Turn("有护手霜吗", [find("护手霜")], "有，玫瑰护手霜，49 元。"), Turn("加一支", [[add("BDY-003")]])], {"BDY-003": 1}),
    Talk("en", [Turn("show me lipsticks", [LIPS], LIPSTICKS_EN), Turn("the second one please", [[add("MKP-002")]])], {"MKP-002": 1}),
    Talk("zh", [Turn("看看口红", [LIPS], LIPSTICKS_ZH), Turn("就要第二个", [[add("MKP-002")]])], {"MKP-002": 1}),
    Talk("en", [Turn("put a lipstick in my cart", [LIPS], LIPSTICKS_EN), Turn("the red one", [[add("MKP-001")]])], {"MKP-001": 1}),
    Talk("zh", [Turn("加一支口红到购物车", [LIPS], LIPSTICKS_ZH), Turn("正红色的", [[add("MKP-001")]])], {"MKP-001": 1}),
    Talk("en", [Turn("what is the vitamin C serum like?", [find("vitamin c serum")],
                     "Vitamin C Brightening Serum brightens dull skin. Shall I add the Vitamin C Brightening Serum to your cart?"),
                Turn("yes please", [[add("SKN-005")]])], {"SKN-005": 1}),
    Talk("zh", [Turn("维C精华怎么样", [find("维C精华")], "维C亮肤精华能提亮暗沉。\n要我把维C亮肤精华加入购物车吗？"),
                Turn("好的", [[add("SKN-005")]])], {"SKN-005": 1}),
    Talk("en", [Turn("add a shampoo against hair loss and a hair mask", [find("anti hair loss shampoo") + find("hair mask"),
                                                                          [add("HAR-001"), add("HAR-003")]])],
         {"HAR-001": 1, "HAR-003": 1}),
    Talk("zh", [Turn("防脱洗发水和发膜各来一瓶", [find("防脱洗发水") + find("发膜"), [add("HAR-001", 1), add("HAR-003", 1)]])],
         {"HAR-001": 1, "HAR-003": 1}),
    Talk("en", [Turn("add one rose hand cream", [[add("BDY-003")]]), Turn("make it three", [[update("BDY-003", 3)]])], {"BDY-003": 3}),
    Talk("zh", [Turn("买一支玫瑰护手霜", [[add("BDY-003")]]), Turn("改成三支", [[("view_cart", {})], [update("BDY-003", 3)]])], {"BDY-003": 3}),
    Talk("en", [Turn("add the sunscreen and two hand creams", [[add("SKN-002"), add("BDY-003", 2)]]),
                Turn("remove the sunscreen", [[remove("SKN-002")]])], {"BDY-003": 2}),
    Talk("zh", [Turn("加一瓶防晒和两支护手霜", [[add("SKN-002", 1), add("BDY-003", 2)]]), Turn("防晒不要了", [[remove("SKN-002")]])],
         {"BDY-003": 2}),
    Talk("en", [Turn("add an eye massager", [[add("DEV-006")]]), Turn("empty my cart", [[("clear_cart", {})]])], {}),
    Talk("zh", [Turn("加一个眼部按摩仪", [[add("DEV-006")]]), Turn("清空购物车", [[("clear_cart", {})]])], {}),
    Talk("en", [Turn("claim the 20 off 200 coupon for me", [[("list_coupons", {})], [("claim_coupon", {"code": "SAVE20"})]])], {}),
    Talk("zh", [Turn("帮我领满200减20的券", [[("list_coupons", {})], [("claim_coupon", {"code": "SAVE20"})]])], {}),
    Talk("en", [Turn("I want to talk to a person", [[("talk_to_consultant", {"reason": "asked"})]])], {}),
    Talk("zh", [Turn("转人工", [[("talk_to_consultant", {})]])], {}),
    Talk("en", [Turn("add SKN-004", [[("get_product", {"sku": "SKN-004"})], [add("SKN-004")]])], {"SKN-004": 1}),
    Talk("zh", [Turn("把 SKN-004 加入购物车", [[add("SKN-004")]])], {"SKN-004": 1}),
    Talk("en", [Turn("find me a device under 500 yuan and add it", [find("device", max_price=500, category=5), [add("DEV-002")]])],
         {"DEV-002": 1}),
    Talk("zh", [Turn("帮我选一款适合敏感肌的乳液并加入购物车", [find("敏感肌 乳液"), [add("SKN-009")]])], {"SKN-009": 1}),
    Talk("en", [Turn("buy the hydration treatment and check out", [[add("SRV-001")], [("place_order", {})]])], {"SRV-001": 1}),
    Talk("zh", [Turn("预约一次深层补水护理", [find("深层补水护理"), [add("SRV-001", 1)]])], {"SRV-001": 1}),
    Talk("en", [Turn("add a serum", [[add("SKN-012")], [add("SKN-001")]])], {"SKN-001": 1}),
    Talk("zh", [Turn("加一支眉笔", [[add("MKP-007")]]), Turn("再来一支", [[add("MKP-007")]])], {"MKP-007": 2}),
    Talk("en", [Turn("swap", [], "What for what?"), Turn("add a mascara", [[add("MKP-006")]]),
                Turn("swap the mascara for a brow pencil", [[remove("MKP-006"), add("MKP-007")]])], {"MKP-007": 1}),
    Talk("zh", [Turn("加一支睫毛膏", [[add("MKP-006")]]), Turn("睫毛膏换成眉笔", [[remove("MKP-006"), add("MKP-007")]])], {"MKP-007": 1}),
    Talk("en", [Turn("do you have sleep gummies and a herbal tea?", [find("sleep gummies") + find("herbal tea")],
                     "Yes: Sleep Gummies and Low-sugar Herbal Tea, 20 bags."), Turn("add both", [[add("FOD-005"), add("FOD-006")]])],
         {"FOD-005": 1, "FOD-006": 1}),
    Talk("zh", [Turn("有助眠软糖和花草茶吗", [find("助眠软糖") + find("花草茶")], "都有：助眠软糖，低糖花草茶(20包)。"),
                Turn("都要", [[add("FOD-005"), add("FOD-006")]])], {"FOD-005": 1, "FOD-006": 1}),
)  # fmt: skip
