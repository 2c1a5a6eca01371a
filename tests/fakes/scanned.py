"""A source, a library and workers in memory, for scans."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from gateway.drives.base import Entry, Listing
from gateway.errors import NotFound
from gateway.hosts.base import Stored
from gateway.library.records import (
    Found,
    Item,
    Known,
    Page,
    ProbeState,
    Query,
    ScanDiff,
    SourceState,
)
from gateway.spans import Span
from transcode.errors import ConverterFailed
from transcode.facts import MediaFacts, VideoFacts
from transcode.source import ByteSource, Media


class FakeReader:
    """Clear bytes of one file; ``fault`` is raised after the first half of every read."""

    etag = '"x"'

    def __init__(
        self, content: bytes, identity: bytes | None, fault: Exception | None, log: list[Span]
    ) -> None:
        self._content = content
        self.identity = identity
        self._fault = fault
        self._log = log

    @property
    def size_bytes(self) -> int:
        return len(self._content)

    async def read(self, span: Span) -> AsyncIterator[memoryview | bytes]:
        self._log.append(span)
        middle = (span.start + span.stop) // 2
        yield self._content[span.start : middle]
        if self._fault is not None:
            raise self._fault
        yield self._content[middle : span.stop]


class FakeDrive:
    """Files by path. Faults: a folder that cannot be listed, a file that cannot be read."""

    def __init__(self, files: dict[str, bytes], *, is_sealed: bool = True) -> None:
        self.files = dict(files)
        self.is_sealed = is_sealed
        self.versions: dict[str, str] = {}
        self.folder_faults: dict[str, Exception] = {}
        self.file_faults: dict[str, Exception] = {}
        self.bad_names: dict[str, int] = {}
        self.listed: list[str] = []
        self.reads: list[Span] = []
        self.gate: asyncio.Event | None = None
        self.most_at_once = 0
        self._at_once = 0

    def _entry(self, path: str, *, is_folder: bool) -> Entry:
        content = b"" if is_folder else self.files[path]
        version = self.versions.get(path, "1")
        stored = Stored(path, is_folder, len(content), version)
        return Entry(path, is_folder, len(content), version, None, stored)

    async def list(self, path: str) -> Listing:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
        finally:
            self._at_once -= 1
        self.listed.append(path)
        if (fault := self.folder_faults.get(path)) is not None:
            raise fault
        start = f"{path}/" if path else ""
        below = [one[len(start) :] for one in self.files if one.startswith(start)]
        folders = {one.partition("/")[0] for one in below if "/" in one}
        entries = [self._entry(start + one, is_folder=True) for one in sorted(folders)]
        entries += [self._entry(start + one, is_folder=False) for one in below if "/" not in one]
        return Listing(tuple(entries), self.bad_names.get(path, 0))

    async def stat(self, path: str) -> Entry:
        if path not in self.files:
            raise NotFound(path)
        return self._entry(path, is_folder=False)

    async def open(self, entry: Entry) -> FakeReader:
        fault = self.file_faults.get(entry.path)
        identity = entry.path.encode() if self.is_sealed else None
        return FakeReader(self.files[entry.path], identity, fault, self.reads)


@dataclass
class FakeScan:
    """One scan of the fake library."""

    library: FakeLibrary
    source: str
    seen: set[str] = field(default_factory=set)

    async def put(self, found: list[Found]) -> None:
        self.library.batches.append(list(found))
        for one in found:
            self.seen.add(one.path)
            self.library.take(one)

    async def finish(self, complete: bool) -> ScanDiff:
        self.library.finished.append((self.source, complete))
        if self.library.diff is not None:
            return self.library.diff
        if complete:
            for key in [key for key in self.library.items if key[0] == self.source]:
                if key[1] not in self.seen:
                    del self.library.items[key]
            return ScanDiff()
        # As the library does: an unfinished listing is not believed.
        await self.library.set_source_state(self.source, SourceState.AWAY, "not whole")
        return ScanDiff(away=True, reason="not whole")


class FakeLibrary:
    """Items by source and path; keeps what scans did."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.states: list[tuple[str, SourceState, str | None]] = []
        self.batches: list[list[Found]] = []
        self.finished: list[tuple[str, bool]] = []
        self.known: dict[str, Known] = {}
        self.failed: dict[str, str] = {}
        self.art: dict[str, bytes] = {}
        self.diff: ScanDiff | None = None
        self._next_id = 1

    def take(self, one: Found) -> None:
        key = (one.source, one.path)
        old = self.items.get(key)
        item_id = old.id if old else self._next_id
        self._next_id += old is None
        same = old is not None and old.version == one.version
        self.items[key] = Item(
            id=item_id,
            source=one.source,
            path=one.path,
            kind=one.kind,
            mime=one.mime,
            title=one.title,
            size_bytes=one.size_bytes,
            version=one.version,
            added_s=0,
            probe=old.probe if same and old else ProbeState.UNKNOWN,
            year=one.year,
            series=one.series,
            season=one.season,
            episode=one.episode,
            artist=one.artist,
            album=one.album,
            track_number=one.track_number,
        )

    async def begin_scan(self, source: str) -> FakeScan:
        return FakeScan(self, source)

    async def set_source_state(
        self, name: str, state: SourceState, reason: str | None = None
    ) -> None:
        self.states.append((name, state, reason))

    async def list_items(self, query: Query) -> Page:
        items = [
            item
            for (source, path), item in sorted(self.items.items())
            if source == query.source and query.folder is None
        ]
        part = tuple(items[query.start : query.start + query.count])
        return Page(part, len(items), query.start)

    async def items_to_probe(self, limit: int) -> list[Item]:
        return [one for one in self.items.values() if one.probe is ProbeState.UNKNOWN][:limit]

    def _mark(self, item_id: int, state: ProbeState) -> str:
        for key, item in self.items.items():
            if item.id == item_id:
                self.items[key] = replace(item, probe=state)
                return item.path
        raise NotFound(str(item_id))

    async def record_probe(self, item_id: int, known: Known) -> int:
        self.known[self._mark(item_id, ProbeState.DONE)] = known
        return item_id

    async def record_probe_failed(self, item_id: int, version: str, reason: str) -> None:
        self.failed[self._mark(item_id, ProbeState.FAILED)] = reason

    async def save_art(self, item_id: int, jpeg: bytes) -> None:
        paths = [one.path for one in self.items.values() if one.id == item_id]
        if not paths:
            raise NotFound(str(item_id))
        self.art[paths[0]] = jpeg


@dataclass(frozen=True)
class FakeProbed:
    """What the fake workers find."""

    facts: MediaFacts = field(
        default_factory=lambda: MediaFacts(
            "mp4", 60.0, 800, video=(VideoFacts(0, "h264", 1280, 720),)
        )
    )
    tags: dict[str, str] = field(default_factory=dict)
    cover: bytes | None = None
    picture: bytes | None = None
    tile: bytes | None = b"tile"
    orientation: int = 1
    taken_s: float | None = None


@dataclass(frozen=True)
class FakePicture:
    """A thumbnail the fake workers made."""

    jpeg: bytes
    tile: bytes | None


class FakeWorkers:
    """Answers by the file's first bytes: ``crash`` breaks, ``hungry`` reads without end."""

    def __init__(self, answer: Callable[[bytes, str], FakeProbed] | None = None) -> None:
        self._answer = answer or (lambda head, suffix: FakeProbed())
        self.probed: list[bytes] = []
        self.gate: asyncio.Event | None = None

    async def picture(self, media: Media) -> FakePicture:
        head = bytearray()
        async for piece in media.source.read(0, min(64, media.source.size_bytes)):
            head += piece
        if head.startswith(b"sound"):
            raise ConverterFailed("no picture")
        return FakePicture(b"made of " + head, b"made")

    async def probe(self, source: ByteSource, suffix: str) -> FakeProbed:
        if self.gate is not None:
            await self.gate.wait()
        head = bytearray()
        try:
            async for piece in source.read(0, min(64, source.size_bytes)):
                head += piece
            while head.startswith(b"hungry"):
                async for _ in source.read(0, source.size_bytes):
                    pass
        except Exception as error:
            # A real worker is told of the failed read and gives up: its error hides the reason.
            raise ConverterFailed("the worker could not read") from error
        self.probed.append(bytes(head))
        if head.startswith(b"crash"):
            raise ConverterFailed("the worker broke down")
        return self._answer(bytes(head), suffix)
