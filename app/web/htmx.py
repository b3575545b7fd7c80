"""Answering HTMX 4: a block of the page's own template for a partial request, the whole page otherwise."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, redirect, render_template, request
from jinja2_fragments.flask import render_block


def is_partial() -> bool:
    """True when htmx asks for a fragment (htmx 4 sends `HX-Request-Type: partial`)."""
    return request.headers.get("HX-Request-Type") == "partial"


def page(template: str, *, block: str | None = None, status: int = 200, **context: Any) -> Response:
    """Render a page, or only `block` of it when htmx asks for a fragment."""
    if block and is_partial():
        body = render_block(template, block, **context)
    else:
        body = render_template(template, **context)
    response = make_response(body, status)
    response.vary.update(["HX-Request", "HX-Request-Type", "Cookie", "Accept-Language"])
    return response


def go_to(url: str) -> Response:
    """Navigate: `HX-Redirect` for htmx, 303 for a plain form."""
    if "HX-Request" in request.headers:
        response = make_response("", 200)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, code=303))


def trigger(response: Response, *events: str) -> Response:
    """Let the page know that something changed, e.g. `cart-changed`."""
    response.headers["HX-Trigger"] = ", ".join(events)
    return response
