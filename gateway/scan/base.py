"""What a scan needs of drives, library and workers: as little as it can do with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.drives.base import Entry, Listing, Reader
from gateway.library.records import Found, Item, Known, Page, Query, ScanDiff, SourceState
from transcode.facts import MediaFacts
from transcode.source import ByteSource, Media


class ScanDrive(Protocol):
    """One opened source."""

    async def list(self, path: str) -> Listing:
        """Clear entries of a folder."""
        ...

    async def stat(self, path: str) -> Entry:
        """One clear entry."""
        ...

    async def open(self, entry: Entry) -> Reader:
        """A file for clear reads."""
        ...


class OpenScan(Protocol):
    """One scan of one source inside the library."""

    async def put(self, found: list[Found]) -> None:
        """Add or refresh items; they are visible at once."""
        ...

    async def finish(self, complete: bool) -> ScanDiff:
        """End it; only after a complete listing may items be taken as gone."""
        ...


class ScanLibrary(Protocol):
    """The part of the library that scans write to."""

    async def begin_scan(self, source: str) -> OpenScan:
        """Start a scan."""
        ...

    async def set_source_state(
        self, name: str, state: SourceState, reason: str | None = None
    ) -> None:
        """Note how a source is, and why."""
        ...

    async def list_items(self, query: Query) -> Page:
        """Items by filter."""
        ...

    async def items_to_probe(self, limit: int) -> list[Item]:
        """Items whose inside is unknown, newest first."""
        ...

    async def record_probe(self, item_id: int, known: Known) -> int:
        """Keep what a probe found; gives the item's id from now on (a moved file's old one)."""
        ...

    async def record_probe_failed(self, item_id: int, version: str, reason: str) -> None:
        """Never offer this version of the item for probing again."""
        ...

    async def save_art(self, item_id: int, jpeg: bytes) -> None:
        """Keep a picture."""
        ...


class Probed(Protocol):
    """What a worker finds in a file; pictures are JPEG, ready to be shown."""

    @property
    def facts(self) -> MediaFacts:
        """Streams, duration, chapters."""
        ...

    @property
    def tags(self) -> dict[str, str]:
        """Tags as ffmpeg names them."""
        ...

    @property
    def cover(self) -> bytes | None:
        """Embedded cover."""
        ...

    @property
    def picture(self) -> bytes | None:
        """A picture out of the film, or the photo itself, small."""
        ...

    @property
    def tile(self) -> bytes | None:
        """Colours that stand for the picture until it has come."""
        ...

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8."""
        ...

    @property
    def taken_s(self) -> float | None:
        """When a photo was taken, seconds since 1970."""
        ...


class MadePicture(Protocol):
    """A thumbnail."""

    @property
    def jpeg(self) -> bytes:
        """At most 640x480."""
        ...

    @property
    def tile(self) -> bytes | None:
        """Its colours."""
        ...


class ScanWorkers(Protocol):
    """The confined processes that look into files."""

    async def probe(self, source: ByteSource, suffix: str) -> Probed:
        """Look into a file."""
        ...

    async def picture(self, media: Media) -> MadePicture:
        """Make a thumbnail of a photo, or of a place inside a film."""
        ...


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How a gateway scans.

    Attributes:
        rescan_interval_s: from the end of a scan to the next one by itself.
        retry_s: from a failed scan to the next try; doubles up to ``rescan_interval_s``.
        listings_at_once: folders asked for at the same time, per source. Source: needs.md pain 1.
        batch_items: items put into the library at once while a walk runs.
        probe_bytes: most clear bytes one probe may read. Source: issue "scan/metadata": index cap
            32 MiB and 1 MiB besides.
        probe_s: longest time one probe may take.
        makes_pictures: whether films and photos that bring no picture get one made of them: one
            more read of the index (cached) and of one key picture, or of the whole photo.
        postpone_s: from a probe that the host prevented to its next try.
    """

    rescan_interval_s: float = 3600.0
    retry_s: float = 30.0
    listings_at_once: int = 4
    batch_items: int = 500
    probe_bytes: int = 33 << 20
    probe_s: float = 120.0
    makes_pictures: bool = True
    postpone_s: float = 300.0
