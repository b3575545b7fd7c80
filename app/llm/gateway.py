"""Which model answers: the configured one, the caller's own where that is allowed, or the built-in one.

`choose_model` is the one place that the agent loop asks; agents with weights and fail-over go in here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

from flask import current_app

from app.core.errors import N_, Forbidden
from app.llm.client import ChatModel, ChatRequest
from app.runtime import settings

OVERRIDE = "mcpshop_chat_model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What a caller may ask of the model; all optional."""

    model_name: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    api_key: str | None = None
    base_url: str | None = None


def check_options(options: ModelOptions) -> None:
    """Raises Forbidden for an address (or a key for one) that is not allowed: we are no open proxy."""
    if options.base_url is None and options.api_key is None:
        return
    if options.base_url is None or not _is_allowed(options.base_url):
        raise Forbidden(N_("This model address is not allowed here."))


def choose_model(options: ModelOptions) -> ChatModel:
    """The model for one answer. Raises Forbidden as `check_options` does."""
    check_options(options)
    chosen = current_app.extensions.get(OVERRIDE)
    if chosen is not None:
        return cast(ChatModel, chosen)
    configured = settings()
    if options.base_url is not None:
        name = options.model_name or configured.llm_model_name
        return _remote(options.base_url, options.api_key or "", name)
    if configured.llm_is_configured:
        name = options.model_name or configured.llm_model_name
        return _remote(configured.llm_endpoint, configured.llm_api_key, name)
    return _builtin()()


def warm() -> None:
    """Load the built-in model's words before the first customer waits for them (0.1 to 0.2 seconds)."""
    if not settings().llm_is_configured:
        request = ChatRequest(messages=[{"role": "user", "content": "你好, do you have sunscreen"}], tools=())
        for _ in _builtin()().stream(request):
            pass


def use_model(model: ChatModel | None) -> None:
    """Let `model` answer everything in this process (tests and benchmarks); None undoes it."""
    current_app.extensions[OVERRIDE] = model


def _remote(base_url: str, api_key: str, name: str) -> ChatModel:
    return _connected(base_url, api_key, name, settings().llm_connect_timeout, settings().llm_read_timeout)


@lru_cache(maxsize=32)
def _connected(
    base_url: str, api_key: str, name: str, connect_timeout: float, read_timeout: float
) -> ChatModel:
    """One client, with its pool of connections, for each address and key."""
    from app.llm.openai_compatible import OpenAICompatible

    return OpenAICompatible(
        base_url=base_url,
        api_key=api_key,
        model=name,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
    )


@lru_cache(maxsize=1)
def _builtin() -> Callable[[], ChatModel]:
    # Its word lists take a moment to load: not before they are needed.
    from app.llm.builtin import BuiltinModel

    return BuiltinModel


def _is_allowed(base_url: str) -> bool:
    """True when scheme, host and port are those of an allowed address."""
    wanted = urlsplit(base_url)
    return wanted.username is None and any(
        (wanted.scheme, wanted.hostname, wanted.port) == (allowed.scheme, allowed.hostname, allowed.port)
        for allowed in map(urlsplit, settings().llm_allowed_base_urls.split())
    )
