"""Agents of the operators' desk whose answers are written beforehand, asked over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.accounts.models import User
from app.config import Settings
from app.core.actor import Actor, Role
from app.db import db
from app.factory import create_app
from app.insights.modelling.asking import PURPOSE, Asker, asker_for
from tests.builders import actor_of, make_user
from tests.conftest import MakeApp
from tests.gateway.failing import LIMITS, add_agent
from tests.gateway.upstreams import Behaviour, Upstream, Wire, upstream

Answer = str | dict[str, Any] | Behaviour


@dataclass
class Script:
    """What an agent answers, one after the other; the last one again and again. A dict is said as JSON."""

    answers: list[Answer]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, wire: Wire) -> None:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(wire.body)
        if callable(answer):
            answer(wire)
            return
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        wire.begin()
        # In pieces, as models do it.
        for start in range(0, len(text), 400):
            wire.words(text[start : start + 400])
        wire.finish()

    @property
    def told(self) -> str:
        """All that the agent was told."""
        return json.dumps([body["messages"] for body in self.asked], ensure_ascii=False)


@dataclass
class Desk:
    """A shop with scripted agents, in the order in which they are asked."""

    app: Flask
    scripts: list[Script]
    servers: list[Upstream]

    @property
    def script(self) -> Script:
        return self.scripts[0]

    def operator(self, locale: str = "en") -> Actor:
        user = db.session.scalar(select(User).where(User.username == "olga"))
        return actor_of(user or make_user("olga", roles=(Role.OPERATOR,)), locale=locale)

    def asker(self, locale: str = "en") -> Asker:
        return asker_for(self.operator(locale))

    def rewrite(self, *answers: Answer) -> Script:
        """Give the first agent another script."""
        script = self.scripts[0] = Script(list(answers))
        self.servers[0].behave = script
        return script


OpenDesk = Callable[..., Desk]


def maker(folder: Path, redis_url: str, database: Path) -> MakeApp:
    """Makes one application over a copy of a database file, for fixtures that serve a whole module."""
    copy(database, folder / "mcpshop.db")

    def make(_url: str = "", **settings: Any) -> Flask:
        values = {
            "app_env": "test",
            "mcpshop_home": folder,
            "redis_url": redis_url,
            "ratelimit_enabled": False,
            "log_level": "WARNING",
            "secret_key": "test-secret-key-of-at-least-32-characters",
        }
        return create_app(Settings(**{**values, **settings}, _env_file=None))

    return make


def open_desk(
    stack: ExitStack, make_app: MakeApp, *scripts: list[Answer], url: str = "", **settings: Any
) -> Desk:
    """A desk whose agents answer by the scripts; `url` is its database, SQLite by default."""
    made = [Script(list(answers)) for answers in scripts]
    servers = [stack.enter_context(upstream(script)) for script in made]
    urls = [server.url for server in servers]
    app = make_app(url, **{**LIMITS, "llm_private_base_urls": " ".join(urls), **settings})
    with app.app_context():
        for place, each in enumerate(urls):
            add_agent(f"agent {place}", each, priority=place, purpose=PURPOSE)
    return Desk(app, made, servers)
