"""The program, started once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mcp.serving import Program, serving


@pytest.fixture(scope="session")
def program(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, sqlite_template: Path
) -> Iterator[Program]:
    """One web process, stateless as in production."""
    with serving(tmp_path_factory.mktemp("mcp") / "home", redis_url, sqlite_template) as running:
        yield running


@pytest.fixture(scope="session")
def keeping(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, sqlite_template: Path
) -> Iterator[Program]:
    """One web process that keeps the sessions of older clients."""
    home = tmp_path_factory.mktemp("mcp-sessions") / "home"
    with serving(home, redis_url, sqlite_template, MCP_SESSIONS="1") as running:
        yield running
