"""The words of a welcome: our own, from what is known of the customer, and the template's."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.core.money import yuan
from app.onboarding.values import Values, fill

MAX_WELCOME, MIN_WELCOME = 1_200, 10
PRICE = re.compile(r"[¥￥]\s*(\d[\d,]*(?:\.\d+)?)|(\d[\d,]*(?:\.\d+)?)\s*(?:元|yuan)", re.IGNORECASE)
Product = dict[str, Any]

PROMPT = """You write the first message of the shopping assistant of Chengmei (澄美), a beauty and wellness chain, to somebody who has just
registered. Write in {language}, in the second person, at most 90 words or 160 Chinese characters, warm and plain, no exclamation marks, no
emoji, no headings. Greet them by their user name. Say in a few words what fits them and why, by what is known of them; of somebody of whom
nothing is known, say that these are much liked. Name only the products of the data and only their exact prices; they are shown below
your message as cards. If the data names a coupon, mention it. End with what they can do here: ask for products, coupons, orders, or for a
person. Promise nothing else, no medical claims. Write the message and nothing else."""
LANGUAGES = {"zh": "简体中文", "en": "English"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """What a welcome is made from. `wish` is what the customer has asked for already, "" when nothing is known."""

    username: str
    locale: str
    store: str = ""
    level: int = 1
    wish: str = ""
    products: Sequence[Product] = ()
    coupon: str = ""

    @property
    def is_english(self) -> bool:
        return self.locale == "en"


def personal(guest: Guest) -> str:
    """The built-in model's welcome: plain sentences over facts."""
    parts = [_greeting(guest), _fitting(guest), _coupon(guest), _offer(guest)]
    return "\n\n".join(part for part in parts if part)


def from_template(values: Values, guest: Guest) -> str:
    """The admin's template with this customer's values."""
    told = {
        "username": guest.username,
        "store": guest.store,
        "level": guest.level,
        "products": _fitting(guest),
        "coupon": _coupon(guest),
    }
    return fill(values.template(guest.locale), told)


def prompt_for(guest: Guest) -> tuple[str, str]:
    """What a model elsewhere is told, and the data it writes from."""
    known = {
        "username": guest.username,
        "level": guest.level,
        "store": guest.store,
        "asked_for": guest.wish,
        "coupon": guest.coupon,
        "products": [
            {
                "name": product["name"],
                "price": f"¥{product['price']}",
                "about": str(product.get("description", ""))[:200],
            }
            for product in guest.products
        ],
    }
    return PROMPT.format(language=LANGUAGES.get(guest.locale, LANGUAGES["zh"])), json.dumps(
        known, ensure_ascii=False
    )


def problem_with(text: str, guest: Guest) -> str:
    """Why a model's welcome cannot be sent; "" when it can. Prices must be those of the products or the coupon's."""
    if not MIN_WELCOME <= len(text) <= MAX_WELCOME:
        return f"{len(text)} characters"
    real = {_number(yuan(product["price_cents"])) for product in guest.products}
    real |= {_number(figure) for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", guest.coupon)}
    said = {_number(one or other) for one, other in PRICE.findall(text)}
    invented = said - real
    return f"prices that are not ours: {sorted(invented)}" if invented else ""


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _greeting(guest: Guest) -> str:
    if guest.is_english:
        return f"Hello {guest.username}, welcome to Chengmei."
    return f"{guest.username}，你好，欢迎来到澄美。"


def _fitting(guest: Guest) -> str:
    if not guest.products:
        return ""
    if guest.is_english:
        head = f"You asked about {guest.wish}; these fit" if guest.wish else "Much liked here at the moment"
        return f"{head}: {', '.join(_named(product) for product in guest.products)}."
    head = f"你问过{guest.wish}，这几件正合适" if guest.wish else "最近很受欢迎的有"
    return f"{head}：{'、'.join(_named(product) for product in guest.products)}。"


def _named(product: Product) -> str:
    return f"{product['name']} (¥{product['price']})"


def _coupon(guest: Guest) -> str:
    if not guest.coupon:
        return ""
    if guest.is_english:
        return f"A coupon waits for you: {guest.coupon}. You can claim it under Coupons."
    return f"有一张优惠券可以领：{guest.coupon}，在“优惠券”里领取。"


def _offer(guest: Guest) -> str:
    if guest.is_english:
        return (
            "Just say here what you need: I can find products, look up coupons, fill the cart and follow orders. "
            'To talk to a person, say "consultant".'
        )
    return (
        "想找什么直接在这里说：我可以帮你挑商品、看优惠、加购物车、查订单。想和真人顾问聊，说一声“找顾问”。"
    )
