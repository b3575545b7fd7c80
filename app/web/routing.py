"""Ids in paths, forms and addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from flask import Flask, request
from werkzeug.routing import IntegerConverter, Rule


class RowId(IntegerConverter):
    """`<int:...>` of plain digits, and no more than a row's id can have: the rest is 404, not a database error."""

    regex = "[0-9]{1,9}"


class LateRule(Rule):
    """A route whose address writer is compiled when the first address is written.

    Of hundreds of routes a process writes the addresses of a few; compiling all took most of the time of making an application.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder
        compiled: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, /, **values: object) -> tuple[str, str]:
            if not compiled:
                compiled.append(compile_now(append_unknown))
            return compiled[0](rule, **values)

        return build


def read_row_id(text: str | None) -> int | None:
    """The id that a form or an address names; None for what no row can have."""
    return int(text) if text and re.fullmatch(RowId.regex, text) else None


def read_page_number(most: int) -> int:
    """The `page` of this address, from 1 to `most`; what is no number is the first."""
    return min(max(request.args.get("page", 1, type=int), 1), most)


def read_day(text: str | None) -> date | None:
    """A day as a date field sends it; None for what is none."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def init_routing(app: Flask) -> None:
    """Let every route use these; call before blueprints are registered."""
    app.url_rule_class = LateRule
    app.url_map.converters["int"] = RowId
