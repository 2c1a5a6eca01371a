"""Which requests come from the house: the Host header, the Origin and the peer's address.

DNS rebinding makes a foreign page speak to us under its own name: only IP literals of ours,
``localhost`` towards loopback and our own ``.local`` name (for pages) are answered.
Source: dlna.md 13, points 2 and 3; tv_browsers.md 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

_HOST = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9.-]{1,255}))(?::\d{1,5})?"
)


class HostCheck:
    """The names and addresses this gateway answers to; ``app`` keeps the addresses current."""

    def __init__(self, addresses: Iterable[str], local_name: str | None = None) -> None:
        self._addresses = _parse_all(addresses)
        self._local_name = None if local_name is None else local_name.rstrip(".").lower()

    def set_addresses(self, addresses: Iterable[str]) -> None:
        """The bound addresses moved."""
        self._addresses = _parse_all(addresses)

    def set_local_name(self, local_name: str | None) -> None:
        """The mDNS name was taken or changed, with its ``.local``."""
        self._local_name = None if local_name is None else local_name.rstrip(".").lower()

    def is_ours(self, host: str | None, *, is_page: bool) -> bool:
        """Whether a Host header names this gateway; names count for pages only, never for DLNA."""
        match = _HOST.fullmatch(host or "")
        if match is None:
            return False
        try:
            address = _plain(match["six"] or match["name"])
        except ValueError:
            name = match["name"].rstrip(".").lower()
            if name == "localhost":
                return any(one.is_loopback for one in self._addresses)
            return is_page and self._local_name is not None and name == self._local_name
        return address in self._addresses

    def is_own_address(self, peer: str | None) -> bool:
        """Whether a peer is this machine itself."""
        try:
            address = _plain(peer or "")
        except ValueError:
            return False
        return address.is_loopback or address in self._addresses

    def is_near(self, peer: str | None) -> bool:
        """Whether a peer is in the house: any address that is not routed on the public net.

        One who bound a public address asked for public peers.
        """
        try:
            address = _plain(peer or "")
        except ValueError:
            return False
        return not address.is_global or any(one.is_global for one in self._addresses)


def is_same_origin(origin: str, host: str | None) -> bool:
    """Whether an Origin header names the very address the request went to."""
    scheme, mark, rest = origin.partition("://")
    return bool(mark) and scheme in ("http", "https") and host is not None and rest == host


def is_loopback(peer: str | None) -> bool:
    """Whether a peer speaks over loopback."""
    try:
        return _plain(peer or "").is_loopback
    except ValueError:
        return False


def plain_address(peer: str) -> str:
    """One spelling per address: an IPv4 address mapped into IPv6 is the IPv4 address."""
    try:
        return str(_plain(peer))
    except ValueError:
        return peer


def _plain(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _parse_all(addresses: Iterable[str]) -> frozenset[IPv4Address | IPv6Address]:
    return frozenset(_plain(one) for one in addresses)
