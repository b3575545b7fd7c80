"""What an admin configured for a tool in a group; the tool at work reads it here."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

current: ContextVar[Mapping[str, Any]] = ContextVar("tool_configuration", default={})  # noqa: B039 - never changed


def option(name: str, default: Any = None) -> Any:
    """One value of the configuration of the tool that runs; the default where nothing is configured."""
    return current.get().get(name, default)
