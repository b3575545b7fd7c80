"""What tokens are for (RFC 8707): `/mcp`, a person's own tools, and `/mcp/<code>`, those of a group. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

CODE = re.compile(r"[a-z][a-z0-9-]{1,39}")
METADATA = "/.well-known/oauth-protected-resource"
MAX_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Resource:
    """One address of the MCP server, under the shop's public address `base`; `code` is the group's, if any."""

    base: str
    code: str | None = None

    @property
    def path(self) -> str:
        return f"/mcp/{self.code}" if self.code else "/mcp"

    @property
    def url(self) -> str:
        """The audience of its tokens."""
        return self.base + self.path

    @property
    def metadata_url(self) -> str:
        """Where its metadata are (RFC 9728, 3.1)."""
        return self.base + METADATA + self.path


def read_resource(text: str | None, base: str) -> Resource | None:
    """The resource that a request names; `/mcp` when it names none, None when it is not ours.

    The old transport's addresses (`.../sse`) are the same resource.
    """
    if not text:
        return Resource(base)
    if len(text) > MAX_LENGTH:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if f"{parts.scheme}://{parts.netloc}".lower() != base or parts.query or "#" in text or "?" in text:
        return None
    return resource_at(parts.path, base)


def resource_at(path: str, base: str) -> Resource | None:
    """The resource at a path, whether or not there is such a group: nobody learns that here."""
    steps = path.removesuffix("/").removesuffix("/sse").split("/")
    if steps[:2] != ["", "mcp"] or len(steps) > 3:
        return None
    if len(steps) == 2:
        return Resource(base)
    return Resource(base, steps[2]) if CODE.fullmatch(steps[2]) else None
