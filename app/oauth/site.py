"""The shop's public address, which metadata, tokens and answers name: the issuer."""

from __future__ import annotations

from flask import request

from app.oauth.resources import CODE, Resource
from app.runtime import settings


def public_url() -> str:
    """Scheme and host without a slash at the end: the setting, else as this request has it."""
    return settings().public_url or request.host_url.rstrip("/").lower()


def resource_of(code: str | None) -> Resource:
    """The MCP server's address for a group's code, or the one for everybody's own tools, also for what is no code."""
    return Resource(public_url(), code if code and CODE.fullmatch(code) else None)
