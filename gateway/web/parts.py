"""What the HTTP server is made of: the rooms it asks, each by the narrow interface it needs.

``app`` fills a ``Parts``; handlers reach it through ``keys.PARTS``. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from gateway.bus import Bus
from gateway.clock import Clock
from gateway.drives.base import Listing, Reader
from gateway.library.records import (
    Group,
    Item,
    Kind,
    Page,
    Position,
    Query,
    SourceRecord,
)
from gateway.playback.screens import Screens
from gateway.security.devices import Devices
from gateway.security.grants import Grants
from gateway.security.host_check import HostCheck
from gateway.security.owner import OwnerLink
from gateway.security.pairing import PairingCodes
from transcode.source import Media
from transcode.variant import Variant

if TYPE_CHECKING:
    from transcode.decision import Plan, Wishes
    from transcode.screens import Screen


class Catalogue(Protocol):
    """What pages and API read of the library."""

    async def item(self, item_id: int) -> Item:
        """One item; NotFound when it is not there or its source is locked."""
        ...

    async def list_items(self, query: Query) -> Page:
        """A slice of a list."""
        ...

    async def groups(
        self, what: str, parent: str | None = None, start: int = 0, count: int = 200
    ) -> tuple[list[Group], int]:
        """Series, seasons, albums, folders or sources."""
        ...

    async def continue_watching(self, profile: str, count: int) -> list[tuple[Item, Position]]:
        """Items begun and not ended, the latest first."""
        ...

    async def recently_added(self, count: int) -> list[Item]:
        """The newest items."""
        ...

    async def counts(self) -> dict[Kind, int]:
        """Items by kind."""
        ...

    async def art(self, item_id: int) -> bytes | None:
        """The item's cover or thumb as JPEG of at most 640x480."""
        ...

    async def sources(self) -> list[SourceRecord]:
        """Every source and its state."""
        ...


class OpenedItem(Protocol):
    """An item whose bytes can be read."""

    @property
    def item(self) -> Item:
        """Its record."""
        ...

    @property
    def reader(self) -> Reader:
        """Its clear bytes."""
        ...


class ItemOpener(Protocol):
    """Opens items for reading."""

    async def open(self, item_id: int) -> OpenedItem:
        """NotFound, Locked, or whatever the drive raises."""
        ...


class Deliverer(Protocol):
    """Plans and produces playlists, segments, cues and streams."""

    async def media(self, item_id: int) -> Media:
        """Facts and bytes of an item."""
        ...

    async def plan(self, item_id: int, screen: Screen, wishes: Wishes) -> Plan:
        """How the item goes to that screen, with every reason."""
        ...

    async def playlist(self, item_id: int, variant: Variant) -> str:
        """The whole VOD media playlist."""
        ...

    async def master(self, item_id: int, variant: Variant) -> str:
        """The master playlist with subtitle groups."""
        ...

    async def init(self, item_id: int, variant: Variant) -> bytes:
        """The initialisation segment."""
        ...

    async def segment(self, item_id: int, variant: Variant, number: int, viewer: str) -> bytes:
        """One segment; ``viewer`` is whoever the conversion runs for."""
        ...

    async def release(self, viewer: str) -> None:
        """A viewer left: what is converted for him alone ends."""
        ...

    async def cues(self, item_id: int, track: int, number: int) -> str:
        """WebVTT of one segment's stretch."""
        ...

    def stream(self, item_id: int, screen: Screen, start_s: float) -> AsyncIterator[bytes]:
        """One continuous MPEG-TS."""
        ...


class PositionBook(Protocol):
    """Where a profile stands."""

    async def report(
        self, item_id: int, profile: str, position_s: float, duration_s: float | None
    ) -> None:
        """Take down a place."""
        ...

    async def where(self, item_id: int, profile: str) -> Position | None:
        """The place taken down last."""
        ...


class SourceControl(Protocol):
    """The owner's acts on sources; ``app`` implements them."""

    async def add(self, name: str | None, spec: str) -> SourceRecord:
        """Add a source and scan it."""
        ...

    async def remove(self, name: str) -> None:
        """Remove a source."""
        ...

    async def lock(self, name: str) -> None:
        """Drop its keys."""
        ...

    async def unlock(self, name: str, secret: str) -> None:
        """Open it with its secret; WrongKey when it is not the one."""
        ...

    async def rescan(self, name: str) -> None:
        """List it anew."""
        ...

    async def list_folder(self, name: str, path: str) -> Listing:
        """A folder as stored: every file, media or not."""
        ...

    async def open_file(self, name: str, path: str) -> Reader:
        """Any stored file, by its clear path."""
        ...


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the owner may set of the server.

    Attributes:
        name: the friendly name.
        version: of this program.
        server_token: the ``Server`` header (dlna.md 10.1).
        connections_per_address: sockets one address may hold at once.
        body_limit_bytes: largest request body.
        stop_within_s: time for running streams to end at a stop.
    """

    name: str
    version: str
    server_token: str
    connections_per_address: int = 64
    body_limit_bytes: int = 256 * 1024
    stop_within_s: float = 3.0


Features = Callable[[Item], str]
"""The fourth field of an item's protocolInfo; ``upnp.protocol_info`` knows it."""


StreamScreen = Callable[[str], "Screen"]
"""By device id: what the player that asks for ``/stream/`` can show."""

Addresses = Callable[[], tuple[str, ...]]
"""The base addresses that answer now (``http://192.168.1.20:8420``), the preferred one first."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the server asks, made and owned by ``app``.

    ``local_secret`` is that of the running record (``security.owner``); ``extra_routes`` are those
    of the DLNA server.
    """

    settings: WebSettings
    clock: Clock
    bus: Bus
    catalogue: Catalogue
    opener: ItemOpener
    delivery: Deliverer
    positions: PositionBook
    sources: SourceControl
    devices: Devices
    grants: Grants
    codes: PairingCodes
    owner_link: OwnerLink
    local_secret: str
    host_check: HostCheck
    screens: Screens
    stream_screen: StreamScreen
    features: Features
    addresses: Addresses
    extra_routes: tuple[web.AbstractRouteDef, ...] = ()


__all__ = [
    "Catalogue",
    "Deliverer",
    "Features",
    "ItemOpener",
    "OpenedItem",
    "Parts",
    "PositionBook",
    "SourceControl",
    "WebSettings",
]
