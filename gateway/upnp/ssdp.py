"""SSDP messages: who announces what, searches to read, notices and answers to write.

Timing, sockets and limits are the server's (``dlna/ssdp_server.py``).
Source: UPnP Device Architecture 1.0, section 1; dlna.md 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GROUP = "239.255.255.250"
PORT = 1900
MAX_DATAGRAM_BYTES = 2048
MAX_WAIT_S = 5

ROOT_DEVICE = "upnp:rootdevice"
EVERYTHING = "ssdp:all"
_VERSIONED = re.compile(r"(urn:[^:]+:(?:device|service):[^:]+):(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Search:
    """An M-SEARCH; ``wait_s`` is MX capped, 0 for a unicast search, which has none."""

    target: str
    wait_s: int


@dataclass(frozen=True, slots=True)
class Announced:
    """A root device without embedded ones: its UDN (``uuid:...``) and versioned types."""

    udn: str
    device_type: str
    service_types: tuple[str, ...]

    def targets(self) -> tuple[str, ...]:
        """All NT values: 3 + one per service."""
        return (ROOT_DEVICE, self.udn, self.device_type, *self.service_types)

    def usn(self, target: str) -> str:
        """Unique service name of a target."""
        return self.udn if target == self.udn else f"{self.udn}::{target}"

    def matching(self, target: str) -> tuple[str, ...]:
        """ST values to answer a search with: those asked for, never a higher version than ours."""
        if target == EVERYTHING:
            return self.targets()
        if target in {ROOT_DEVICE, self.udn}:
            return (target,)
        asked = _VERSIONED.fullmatch(target)
        if asked is None:
            return ()
        for ours in (self.device_type, *self.service_types):
            known = _VERSIONED.fullmatch(ours)
            if known and known[1] == asked[1] and 1 <= int(asked[2]) <= int(known[2]):
                return (target,)
        return ()


def parse_search(data: bytes, *, is_multicast: bool) -> Search | None:
    """An M-SEARCH worth answering, or None for everything else.

    A multicast search needs MX as a number, every search the quoted MAN.
    """
    if len(data) > MAX_DATAGRAM_BYTES or not data.startswith(b"M-SEARCH * HTTP/1."):
        return None
    headers = parse_headers(data)
    target = headers.get("st", "")
    if headers.get("man") != '"ssdp:discover"' or not target:
        return None
    wait = headers.get("mx")
    if wait is None and not is_multicast:
        return Search(target, 0)
    if wait is None or not wait.isascii() or not wait.isdigit():
        return None
    return Search(target, min(int(wait[:4]), MAX_WAIT_S) if is_multicast else 0)


def parse_headers(data: bytes) -> dict[str, str]:
    """Headers of a datagram by lower-case name; the first of a name counts."""
    headers: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").splitlines()[1:]:
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def render_alive(
    announced: Announced, target: str, *, location: str, server: str, max_age_s: int
) -> bytes:
    """NOTIFY ssdp:alive of one target."""
    return _message(
        "NOTIFY * HTTP/1.1",
        ("HOST", f"{GROUP}:{PORT}"),
        ("CACHE-CONTROL", f"max-age={max_age_s}"),
        ("LOCATION", location),
        ("SERVER", server),
        ("NT", target),
        ("USN", announced.usn(target)),
        ("NTS", "ssdp:alive"),
    )


def render_byebye(announced: Announced, target: str) -> bytes:
    """NOTIFY ssdp:byebye of one target."""
    return _message(
        "NOTIFY * HTTP/1.1",
        ("HOST", f"{GROUP}:{PORT}"),
        ("NT", target),
        ("USN", announced.usn(target)),
        ("NTS", "ssdp:byebye"),
    )


def render_answer(
    announced: Announced, target: str, *, location: str, server: str, max_age_s: int, date: str
) -> bytes:
    """The answer to a search, ST as it was asked."""
    return _message(
        "HTTP/1.1 200 OK",
        ("CACHE-CONTROL", f"max-age={max_age_s}"),
        ("DATE", date),
        ("EXT", ""),
        ("LOCATION", location),
        ("SERVER", server),
        ("ST", target),
        ("USN", announced.usn(target)),
        ("Content-Length", "0"),
    )


def _message(start: str, *headers: tuple[str, str]) -> bytes:
    lines = [start, *(f"{name}: {value}".rstrip() for name, value in headers), "", ""]
    return "\r\n".join(lines).encode()
