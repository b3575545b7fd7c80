"""Ids in paths."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import IntegerConverter


class RowId(IntegerConverter):
    """`<int:...>` of plain digits, and no more than a row's id can have: the rest is 404, not a database error."""

    regex = "[0-9]{1,9}"


def init_routing(app: Flask) -> None:
    """Let every route use it; call before blueprints are registered."""
    app.url_map.converters["int"] = RowId
