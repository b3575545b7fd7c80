"""Fixtures: a push service, a shop whose consultants can be told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.delivery.push_service import PushService


@pytest.fixture
def service() -> Iterator[PushService]:
    running = PushService()
    yield running
    running.close()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def told_app(request: pytest.FixtureRequest, make_app: MakeApp, service: PushService) -> Flask:
    """An application that may push to the tests' service."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("mariadb_url")
    return make_app(url, push_private_urls=service.url)
