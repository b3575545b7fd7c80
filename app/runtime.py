"""What the running application lends to services and queries: its settings and its Redis.

Services do not import Flask; they ask here.
"""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app
from redis import BlockingConnectionPool, Redis

from app.config import Settings
from app.redis_line import Line


def init_runtime(app: Flask, settings: Settings) -> None:
    """Keep settings and a Redis client on the application. Nothing connects until first used."""
    app.extensions["mcpshop_settings"] = settings
    pool = BlockingConnectionPool.from_url(
        settings.redis_uri,
        max_connections=200,
        timeout=5,
        socket_timeout=10,
        socket_connect_timeout=2,
        decode_responses=True,
    )
    app.extensions["mcpshop_redis"] = Redis(connection_pool=pool)
    app.extensions["mcpshop_redis_line"] = Line(app.extensions["mcpshop_redis"])
    app.extensions["mcpshop_redis_bytes"] = Redis.from_url(
        settings.redis_uri, socket_timeout=10, socket_connect_timeout=2
    )


def settings() -> Settings:
    """The settings of the current application."""
    return cast(Settings, current_app.extensions["mcpshop_settings"])


def redis() -> Redis:
    """The Redis client of the current application; text in, text out."""
    return cast(Redis, current_app.extensions["mcpshop_redis"])


def redis_line() -> Line:
    """The way to the same Redis that many share: for what each answer in the making asks often."""
    return cast(Line, current_app.extensions["mcpshop_redis_line"])


def redis_bytes() -> Redis:
    """The client that RQ needs: it stores pickled bytes."""
    return cast(Redis, current_app.extensions["mcpshop_redis_bytes"])
