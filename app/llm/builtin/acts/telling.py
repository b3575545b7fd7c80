"""What is said of a product."""

from __future__ import annotations

from app.language.normalise import normalise
from app.llm.builtin import cues
from app.llm.builtin.desk import Desk
from app.llm.builtin.products import Product
from app.llm.builtin.replies import yuan


def describe(desk: Desk, product: Product) -> None:
    """What the shop says of a product."""
    text = sentence(desk, product.description)
    desk.say("detail", name=desk.name(product), price=yuan(product.price_cents), description=text)
    if product.stock == 0:
        desk.say("detail_stock_out")


def sentence(desk: Desk, text: str) -> str:
    """``text`` with a full stop."""
    end = "。" if desk.language == "zh" else "."
    return text if not text or text[-1] in ".。!?！？" else text + end


def caution(desk: Desk) -> None:
    """With pregnancy, allergies or illness somebody who knows has to be asked."""
    if cues.pattern("medical").search(normalise(desk.message)):
        desk.say("medical")
