"""The web application with slow tools and a window into its process: `gunicorn tests.gateway.probe:app`, tests only."""

from __future__ import annotations

import gc
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import gevent
import greenlet

from app.tools.registry import registry
from tests.agent import scripted
from wsgi import app

PATH = "/__probe__"
registry.add_all(scripted.TOOLS)
_inner = app.wsgi_app


def _look(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """What lives in this process, instead of the application's answer for one path."""
    if environ.get("PATH_INFO") != PATH:
        return _inner(environ, start_response)
    body = json.dumps(state(with_greenlets=bool(environ.get("QUERY_STRING")))).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


app.wsgi_app = _look  # type: ignore[method-assign]


def state(*, with_greenlets: bool) -> dict[str, Any]:
    """Threads by name, greenlets by kind (slow), and how many runs and open streams the process knows of."""
    hub, runs = app.extensions.get("mcpshop_hub"), app.extensions.get("mcpshop_runs")
    return {
        "pid": os.getpid(),
        "threads": Counter(thread.name.rstrip("0123456789-") for thread in threading.enumerate()),
        "greenlets": _greenlets() if with_greenlets else {},
        "runs": len(runs._runs) if runs is not None else 0,
        "watches": len(hub._watches) if hub is not None else 0,
    }


def _greenlets() -> Counter[str]:
    gc.collect()
    found = [each for each in gc.get_objects() if isinstance(each, greenlet.greenlet) and not each.dead]
    return Counter(_kind(each) for each in found if each is not gevent.getcurrent())


def _kind(each: Any) -> str:
    run = getattr(each, "_run", None)
    return f"{type(each).__name__} {getattr(run, '__qualname__', '')}".strip()
