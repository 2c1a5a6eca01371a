"""Who asks: a player, known by its address, and the address of ours it reached."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from urllib.parse import unquote

from gateway.security.devices import Device

GENERIC = "generic"
_HEADER_CHARS = 512


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of player: what to call it, and the class of fragments it is given."""

    name: str
    profile_class: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a player.

    Attributes:
        device: as security knows it; ``is_admitted`` decides between library and lobby.
        family: from this request's headers alone.
        base: ``http://ADDRESS:PORT`` as the player reached us: all its addresses start so.
        peer: its own address; tokens are bound to it.
    """

    device: Device
    family: Family
    base: str
    peer: str


@cache
def _rules() -> tuple[tuple[str, re.Pattern[str], Family], ...]:
    text = resources.files("gateway.dlna").joinpath("players.toml").read_text("utf-8")
    return tuple(
        (
            rule["header"],
            re.compile(rule["pattern"], re.IGNORECASE),
            Family(rule["name"], rule.get("class", GENERIC)),
        )
        for rule in tomllib.loads(text)["player"]
    )


def recognise(headers: Mapping[str, str]) -> Family:
    """The first family whose pattern fits; ``headers`` by case-insensitive name."""
    for header, pattern, family in _rules():
        value = headers.get(header)
        if value is not None and pattern.search(unquote(value[:_HEADER_CHARS])):
            return family
    return Family("", GENERIC)


def player_name(headers: Mapping[str, str], family: Family) -> str:
    """What to call the player in the owner's list: its own name, its family, its program."""
    own = unquote(headers.get("friendlyName.dlna.org", "")[:_HEADER_CHARS]).strip()
    if own or family.name:
        return own or family.name
    program = headers.get("User-Agent", "")[:_HEADER_CHARS].strip()
    return program.split("/")[0].split("(")[0].strip() or "DLNA player"


def is_of_the_house(peer: str, reaches: bool) -> bool:
    """Whether a peer may speak UPnP with us: private, link-local or on one of our subnets.

    Source: dlna.md 13.2.
    """
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return reaches or address.is_loopback or address.is_private or address.is_link_local
