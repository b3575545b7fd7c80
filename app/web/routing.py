"""Ids in paths, forms and addresses."""

from __future__ import annotations

import re

from flask import Flask
from werkzeug.routing import IntegerConverter


class RowId(IntegerConverter):
    """`<int:...>` of plain digits, and no more than a row's id can have: the rest is 404, not a database error."""

    regex = "[0-9]{1,9}"


def read_row_id(text: str | None) -> int | None:
    """The id that a form or an address names; None for what no row can have."""
    return int(text) if text and re.fullmatch(RowId.regex, text) else None


def init_routing(app: Flask) -> None:
    """Let every route use it; call before blueprints are registered."""
    app.url_map.converters["int"] = RowId
