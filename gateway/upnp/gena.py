"""GENA texts: SUBSCRIBE headers to what is wanted, property sets, event keys.

Source: UPnP Device Architecture 1.0, section 4; dlna.md 7 and 13.1 (CVE-2020-12695).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.errors import BadRequest
from gateway.upnp.xml import clean_text, escape_text

EVENT = "urn:schemas-upnp-org:event-1-0"
LEASE_S = 300
"""What every subscription is granted. Source: a DLNA rule, as GUPnP keeps it."""

_MAX_CALLBACK_CHARS = 512
_CALLBACK = re.compile(r"<([^<>\s]*)>")
_LOWEST_PORT = 1024


class BadSubscription(BadRequest):
    """The subscription is refused with an HTTP ``status`` of GENA's own."""

    code = "bad_subscription"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A new subscription: where events shall go."""

    callback: str


@dataclass(frozen=True, slots=True)
class Renew:
    """Another lease for a subscription."""

    sid: str


def parse_subscribe(headers: Mapping[str, str], peer: str) -> Subscribe | Renew:
    """Read a SUBSCRIBE; ``headers`` by case-insensitive name, ``peer`` the requester's address.

    Raises:
        BadSubscription: 400 for headers that exclude each other, 412 for all other faults; the
            callback must be plain http to the requester's own address, given as numbers.
    """
    sid, callback, kind = headers.get("SID"), headers.get("CALLBACK"), headers.get("NT")
    if sid is not None:
        if callback is not None or kind is not None:
            raise BadSubscription("SID excludes NT and CALLBACK", status=400)
        return Renew(sid.strip())
    if callback is not None and kind is None:
        raise BadSubscription("CALLBACK needs NT", status=400)
    if callback is None or kind is None or kind.strip() != "upnp:event":
        raise BadSubscription("a subscription needs NT upnp:event and a CALLBACK", status=412)
    for url in _CALLBACK.findall(callback[:_MAX_CALLBACK_CHARS]):
        if is_allowed_callback(url, peer):
            return Subscribe(url)
    raise BadSubscription("CALLBACK must be http to the address it is sent from", status=412)


def parse_unsubscribe(headers: Mapping[str, str]) -> str:
    """The SID of an UNSUBSCRIBE.

    Raises:
        BadSubscription: 400 with NT or CALLBACK, 412 without SID.
    """
    if "NT" in headers or "CALLBACK" in headers:
        raise BadSubscription("SID excludes NT and CALLBACK", status=400)
    if "SID" not in headers:
        raise BadSubscription("UNSUBSCRIBE needs a SID", status=412)
    return headers["SID"].strip()


def is_allowed_callback(url: str, peer: str) -> bool:
    """Whether events may go there: http, the peer's own literal address, no low port but 80."""
    try:
        parts = urlsplit(url)
        host, port = ipaddress.ip_address(parts.hostname or ""), parts.port or 80
        is_own = host == ipaddress.ip_address(peer)
    except ValueError:
        return False
    is_clean = parts.username is None and parts.password is None and url.isascii()
    return parts.scheme == "http" and is_own and is_clean and (port == 80 or port >= _LOWEST_PORT)


def render_properties(variables: Mapping[str, str]) -> bytes:
    """A propertyset, one property per variable."""
    properties = "".join(
        f"<e:property><{name}>{escape_text(clean_text(value))}</{name}></e:property>"
        for name, value in variables.items()
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<e:propertyset xmlns:e="{EVENT}">'
        f"{properties}</e:propertyset>"
    ).encode()


def notify_headers(sid: str, key: int) -> dict[str, str]:
    """Headers of the NOTIFY that carries event number ``key``."""
    return {
        "Content-Type": 'text/xml; charset="utf-8"',
        "NT": "upnp:event",
        "NTS": "upnp:propchange",
        "SID": sid,
        "SEQ": str(key),
    }


def next_key(key: int) -> int:
    """Event keys start at 0 and wrap to 1."""
    return 1 if key >= 0xFFFF_FFFF else key + 1


def container_updates(updates: Mapping[str, int]) -> str:
    """The ContainerUpdateIDs value: pairs of id and update id."""
    return ",".join(f"{container},{update}" for container, update in updates.items())
