"""Models made from agents' versions, from the settings, and from what a caller brings along.

Nothing of an agent is remembered here but clients: for the same address, key and name the same client serves.
"""

from __future__ import annotations

from functools import lru_cache

import httpx2

from app.core.crypto import Vault
from app.gateway.models import AgentVersion
from app.llm.addresses import private_places
from app.llm.client import ChatModel
from app.llm.gateway import ModelOptions, builtin_model
from app.llm.http import open_client
from app.runtime import settings

OPENAI, DIFY, BUILTIN = "openai", "dify", "builtin"
MAX_CLIENTS = 128
# The reader of a stream keeps the time; a connection's own limit is a second net behind it.
SLACK_SECONDS = 2.0


def model_of(version: AgentVersion) -> ChatModel:
    """The model of an agent's version. Raises SealBroken when its key cannot be opened."""
    if version.provider == BUILTIN:
        return builtin_model()
    key = Vault(settings().secret_key).unseal(version.sealed_key)
    name = version.model or (f"dify:{version.app_id}" if version.provider == DIFY else "")
    return _client(version.provider, version.base_url, key, name[:80])


def settings_model(name: str | None = None) -> ChatModel:
    """The model of the settings (LLM_*), or another one at the same address."""
    configured = settings()
    return _client(OPENAI, configured.llm_endpoint, configured.llm_api_key, name or configured.llm_model_name)


def callers_model(options: ModelOptions) -> ChatModel:
    """The model that a caller names by `base_url`; `check_options` has allowed it."""
    name = options.model_name or settings().llm_model_name
    return _client(OPENAI, options.base_url or "", options.api_key or "", name)


def _client(provider: str, base_url: str, key: str, name: str) -> ChatModel:
    configured = settings()
    silence = max(configured.llm_first_token_timeout, configured.llm_gap_timeout) + SLACK_SECONDS
    http = open_client(private_places(configured))
    return _connected(provider, base_url, key, name, configured.llm_connect_timeout, silence, http)


@lru_cache(maxsize=MAX_CLIENTS)
def _connected(
    provider: str,
    base_url: str,
    key: str,
    name: str,
    connect_timeout: float,
    read_timeout: float,
    http: httpx2.Client,
) -> ChatModel:
    # Loading a client's library takes a second: not before one is needed.
    if provider == DIFY:
        from app.llm.dify import Dify

        return Dify(
            base_url=base_url,
            api_key=key,
            name=name,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            http=http,
        )
    from app.llm.openai_compatible import OpenAICompatible

    return OpenAICompatible(
        base_url=base_url,
        api_key=key,
        model=name,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        http=http,
    )
