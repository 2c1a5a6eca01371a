"""Looking into found files, one after the other, with little reading and no second try.

A file that breaks the worker, or is damaged, is marked at its version and never tried again until
it changes. A host that fails is no fault of the file: its items are postponed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from gateway.clock import Clock
from gateway.drives.base import Reader
from gateway.errors import GatewayError, HostChanged, HostError, Locked, NotFound, VaultError
from gateway.library.records import Item, Kind
from gateway.metadata.identity import identity_of_samples, identity_of_seal, sample_spans
from gateway.scan.base import Probed, ScanDrive, ScanLibrary, ScanSettings, ScanWorkers
from gateway.scan.findings import known_from
from gateway.scan.sidecars import Sidecars
from gateway.spans import Span
from transcode.errors import ConverterFailed, ConverterMissing, TranscodeError
from transcode.facts import MediaFacts
from transcode.source import Media

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_ITEMS_AT_ONCE = 16
_PHOTO_BYTES = 64 << 20
"""A photo is read as a whole to be shown small. Source: ``transcode/workers.py``, its budget."""
_BARE_KEPT = 64
_PICTURES_KEPT = 8
"""Pictures beside the media kept a while: an album's tracks share one."""


@dataclass(frozen=True, slots=True)
class _Art:
    """A picture and the colours that stand for it."""

    jpeg: bytes | None
    tile: bytes | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """One file that was looked into."""

    item: Item
    drive: ScanDrive
    reader: Reader
    probed: Probed
    identity: str


class ProbeBytes:
    """A reader lent to a worker: counts what is read and remembers why reading failed."""

    def __init__(self, reader: Reader, most_bytes: int) -> None:
        self._reader = reader
        self._left_bytes = most_bytes
        self.failure: GatewayError | None = None

    @property
    def size_bytes(self) -> int:
        """Clear size."""
        return self._reader.size_bytes

    async def read(self, start: int, stop: int) -> AsyncIterator[memoryview | bytes]:
        """Exactly the bytes of the span.

        Raises:
            VaultError: the allowance is used up: nothing that reads so much is sane media.
            GatewayError: the reader's.
        """
        try:
            self._left_bytes -= stop - start
            if self._left_bytes < 0:
                raise VaultError("the probe wants to read too much")
            async with _reading(self._reader, Span(start, stop)) as pieces:
                async for piece in pieces:
                    yield piece
        except GatewayError as error:
            self.failure = error
            raise


class Prober:
    """Probes the library's unknown items while there are any; owned by the scanner."""

    def __init__(
        self,
        drives: Mapping[str, ScanDrive],
        library: ScanLibrary,
        workers: ScanWorkers,
        sidecars: Sidecars,
        clock: Clock,
        settings: ScanSettings,
    ) -> None:
        self._drives = drives
        self._library = library
        self._workers = workers
        self._sidecars = sidecars
        self._clock = clock
        self._settings = settings
        self._later: dict[int, float] = {}
        self._beside: OrderedDict[tuple[str, str], _Art | None] = OrderedDict()
        self._bare: deque[_Seen] = deque(maxlen=_BARE_KEPT)
        self._wake = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def wake(self) -> None:
        """Say that there may be unknown items."""
        self._is_idle.clear()
        self._wake.set()

    def retry(self) -> None:
        """Forget postponements and pictures: a source came back or was listed anew."""
        self._later.clear()
        self._beside.clear()
        self.wake()

    async def wait_idle(self) -> None:
        """Wait until nothing is left that could be probed now."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Probe for ever; cancelled by its owner."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.postpone_s):
                    await self._wake.wait()
            self._wake.clear()
            while items := await self._next_items():
                for item in items:
                    await self._guarded(item, self._probe(item))
            while self._bare:
                seen = self._bare.popleft()
                await self._guarded(seen.item, self._keep(seen, is_hurried=False))
            if not self._wake.is_set():
                self._is_idle.set()

    async def _next_items(self) -> list[Item]:
        now_s = self._clock.monotonic_s()
        self._later = {item: until for item, until in self._later.items() if until > now_s}
        items = await self._library.items_to_probe(_ITEMS_AT_ONCE + len(self._later))
        return [item for item in items if item.id not in self._later]

    def _postpone(self, item: Item) -> None:
        self._later[item.id] = self._clock.monotonic_s() + self._settings.postpone_s

    async def _guarded(self, item: Item, work: Awaitable[None]) -> None:
        try:
            await work
        except GatewayError as error:
            # The item went from the library while it was looked into.
            _log.info("a probe came to nothing: %s", type(error).__name__)
            self._postpone(item)
        except Exception:  # noqa: BLE001 - one strange file must not end the probing of all others
            _log.exception("a probe failed in an unforeseen way")
            self._postpone(item)

    async def probe_now(self, item: Item) -> MediaFacts:
        """Look into an item for a viewer who waits, and keep what is found; pictures come later.

        Raises:
            Locked: its source has no key.
            NotFound, HostError, VaultError: the file cannot be read, or is not the listed one.
            TranscodeError: it cannot be understood.
        """
        drive = self._drives.get(item.source)
        if drive is None:
            raise Locked(f"the source {item.source} is locked")
        try:
            seen = await self._look(item, drive)
        except TimeoutError as error:
            raise ConverterFailed("looking into the file took too long") from error
        await self._keep(seen, is_hurried=True)
        return seen.probed.facts

    async def _probe(self, item: Item) -> None:
        """Probe one item; whatever happens, it is not offered again at once."""
        drive = self._drives.get(item.source)
        if drive is None:
            self._postpone(item)
            return
        try:
            seen = await self._look(item, drive)
        except (NotFound, HostError, ConverterMissing) as error:
            _log.info("a probe is postponed: %s", type(error).__name__)
            self._postpone(item)
        except (VaultError, TranscodeError, TimeoutError) as error:
            reason = str(error) or "looking into it took too long"
            await self._library.record_probe_failed(item.id, item.version, reason)
        else:
            await self._keep(seen, is_hurried=False)

    async def _look(self, item: Item, drive: ScanDrive) -> _Seen:
        entry = await drive.stat(item.path)
        if (entry.version, entry.size_bytes) != (item.version, item.size_bytes):
            # The next scan brings the new version.
            raise HostChanged(f"{entry.name} is newer than its listing")
        reader = await drive.open(entry)
        identity = await _identity(reader)
        probed = await self._look_into(reader, _suffix(item.path))
        return _Seen(item, drive, reader, probed, identity)

    async def _keep(self, seen: _Seen, *, is_hurried: bool) -> None:
        """Keep picture and facts; in a hurry the facts alone, the picture when there is time."""
        item, probed = seen.item, seen.probed
        art = _Art(probed.cover or probed.picture, probed.tile)
        if not is_hurried:
            art = await self._choose_art(seen)
        known = known_from(item, probed, seen.identity, art.tile)
        kept_as = await self._library.record_probe(item.id, known)
        if art.jpeg is not None:
            await self._library.save_art(kept_as, art.jpeg)
        elif is_hurried:
            self._bare.append(replace(seen, item=replace(item, id=kept_as)))
            self.wake()

    async def _look_into(self, reader: Reader, suffix: str) -> Probed:
        source = ProbeBytes(reader, self._settings.probe_bytes)
        return await self._ask(source, self._workers.probe(source, suffix))

    async def _ask(self, source: ProbeBytes, work: Awaitable[_T]) -> _T:
        """Wait for a worker; a failed read is raised as itself, not as the worker's fault."""
        try:
            async with asyncio.timeout(self._settings.probe_s):
                return await work
        except (TranscodeError, GatewayError) as error:
            if source.failure is not None and source.failure is not error:
                raise source.failure from error
            raise

    async def _choose_art(self, seen: _Seen) -> _Art:
        """The embedded cover, a picture beside the file, what the probe saw, or one made now."""
        item, probed = seen.item, seen.probed
        if probed.cover is None and item.kind is not Kind.PHOTO:
            beside = await self._art_beside(item, seen.drive)
            if beside is not None:
                return beside
        art = _Art(probed.cover or probed.picture, probed.tile)
        if art.jpeg is not None or item.kind is Kind.TRACK or not self._settings.makes_pictures:
            return art
        source = ProbeBytes(seen.reader, max(self._settings.probe_bytes, _PHOTO_BYTES))
        media = Media(seen.identity, _suffix(item.path), source, probed.facts)
        try:
            made = await self._ask(source, self._workers.picture(media))
        except (GatewayError, TranscodeError, TimeoutError) as error:
            _log.info("a file has no picture: %s", type(error).__name__)
            return art
        return _Art(made.jpeg, made.tile)

    async def _art_beside(self, item: Item, drive: ScanDrive) -> _Art | None:
        path = self._sidecars.picture_of(item.source, item.path)
        if path is None:
            return None
        key = (item.source, path)
        if key not in self._beside:
            self._beside[key] = await self._read_picture(drive, path)
            if len(self._beside) > _PICTURES_KEPT:
                self._beside.popitem(last=False)
        return self._beside[key]

    async def _read_picture(self, drive: ScanDrive, path: str) -> _Art | None:
        try:
            reader = await drive.open(await drive.stat(path))
            probed = await self._look_into(reader, _suffix(path))
        except (GatewayError, TranscodeError, TimeoutError) as error:
            _log.info("a picture beside a film is left out: %s", type(error).__name__)
            return None
        jpeg = probed.picture or probed.cover
        return None if jpeg is None else _Art(jpeg, probed.tile)


async def _identity(reader: Reader) -> str:
    if reader.identity is not None:
        return identity_of_seal(reader.identity)
    samples = bytearray()
    for span in sample_spans(reader.size_bytes):
        async with _reading(reader, span) as pieces:
            async for piece in pieces:
                samples += piece
    return identity_of_samples(reader.size_bytes, bytes(samples))


def _suffix(path: str) -> str:
    return path.rpartition(".")[2].lower()


@contextlib.asynccontextmanager
async def _reading(reader: Reader, span: Span) -> AsyncIterator[AsyncIterator[memoryview | bytes]]:
    """Read a span; leaving the block ends the host's transfer even when bytes are left."""
    pieces = reader.read(span)
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
