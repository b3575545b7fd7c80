"""Tools for tests only: one that hangs, one that raises, one that says too much, one that streams, one that asks."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from pydantic import Field

from app.core.actor import Actor
from app.runtime import redis
from app.tools import cancellation
from app.tools.spec import Arguments, ToolSpec, tool

TOLD_KEY = "test:odd:"


class Named(Arguments):
    """A name under which the tool leaves word in Redis of what became of it."""

    name: str = Field("x", max_length=40)


@tool(category="odd", zh="一直等", en="Waits until it is cancelled", arguments=Named, timeout_seconds=8)
def hang(actor: Actor, arguments: Named) -> dict[str, Any]:
    redis().set(f"{TOLD_KEY}{arguments.name}:started", time.time())
    try:
        while True:
            cancellation.check()
            time.sleep(0.02)
    except cancellation.Cancelled:
        redis().set(f"{TOLD_KEY}{arguments.name}:cancelled", time.time())
        raise


@tool(category="odd", zh="永远不听", en="Hangs and does not listen", timeout_seconds=0.5)
def deaf(actor: Actor, arguments: Arguments) -> dict[str, Any]:
    time.sleep(5)
    return {}


@tool(category="odd", zh="出错", en="Raises", arguments=Arguments)
def explode(actor: Actor, arguments: Arguments) -> dict[str, Any]:
    raise RuntimeError("secret detail")


@tool(category="odd", zh="很长", en="Returns 10 MB", arguments=Arguments)
def flood(actor: Actor, arguments: Arguments) -> dict[str, Any]:
    return {"rows": [{"n": n, "text": "x" * 1000} for n in range(10_000)]}


@tool(category="odd", zh="边做边说", en="Says what it does", streaming=True)
def narrate(actor: Actor, arguments: Arguments) -> Generator[str, None, dict[str, Any]]:
    for word in ("one", "two", "three"):
        yield word
        time.sleep(0.1)
    return {"said": 3}


def _preview(actor: Actor, arguments: Named) -> dict[str, Any]:
    return {"title": f"Launch {arguments.name}?", "total": "12.00", "total_cents": 1200}


@tool(
    category="odd",
    zh="需要同意",
    en="Asks first",
    arguments=Named,
    writes=True,
    confirm=True,
    preview=_preview,
)
def launch(actor: Actor, arguments: Named) -> dict[str, Any]:
    return {"launched": arguments.name, "times": redis().incr(f"{TOLD_KEY}{arguments.name}:launched")}


TOOLS: tuple[ToolSpec, ...] = (hang, deaf, explode, flood, narrate, launch)
