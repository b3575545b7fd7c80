"""Which addresses a model may be asked at: public ones, and those that the operator names.

A name is judged by what it resolves to, never by how it is spelled, and `app.llm.http` connects to nothing but the
addresses that were judged. So other spellings of an IP, names that point inside and names that change their
answer come to nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from logging import getLogger

import httpx2

from app.config import Settings
from app.core.errors import N_, InvalidParam
from app.runtime import settings

log = getLogger(__name__)
# Host (lower case, no brackets) and port.
Place = tuple[str, int]
IP = IPv4Address | IPv6Address
PORTS = {"http": 80, "https": 443}
# Not for everybody, though `ipaddress` takes them for global: RFC 6890's protocol assignments, and the one address
# at which Azure's hosts serve their machines.
SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
# RFC 6052: the last 32 bits are an IPv4 address.
TRANSLATED = IPv6Network("64:ff9b::/96")


class AddressRefused(InvalidParam):
    """The address is none, cannot be found, or leads to where nobody may be sent."""

    default_message = N_("This is not an address of a model: http or https, a host, no password.")


def check_address(base_url: str) -> None:
    """Raises AddressRefused unless every address of the host is public, or the operator named this host and port."""
    host, port = place_of(base_url)
    try:
        find_allowed(host, port, private_places(settings()))
    except OSError as error:
        raise AddressRefused(N_("There is no host called %(host)s."), host=host) from error


def place_of(base_url: str) -> Place:
    """Where a base URL leads, read by the parser that will connect. Raises AddressRefused."""
    try:
        url = httpx2.URL(base_url)
        host = url.raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError, ValueError, TypeError) as error:
        raise AddressRefused() from error
    is_plain = url.scheme in PORTS and host and not (url.userinfo or url.query or url.fragment)
    if not is_plain or "\\" in base_url or "@" in url.netloc.decode("latin-1"):
        raise AddressRefused()
    port = PORTS[url.scheme] if url.port is None else url.port
    if not 0 < port < 65_536:
        raise AddressRefused()
    return normal_host(host), port


def normal_host(host: str) -> str:
    """A host's one spelling."""
    return host.lower().rstrip(".")


def private_places(configured: Settings) -> frozenset[Place]:
    """Where private addresses are allowed: LLM_BASE_URL, what LLM_PRIVATE_BASE_URLS names, and entries of
    LLM_ALLOWED_BASE_URLS that are an IP address or localhost."""
    return _private_places(
        configured.llm_base_url, configured.llm_private_base_urls, configured.llm_allowed_base_urls
    )


@lru_cache(maxsize=32)
def named_places(urls: str) -> frozenset[Place]:
    """Where the addresses of a setting lead, which are separated by spaces; what is no address is logged."""
    return frozenset(_places(urls.split()))


@lru_cache(maxsize=32)
def _private_places(own: str, private: str, allowed: str) -> frozenset[Place]:
    named = {place for place in _places(allowed.split()) if place[0] == "localhost" or _is_ip(place[0])}
    return frozenset(named.union(_places([*own.split(), *private.split()])))


def _places(urls: Iterable[str]) -> Iterable[Place]:
    for url in urls:
        try:
            yield place_of(url)
        except AddressRefused:
            log.error("setting_is_no_address value=%r", url)


def find_allowed(host: str, port: int, private: frozenset[Place]) -> list[str]:
    """The IP addresses of a host, all of them allowed. Raises AddressRefused, or OSError when there are none."""
    found = look_up(host, port)
    is_named = (normal_host(host), port) in private
    for text in found:
        address = _parsed(text)
        if not (is_public(address) or (is_named and _is_own_network(address))):
            raise AddressRefused(N_("%(host)s leads to an address that may not be used here."), host=host)
    return found


def look_up(host: str, port: int) -> list[str]:
    """A host's addresses, in the system's order. Raises OSError."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"not a host name: {host!r}") from error
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not found:
        raise OSError(f"no address for {host!r}")
    return found


def is_public(address: IP) -> bool:
    """True for what anybody on the Internet may be sent to."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    is_special = address.is_multicast or address.is_reserved or getattr(address, "is_site_local", False)
    is_special = is_special or any(address in network for network in SPECIAL)
    return address.is_global and not is_special


def _is_own_network(address: IP) -> bool:
    """True for private and loopback addresses; link-local ones, where clouds keep their secrets, never."""
    address = _embedded(address) or address
    is_special = (
        address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
    )
    return address.is_loopback or not is_special


def _embedded(address: IP) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _parsed(text: str) -> IP:
    return ip_address(text.partition("%")[0])


def _is_ip(host: str) -> bool:
    try:
        _parsed(host)
    except ValueError:
        return False
    return True


def same_place(url: str, others: Iterable[str]) -> bool:
    """True when scheme, host and port are those of one of the others. Raises AddressRefused for no address."""
    wanted = place_of(url)
    fitting = (other for other in others if httpx2.URL(other).scheme == httpx2.URL(url).scheme)
    return wanted in list(_places(fitting))
