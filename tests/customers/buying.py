"""A shop with real texts, and customers whose orders are known to the day."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from app.accounts.models import User
from app.catalogue.search import reindex
from app.conversations.models import Conversation, Message
from app.core.actor import Actor, Role
from app.core.clock import business_day, now
from app.db import db, in_transaction, transaction
from app.members.models import Member
from app.orders.models import Order, OrderItem
from app.tools.executor import ToolResult, execute
from tests.builders import actor_of, make_category, make_product, make_store, make_user

TEXTS = {
    "SKN-001": (
        1,
        "水漾保湿精华",
        "Aqua Dew Hydrating Serum",
        "双重玻尿酸,干皮也能保持一整天水润",
        26_800,
        140,
    ),
    "SKN-003": (1, "氨基酸洁面乳", "Amino Acid Cleanser", "弱酸性配方,洗后不紧绷,敏感肌可用", 8_900, 320),
    "SKN-006": (1, "舒缓保湿面膜", "Calming Sheet Masks", "积雪草提取物,泛红时的急救", 11_900, 400),
    "SKN-004": (1, "夜间保湿面霜", "Night Hydrating Cream", "神经酰胺加角鲨烷,干皮夜间滋润", 32_900, 0),
    "HAR-001": (3, "生姜防脱洗发水", "Ginger Anti-hair-loss Shampoo", "强韧发根,减少掉发", 10_900, 230),
    "SRV-001": (8, "深层补水护理 60 分钟", "Deep Hydration Treatment", "到店服务,需提前预约", 39_800, 500),
}


def stock_shelves() -> None:
    for number, names in {1: ("护肤", "Skin care"), 3: ("洗护", "Hair"), 8: ("门店服务", "Services")}.items():
        make_category(id=number, name=names[0], name_en=names[1])
    for sku, (shelf, name, english, text, cents, stock) in TEXTS.items():
        make_product(
            sku, price_cents=cents, stock=stock, category_id=shelf, name=name, name_en=english,
            description=text, description_en=english,
        )  # fmt: skip
    in_transaction(reindex)


def consultant() -> Actor:
    return actor_of(make_user("clara", roles=(Role.CUSTOMER, Role.CONSULTANT)), locale="en")


def buy(user: User, days_ago: int, sku: str, qty: int = 1, *, refunded_cents: int = 0) -> int:
    """A paid order of one line; its number."""
    shelf, name, english, _text, cents, _stock = TEXTS[sku]
    member_id = db.session.scalar(select(Member.id).where(Member.user_id == user.id))
    at = now() - timedelta(days=days_ago)
    order = Order(
        store_id=make_store().id, member_id=member_id, user_id=user.id, status="COMPLETED", pay_status=1,
        original_amount_cents=cents * qty, amount_cents=cents * qty, refunded_cents=refunded_cents,
        paid_at=at, paid_on=business_day(at, "Asia/Shanghai"), created_at=at,
    )  # fmt: skip
    order.items = [
        OrderItem(
            sku=sku, name=name, name_en=english, category={1: "护肤", 3: "洗护", 8: "门店服务"}[shelf],
            qty=qty, price_cents=cents, refunded_qty=0, refunded_cents=refunded_cents,
        )
    ]  # fmt: skip
    with transaction() as session:
        session.add(order)
    return order.id


def talk(user: User, *words: str, opened: str = "") -> str:
    """A conversation in which the customer said this; its id."""
    conversation = Conversation(owner=f"user:{user.id}", user_id=user.id, title=words[0])
    with transaction() as session:
        session.add(conversation)
        session.flush()
        for text in words:
            session.add(Message(conversation_id=conversation.id, role="user", content=text))
        calls = [{"id": "c1", "name": "get_product", "arguments": {"sku": opened}}] if opened else []
        session.add(
            Message(conversation_id=conversation.id, role="assistant", content="好的", tool_calls=calls)
        )
    return conversation.id


def call(actor: Actor, name: str, **arguments: object) -> ToolResult:
    return execute(actor, name, arguments, caller="test")
