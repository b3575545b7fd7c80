"""What is spoken: the question before anything is done, and what became of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from app.catalogue.queries import find_view
from app.tools.rehearsal import Rehearsed

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_PRICE = re.compile(r"¥ ?([\d,]+(?:\.\d+)?)")
_MARKS = re.compile(r"[*_`#>|]+")


@cache
def _texts() -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = tomllib.loads(
        files("app.voice").joinpath("data/speech.toml").read_text("utf-8")
    )
    return texts


def say(language: str, key: str, **slots: object) -> str:
    """A sentence of `data/speech.toml`."""
    return _texts()[language][key].format(**slots)


def has_text(language: str, key: str) -> bool:
    return key in _texts()[language]


def for_the_ear(text: str) -> str:
    """An answer that was written for the eye, without links, marks and line breaks."""
    is_chinese = bool(_CHINESE.search(text))
    plain = _MARKS.sub("", _LINK.sub(r"\1", text))
    plain = _PRICE.sub(lambda match: say("zh" if is_chinese else "en", "money", amount=match[1]), plain)
    lines = [line.strip(" -•\t") for line in plain.splitlines() if line.strip(" -•\t")]
    spoken = ("；" if is_chinese else "; ").join(lines)
    return re.sub(
        r"([：:])[；;] ?", r"\1" if is_chinese else r"\1 ", re.sub(r"[。；;.](?=[；;])", "", spoken)
    )


def question(language: str, steps: Sequence[Rehearsed]) -> str:
    """What is read back: every step with its products, counts and prices."""
    parts = [step_text(language, step) for step in steps]
    if len(parts) == 1:
        return say(language, "confirm_one", step=parts[0])
    numbered = [say(language, "numbered", n=n, step=part) for n, part in enumerate(parts, 1)]
    return say(language, "confirm_many", count=len(parts), steps=say(language, "step_join").join(numbered))


def step_text(language: str, step: Rehearsed) -> str:
    """One step as it is read back."""
    key = f"step_{step.tool}"
    if not has_text(language, key):
        return say(language, "step_other", name=step.tool)
    return say(language, key, **slots_of(language, step.tool, step.arguments, step.result))


def done_text(language: str, tool: str, arguments: dict[str, Any], result: dict[str, Any]) -> str:
    """What has been done."""
    key = f"done_{tool}"
    if not has_text(language, key):
        return say(language, "done_other")
    return say(language, key, **slots_of(language, tool, arguments, result))


def name_of(language: str, tool: str) -> str:
    """What a step is called in a few words."""
    key = f"name_{tool}"
    return say(language, key) if has_text(language, key) else tool


def sentences(language: str, said: Sequence[str]) -> str:
    """Sentences one after the other."""
    return ("" if language == "zh" else " ").join(said)


def slots_of(
    language: str, tool: str, arguments: dict[str, Any], result: dict[str, Any]
) -> dict[str, object]:
    """The values of a step's sentence."""
    if "sku" in arguments:
        return _goods(language, arguments, result)
    if tool == "place_order":
        return _order(language, result)
    if tool == "cancel_order":
        order = result.get("order") or result.get("summary") or {}
        return {"id": arguments.get("order_id"), "total": money(language, int(order.get("total_cents") or 0))}
    if tool == "claim_coupon":
        coupon = result.get("coupon") or {}
        return {"name": _named(language, coupon) or arguments.get("code")}
    return {}


def _goods(language: str, arguments: dict[str, Any], result: dict[str, Any]) -> dict[str, object]:
    sku = str(arguments["sku"])
    lines = (result.get("cart") or {}).get("items") or []
    line = next((each for each in lines if each.get("sku") == sku), None)
    if line is None:
        product = find_view(sku)
        line = (
            {"name_zh": product.name, "name_en": product.name_en, "price_cents": product.price_cents}
            if product
            else {"name_zh": sku, "name_en": sku, "price_cents": 0}
        )
    return {
        "name": _named(language, line),
        "qty": arguments.get("qty", 1),
        "price": money(language, int(line["price_cents"])),
    }


def _order(language: str, result: dict[str, Any]) -> dict[str, object]:
    told = result.get("summary") or result.get("order") or {}
    lines = [
        say(language, "line", name=each.get("name"), qty=each.get("qty") or each.get("quantity"))
        for each in told.get("items") or []
    ]
    coupon = ""
    if told.get("coupon"):
        coupon = say(
            language,
            "coupon",
            name=_named(language, told["coupon"]) if isinstance(told["coupon"], dict) else told["coupon"],
            discount=money(language, int(told.get("discount_cents") or 0)),
        )
    return {
        "id": told.get("order_id"),
        "lines": say(language, "line_join").join(lines),
        "coupon": coupon,
        "total": money(language, int(told.get("total_cents") or 0)),
    }


def _named(language: str, told: dict[str, Any]) -> str:
    return str(told.get("name_zh" if language == "zh" else "name_en") or told.get("name") or "")


def money(language: str, cents: int) -> str:
    """68 yuan, 128.5 yuan: as one says it."""
    amount = f"{cents / 100:.2f}".rstrip("0").rstrip(".")
    return say(language, "money", amount=amount)


def cart_text(language: str, result: dict[str, Any]) -> str:
    """What the cart holds now, where the result tells."""
    cart = result.get("cart")
    if not isinstance(cart, dict) or not cart.get("count"):
        return ""
    return say(language, "cart_now", count=cart["count"], total=money(language, int(cart["total_cents"])))
