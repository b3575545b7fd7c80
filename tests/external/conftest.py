"""Remote servers that stand for all tests of this folder; what kills its server starts one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import MakeApp
from tests.external.attaching import Attachment, Remote, attached, running

Standing = Callable[[str], Remote]


@pytest.fixture(scope="session")
def standing() -> Iterator[Standing]:
    """A remote of a kind, started when it is first asked for."""
    remotes: dict[str, Remote] = {}
    with ExitStack() as stack:

        def find(kind: str) -> Remote:
            if kind not in remotes:
                remotes[kind] = stack.enter_context(running(kind))
            return remotes[kind]

        yield find


@pytest.fixture
def web(make_app: MakeApp, standing: Standing) -> Iterator[Attachment]:
    """A server over Streamable HTTP, attached."""
    with attached(make_app, standing("http")) as attachment:
        yield attachment
