"""A shop whose agents are upstreams that behave as told, and somebody who asks it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

# Loading the client's library takes a second, which no time that is measured here shall include.
import app.llm.openai_compatible  # noqa: F401
from app.accounts.tokens import issue_token
from app.conversations.models import Run
from app.core.actor import Actor
from app.core.crypto import Vault
from app.db import db, transaction
from app.gateway.models import Agent, AgentVersion
from app.llm.client import ChatRequest
from app.llm.gateway import warm
from tests.agent.conftest import Person
from tests.builders import actor_of, make_user
from tests.gateway.upstreams import Behaviour, Upstream, upstream

# Short, so that the tests are.
FIRST, GAP, TOTAL = 0.6, 0.5, 3.0
LIMITS: dict[str, Any] = {
    "llm_connect_timeout": 0.5,
    "llm_first_token_timeout": FIRST,
    "llm_gap_timeout": GAP,
    "llm_total_timeout": TOTAL,
}
DEAD = "dead"


@dataclass
class Shop:
    """The application and its upstreams, in the order in which they are asked."""

    app: Flask
    upstreams: list[Upstream]

    def person(self, name: str = "alice") -> Person:
        with self.app.app_context():
            user = make_user(name)
            token, _ = issue_token(user.id)
            actor: Actor = actor_of(user, locale="en")
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        return Person(self.app, self.app.test_client(), actor, headers)

    def last_run(self) -> Run:
        with self.app.app_context():
            run = db.session.query(Run).order_by(Run.started_at.desc()).first()
            assert run is not None
            return run


MakeShop = Callable[..., Shop]


@pytest.fixture
def make_shop(make_app: Callable[..., Flask]) -> Iterator[MakeShop]:
    """`make_shop(silent, well())`: one agent for each; DEAD is one that nobody listens for."""
    with ExitStack() as stack:

        def make(*behaviours: Behaviour | str, **more: Any) -> Shop:
            servers, urls = [], []
            for behave in behaviours:
                if isinstance(behave, str):
                    urls.append(dead_url())
                    continue
                server = stack.enter_context(upstream(behave))
                servers.append(server)
                urls.append(server.url)
            app = make_app(**{**LIMITS, "llm_private_base_urls": " ".join(urls), **more})
            with app.app_context():
                for place, url in enumerate(urls):
                    add_agent(f"agent {place}", url, priority=place)
                # As a web process does: the first answer must not wait for word lists to load.
                warm()
            return Shop(app, servers)

        yield make


def dead_url() -> str:
    from tests.running import free_port

    return f"http://127.0.0.1:{free_port()}/v1"


def add_agent(name: str, url: str, *, priority: int = 100, key: str = "sk-secret", **values: Any) -> Agent:
    """An agent with one version; call it inside of an application context."""
    from app.runtime import settings

    of_agent = {
        field: values.pop(field)
        for field in ("purpose", "monthly_budget_cents", "enabled")
        if field in values
    }
    agent = Agent(**{"name": name, "purpose": "shop", "priority": priority, **of_agent})
    sealed = Vault(settings().secret_key).seal(key)
    version = {"number": 1, "provider": "openai", "base_url": url, "model": name, "sealed_key": sealed}
    agent.versions.append(AgentVersion(**{**version, **values}))
    with transaction() as session:
        session.add(agent)
    return agent


def request_of(text: str = "hi", **more: Any) -> ChatRequest:
    return ChatRequest(messages=[{"role": "user", "content": text}], tools=(), locale="en", **more)


def threads_named(*names: str) -> int:
    return sum(thread.name in names for thread in threading.enumerate())
