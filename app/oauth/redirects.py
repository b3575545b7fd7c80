"""Where a browser may be sent back to: which addresses a program may name, and whether one is the other. Pure.

RFC 9700, 4.1.3: addresses are compared exactly, save for the port of this computer (RFC 8252, 7.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

MAX_LENGTH = 500
MAX_COUNT = 10
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PLAIN = re.compile(r"[!-~]+")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,40}")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
# Schemes that browsers or systems act on themselves; the others belong to programs that registered them.
NOT_OF_PROGRAMS = frozenset(
    [
        "about",
        "afp",
        "blob",
        "cid",
        "chrome",
        "chrome-extension",
        "content",
        "data",
        "dav",
        "dns",
        "edge",
        "facetime",
        "feed",
        "file",
        "filesystem",
        "ftp",
        "ftps",
        "geo",
        "gopher",
        "imap",
        "intent",
        "jar",
        "javascript",
        "ldap",
        "ldaps",
        "mailbox",
        "mailto",
        "maps",
        "market",
        "mid",
        "mms",
        "mocha",
        "moz-extension",
        "ms-appinstaller",
        "ms-settings",
        "news",
        "nfs",
        "nntp",
        "opera",
        "resource",
        "rtsp",
        "search-ms",
        "sftp",
        "shell",
        "sip",
        "sips",
        "skype",
        "sms",
        "smb",
        "ssh",
        "tel",
        "telnet",
        "urn",
        "vbscript",
        "view-source",
        "vnc",
        "webcal",
        "wais",
        "ws",
        "wss",
        "wyciwyg",
        "x-apple.systempreferences",
    ]
)


def is_allowed(uri: object) -> bool:
    """True for what a program may register: https, http of this computer, or a scheme of its own (RFC 8252)."""
    if not isinstance(uri, str) or len(uri) > MAX_LENGTH or not PLAIN.fullmatch(uri) or "\\" in uri:
        return False
    parts = _split(uri)
    if parts is None or "#" in uri or "@" in parts.netloc or not SCHEME.fullmatch(parts.scheme):
        return False
    if parts.scheme in ("http", "https"):
        host = parts.hostname or ""
        is_here = host in LOOPBACK
        return is_here or (parts.scheme == "https" and bool(HOST.fullmatch(host)))
    return parts.scheme not in NOT_OF_PROGRAMS and bool(parts.netloc or parts.path)


def find_match(uri: str, registered: Iterable[str]) -> bool:
    """True when the address is one of those that the program registered."""
    return is_allowed(uri) and any(_is_same(uri, one) for one in registered)


def is_loopback(uri: str) -> bool:
    """True when the address is a program's on this computer, reached by http."""
    parts = _split(uri)
    return parts is not None and parts.scheme == "http" and parts.hostname in LOOPBACK


def is_web(uri: str) -> bool:
    """True for a site's address."""
    parts = _split(uri)
    return parts is not None and parts.scheme == "https"


def place_of(uri: str) -> str:
    """What a person is told of an address: its host, or the scheme that a program registered."""
    parts = urlsplit(uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def form_source(uri: str) -> str:
    """The address as a source of a Content-Security-Policy: nothing in it can end the directive."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    # The policy's grammar knows no IPv6 address.
    if parts.scheme in ("http", "https") and HOST.fullmatch(host):
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    return f"{parts.scheme}:"


def with_answer(uri: str, answer: dict[str, str | None]) -> str:
    """The address with the answer in its query; what the address had stays."""
    head, _, query = uri.partition("?")
    added = urlencode({name: value for name, value in answer.items() if value is not None})
    return f"{head}?{query}&{added}" if query else f"{head}?{added}"


def _is_same(uri: str, registered: str) -> bool:
    if uri == registered:
        return True
    return is_loopback(uri) and is_loopback(registered) and _without_port(uri) == _without_port(registered)


def _without_port(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.hostname or ""))


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        # Read here, since a port that is none raises only then.
        _ = parts.port
    except ValueError:
        return None
    return parts
