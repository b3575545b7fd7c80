"""What a caller may ask of a model, and the two models that need no address: the built-in one and a test's.

Which model answers is decided in `app.gateway.routing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import cast

from flask import current_app

from app.core.errors import N_, Forbidden
from app.llm.addresses import AddressRefused, check_address, same_place
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
    """Raises Forbidden for an address (or a key for one) that is not allowed: we are no open proxy.

    An address must be named in LLM_ALLOWED_BASE_URLS, and must not lead into a private network.
    """
    if options.base_url is None and options.api_key is None:
        return
    if options.base_url is None or not _is_allowed(options.base_url):
        raise Forbidden(N_("This model address is not allowed here."))


def _is_allowed(base_url: str) -> bool:
    try:
        if not same_place(base_url, settings().llm_allowed_base_urls.split()):
            return False
        check_address(base_url)
    except AddressRefused:
        return False
    return True


@lru_cache(maxsize=1)
def builtin_model() -> ChatModel:
    """The built-in model. Its word lists take a moment to load: not before they are needed."""
    from app.llm.builtin import BuiltinModel

    return BuiltinModel()


def warm() -> None:
    """Load what the first answer needs before a customer waits for it (0.1 to 0.2 seconds, a client 1 second)."""
    # Any process may be told of an agent at any time.
    import_module("app.llm.openai_compatible")
    request = ChatRequest(messages=[{"role": "user", "content": "你好, do you have sunscreen"}], tools=())
    for _ in builtin_model().stream(request):
        pass


def use_model(model: ChatModel | None) -> None:
    """Let `model` answer everything in this process (tests and benchmarks); None undoes it."""
    current_app.extensions[OVERRIDE] = model


def override() -> ChatModel | None:
    """The model of `use_model`."""
    return cast(ChatModel | None, current_app.extensions.get(OVERRIDE))
