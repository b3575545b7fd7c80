"""Tools that talk while they work, and tools that are hard to stop; only for tests."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from pydantic import Field
from sqlalchemy import text, update

from app.catalogue.models import Product
from app.core.actor import Actor
from app.db import db
from app.tools.spec import Arguments, ToolSpec, tool

Talk = Generator[str, None, dict[str, Any]]
STARTED: list[str] = []
ENDED: list[str] = []


class Count(Arguments):
    to: int = 5
    seconds: float = 0.0
    word: str = "step"


class Bump(Arguments):
    sku: str
    seconds: float = 0.0


class Seconds(Arguments):
    seconds: float = Field(le=30)


@tool(category="test", zh="数数", en="Count", arguments=Count, streaming=True)
def talk_count(_actor: Actor, arguments: Count) -> Talk:
    STARTED.append("count")
    try:
        for number in range(1, arguments.to + 1):
            yield f"{arguments.word} {number}\n"
            time.sleep(arguments.seconds)
    finally:
        ENDED.append("count")
    return {"counted": arguments.to}


@tool(category="test", zh="边改边说", en="Change and talk", arguments=Bump, writes=True, streaming=True)
def talk_bump(_actor: Actor, arguments: Bump) -> Talk:
    db.session.execute(update(Product).where(Product.sku == arguments.sku).values(stock=Product.stock + 1))
    yield "changing"
    time.sleep(arguments.seconds)
    yield " changed"
    return {"ok": True}


@tool(category="test", zh="睡", en="Sleep and look at nothing", arguments=Seconds, timeout_seconds=20)
def talk_sleep(_actor: Actor, arguments: Seconds) -> dict[str, Any]:
    STARTED.append("sleep")
    time.sleep(arguments.seconds)
    return {"slept": arguments.seconds}


@tool(
    category="test", zh="改着睡", en="Sleep in a transaction", arguments=Bump, writes=True, timeout_seconds=20
)
def talk_hold(_actor: Actor, arguments: Bump) -> dict[str, Any]:
    db.session.execute(update(Product).where(Product.sku == arguments.sku).values(stock=Product.stock + 100))
    STARTED.append("hold")
    try:
        time.sleep(arguments.seconds)
        # What it does after it was left behind must come to nothing either.
        db.session.execute(
            update(Product).where(Product.sku == arguments.sku).values(stock=Product.stock + 1000)
        )
        return {"ok": True}
    finally:
        ENDED.append("hold")


@tool(
    category="test", zh="库里忙", en="Busy in the database", arguments=Bump, writes=True, timeout_seconds=20
)
def talk_busy(_actor: Actor, arguments: Bump) -> dict[str, Any]:
    db.session.execute(update(Product).where(Product.sku == arguments.sku).values(stock=Product.stock + 100))
    STARTED.append("busy")
    try:
        if db.engine.dialect.name == "sqlite":
            numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 200000000) "
            db.session.execute(text(numbers + "SELECT max(x) FROM n"))
        else:
            db.session.execute(text("SELECT SLEEP(8)"))
        return {"ok": True}
    finally:
        ENDED.append("busy")


@tool(category="test", zh="长文", en="A long text", arguments=Count)
def talk_long(_actor: Actor, arguments: Count) -> dict[str, Any]:
    sentences = [f"Sentence {number} of the {arguments.word}." for number in range(arguments.to)]
    return {"title": "Report", "text": " ".join(sentences)}


@tool(category="test", zh="多", en="Many", arguments=Count)
def talk_many(_actor: Actor, arguments: Count) -> dict[str, Any]:
    return {
        "products": [
            {"sku": f"S{n}", "name": f"Cream {n}", "price_cents": 100 * n} for n in range(arguments.to)
        ]
    }


TOOLS: tuple[ToolSpec, ...] = (
    talk_count, talk_bump, talk_sleep, talk_hold, talk_busy, talk_long, talk_many,
)  # fmt: skip
