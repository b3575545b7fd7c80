"""A chat model that plays a script, and tools to try the executor and the loop with."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import Field
from sqlalchemy import select, update

from app.catalogue.models import Product
from app.core.actor import Actor, Role
from app.core.errors import N_, Conflict
from app.db import db
from app.llm.client import ChatRequest, Finish, ModelEvent, TextDelta, ToolCall, Usage
from app.tools.cancellation import check
from app.tools.spec import Arguments, ToolSpec, tool

Turn = list[ModelEvent] | Callable[[ChatRequest], Iterator[ModelEvent]]
# How long a call of `try_meet` waits for the others.
MEETING_SECONDS = 15.0
_meetings: dict[int, threading.Barrier] = {}
_meeting_lock = threading.Lock()


class ScriptedModel:
    """Plays one turn after the other, of all runs together; keeps the requests that it got."""

    name = "scripted"

    def __init__(self, *turns: Turn) -> None:
        self._turns = list(turns)
        self._lock = threading.Lock()
        self.requests: list[ChatRequest] = []

    def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
        with self._lock:
            self.requests.append(request)
            turn = self._turns.pop(0) if self._turns else say("...")
        yield from turn(request) if callable(turn) else turn


def say(*pieces: str) -> list[ModelEvent]:
    """A turn of text only."""
    return [*map(TextDelta, pieces), Usage(10, 5), Finish("stop")]


def call(*calls: tuple[str, dict[str, Any]], text: str = "") -> list[ModelEvent]:
    """A turn that calls tools: (name, arguments) each."""
    made = [ToolCall(f"call_{name}_{n}", name, json.dumps(given)) for n, (name, given) in enumerate(calls)]
    return [*([TextDelta(text)] if text else []), *made, Usage(10, 5), Finish("tool_calls")]


def unfenced(message: dict[str, Any]) -> str:
    """The text of a tool's message without the fence that a model elsewhere gets it in."""
    begin, text, end = message["content"].split("\n")
    assert begin.startswith("<<DATA ") and end == f"<<END {begin.split()[1]}>>"
    return text


def hang(*pieces: str) -> Callable[[ChatRequest], Iterator[ModelEvent]]:
    """Say something, then nothing for a long time, without looking at `cancelled`."""

    def turn(_request: ChatRequest) -> Iterator[ModelEvent]:
        yield from map(TextDelta, pieces)
        time.sleep(20)
        yield Finish("stop")

    return turn


class Echo(Arguments):
    text: str = Field(min_length=1, max_length=20)


class Seconds(Arguments):
    seconds: float


class People(Arguments):
    people: int


class Bump(Arguments):
    sku: str
    by: int = 1
    seconds: float = 0


class Number(Arguments):
    n: int


class Buy(Arguments):
    sku: str


@tool(category="test", zh="重复", en="Repeat", arguments=Echo)
def try_echo(_actor: Actor, arguments: Echo) -> dict[str, Any]:
    return {"echo": arguments.text}


@tool(category="test", zh="慢", en="Slow", arguments=Seconds, timeout_seconds=5)
def try_slow(_actor: Actor, arguments: Seconds) -> dict[str, Any]:
    deadline = time.monotonic() + arguments.seconds
    while time.monotonic() < deadline:
        check()
        time.sleep(0.01)
    return {"slept": arguments.seconds}


@tool(category="test", zh="会合", en="Meet", arguments=People, timeout_seconds=30)
def try_meet(_actor: Actor, arguments: People) -> dict[str, Any]:
    """Wait for the others; raises BrokenBarrierError when they do not come."""
    with _meeting_lock:
        meeting = _meetings.setdefault(arguments.people, threading.Barrier(arguments.people))
    meeting.wait(MEETING_SECONDS)
    return {"met": arguments.people}


@tool(category="test", zh="改", en="Change stock", arguments=Bump, writes=True, timeout_seconds=0.4)
def try_bump(_actor: Actor, arguments: Bump) -> dict[str, Any]:
    statement = update(Product).where(Product.sku == arguments.sku)
    db.session.execute(statement.values(stock=Product.stock + arguments.by))
    time.sleep(arguments.seconds)
    return {"ok": True}


@tool(category="test", zh="坏", en="Broken")
def try_crash(_actor: Actor, _arguments: Arguments) -> dict[str, Any]:
    raise ZeroDivisionError("a bug")


@tool(category="test", zh="长", en="Long", arguments=Number)
def try_long(_actor: Actor, arguments: Number) -> dict[str, Any]:
    products = [{"sku": f"S{n}", "name": "x" * 50} for n in range(arguments.n)]
    return {"products": products, "total": arguments.n}


@tool(category="test", zh="内部", en="Staff only", roles=(Role.OPERATOR,))
def try_staff(_actor: Actor, _arguments: Arguments) -> dict[str, Any]:
    return {"secret": 1}


def _buy_preview(actor: Actor, arguments: Buy) -> dict[str, Any]:
    row = db.session.execute(
        select(Product.name, Product.price_cents, Product.stock).where(Product.sku == arguments.sku)
    ).one()
    if row.stock < 1:
        raise Conflict(
            N_("Only %(left)s left of %(name)s."), code="INSUFFICIENT_STOCK", left=0, name=row.name
        )
    title = "下单" if actor.locale == "zh" else "Place order"
    return {"title": title, "items": [{"name": row.name, "qty": 1}], "total": row.price_cents}


@tool(
    category="test",
    zh="买",
    en="Buy",
    arguments=Buy,
    writes=True,
    confirm=True,
    preview=_buy_preview,
    roles=(Role.CUSTOMER,),
)
def try_buy(_actor: Actor, arguments: Buy) -> dict[str, Any]:
    db.session.execute(update(Product).where(Product.sku == arguments.sku).values(stock=Product.stock - 1))
    return {"order": {"order_id": "O1"}}


TOOLS: tuple[ToolSpec, ...] = (
    try_echo,
    try_slow,
    try_meet,
    try_bump,
    try_crash,
    try_long,
    try_staff,
    try_buy,
)
