"""One stored file, opened: clear spans in order, each byte authenticated before it leaves.

Two readers behind one interface. ``NearReader`` reads a file of this machine straight into a
buffer of its own: the page cache is its cache. ``FarReader`` takes blocks from the shelf or from a
download it may share. Both give the event loop a turn after every ``STEP_BYTES``.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from gateway.drives.downloads import Downloads
from gateway.drives.shelf import Shelf
from gateway.errors import BadRange, Corrupt, HostChanged, HostNonsense, NotFound, Truncated
from gateway.hosts.base import Host, Stored
from gateway.hosts.local import LocalHost
from gateway.spans import Span
from gateway.vaults.base import Sealed, SealedRun

RUN_BYTES = 384 << 10
"""Clear bytes a near reader gives at once: written block by block, the writes cost a third of
all CPU; 512 KiB saves a little more but brings 60 stalled viewers close to their bar of 60 MB.

Source: benchmarks/drive_walk.py."""
STEP_BYTES = 256 << 10
"""Clear bytes between two turns of the event loop: about 0.25 ms of crypt."""


class Scratch:
    """One buffer for the stored bytes of a run; lent only until the next ``await``."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def lend(self, length_bytes: int) -> memoryview:
        """A view of the buffer, its old content still inside."""
        if len(self._buffer) < length_bytes:
            self._buffer = bytearray(length_bytes)
        return memoryview(self._buffer)[:length_bytes]


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """What a reader needs to know of its file.

    Attributes:
        item: the host's entry; every read is pinned to its version.
        sealed: the vault's view of it.
        place: 16 bytes that name source, stored path, size and version.
        etag: strong entity tag, quoted.
        is_encrypted: whether the blocks are authenticated cipher.
    """

    item: Stored
    sealed: Sealed
    place: bytes
    etag: str
    is_encrypted: bool


def name_place(source: str, item: Stored) -> bytes:
    """Digest under which the blocks of this version of a file are kept."""
    text = "\0".join((source, item.path, str(item.size_bytes), item.version))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def make_etag(item: Stored, identity: bytes | None, format_name: str) -> str:
    """Strong entity tag of the clear bytes; tells nothing about the stored name."""
    text = "\0".join((format_name, str(item.size_bytes), item.version))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12)
    digest.update(identity or item.path.encode("utf-8", "surrogateescape"))
    return f'"{digest.hexdigest()}"'


class _Reader:
    """What both readers are to the outside."""

    def __init__(self, file: OpenedFile) -> None:
        self._file = file
        self._checked = not file.sealed.check_first
        self.is_outdated = False
        """Set when a read found the stored file changed or gone: it has to be opened anew."""

    @property
    def size_bytes(self) -> int:
        """Clear size."""
        return self._file.sealed.clear_size_bytes

    @property
    def etag(self) -> str:
        """Strong entity tag."""
        return self._file.etag

    @property
    def identity(self) -> bytes | None:
        """Content identity the format gives."""
        return self._file.sealed.identity

    @contextmanager
    def _noticing_change(self) -> Iterator[None]:
        try:
            yield
        except (HostChanged, NotFound):
            self.is_outdated = True
            raise

    def _check_inside(self, span: Span) -> None:
        if span.stop > self.size_bytes:
            raise BadRange(
                f"bytes {span.start} to {span.stop} of a file of {self.size_bytes}",
                size_bytes=self.size_bytes,
            )

    def _trim(self, clear: bytes | memoryview, index: int, span: Span) -> memoryview:
        """The part of clear block ``index`` that lies in the span."""
        start = index * self._file.sealed.geometry.clear_block_bytes
        return memoryview(clear)[max(span.start - start, 0) : span.stop - start]


class NearReader(_Reader):
    """Reader of a file of this machine."""

    def __init__(self, file: OpenedFile, host: LocalHost, scratch: Scratch) -> None:
        super().__init__(file)
        self._host = host
        self._run = file.sealed if isinstance(file.sealed, SealedRun) else None
        # A format without runs gives its blocks one by one: the buffer has to stay its own.
        self._scratch = scratch if self._run is not None else Scratch()

    async def read(self, span: Span) -> AsyncGenerator[memoryview, None]:
        """Exactly the clear bytes of the span."""
        self._check_inside(span)
        with self._noticing_change():
            if not self._checked:
                for index in self._file.sealed.check_first:
                    async with aclosing(self._blocks(Span(index, index + 1))) as blocks:
                        async for _ in blocks:
                            pass
                self._checked = True
            if not span.length_bytes:
                return
            if not self._file.is_encrypted:
                async with aclosing(self._host.read(self._file.item, span)) as pieces:
                    async for piece in pieces:
                        yield piece
                        await asyncio.sleep(0)
                return
            wanted = self._file.sealed.geometry.block_span(span)
            async with aclosing(self._blocks(wanted)) as blocks:
                async for index, clear in blocks:
                    yield self._trim(clear, index, span)

    async def _blocks(self, wanted: Span) -> AsyncGenerator[tuple[int, bytes | memoryview], None]:
        """Authenticated clear runs: the number of the first block, and the bytes of all."""
        item, geometry = self._file.item, self._file.sealed.geometry
        block_bytes = geometry.stored_block_bytes
        stored = geometry.blocks_stored(wanted).clamp(item.size_bytes)
        most = max(1, RUN_BYTES // geometry.clear_block_bytes) * block_bytes
        at, since_turn = stored.start, 0
        async with await self._host.open_file(item) as file:
            while at < stored.stop:
                part = self._scratch.lend(min(most, stored.stop - at))
                # Between lending and opening nobody else runs, so all readers share the buffer.
                if file.fill_now(part, at) != len(part):
                    part = memoryview(bytearray(len(part)))
                    await file.fill(part, at)
                first = wanted.start + (at - stored.start) // block_bytes
                at += len(part)
                for run in self._open_run(first, part):
                    yield run
                del part
                since_turn += most
                if since_turn >= STEP_BYTES:
                    since_turn = 0
                    await asyncio.sleep(0)

    def _open_run(self, first: int, part: memoryview) -> Iterator[tuple[int, bytes | memoryview]]:
        """A run in one buffer; where a block is damaged, the good ones before it."""
        if self._run is not None:
            try:
                clear = self._run.decrypt_run(first, part)
            except (Corrupt, Truncated):
                part = memoryview(bytes(part))  # the scratch may be lent again between two yields
            else:
                yield first, clear
                return
        sealed = self._file.sealed
        block_bytes = sealed.geometry.stored_block_bytes
        for number, start in enumerate(range(0, len(part), block_bytes), first):
            yield number, sealed.decrypt(number, part[start : start + block_bytes])


class FarReader(_Reader):
    """Reader of a file elsewhere."""

    def __init__(self, file: OpenedFile, host: Host, shelf: Shelf, downloads: Downloads) -> None:
        super().__init__(file)
        self._host = host
        self._shelf = shelf
        self._downloads = downloads

    async def read(self, span: Span) -> AsyncGenerator[memoryview, None]:
        """Exactly the clear bytes of the span."""
        self._check_inside(span)
        with self._noticing_change():
            if not self._checked:
                for index in self._file.sealed.check_first:
                    async with aclosing(self._stored_blocks(Span(index, index + 1))) as blocks:
                        async for _, block in blocks:
                            await self._open(index, block)
                self._checked = True
            if not span.length_bytes:
                return
            since_turn = 0
            wanted = self._file.sealed.geometry.block_span(span)
            async with aclosing(self._stored_blocks(wanted)) as blocks:
                async for index, block in blocks:
                    yield self._trim(await self._open(index, block), index, span)
                    since_turn += len(block)
                    if since_turn >= STEP_BYTES:
                        since_turn = 0
                        await asyncio.sleep(0)

    async def _open(self, index: int, block: bytes) -> bytes | memoryview:
        """The clear block; a damaged one is fetched once more past every cache."""
        file = self._file
        if not file.is_encrypted:
            self._shelf.put(file.place, index, block, is_cipher=False)
            return block
        try:
            clear = file.sealed.decrypt(index, memoryview(block))
        except Corrupt:
            self._shelf.forget(file.place, index)
            block = await self._fetch(index)
            clear = file.sealed.decrypt(index, memoryview(block))
        self._shelf.put(file.place, index, block, is_cipher=True)
        return clear

    async def _fetch(self, index: int) -> bytes:
        item = self._file.item
        blocks = self._file.sealed.geometry.blocks_stored(Span(index, index + 1))
        span = blocks.clamp(item.size_bytes)
        block = bytearray()
        async with aclosing(self._host.read(item, span)) as pieces:
            async for piece in pieces:
                block += piece
        if len(block) != span.length_bytes:
            raise HostNonsense(f"{len(block)} bytes of {item.name} came, not {span.length_bytes}")
        return bytes(block)

    async def _stored_blocks(self, wanted: Span) -> AsyncGenerator[tuple[int, bytes], None]:
        """Stored blocks in order: from the shelf where it has them, else from a download."""
        file = self._file
        index = wanted.start
        while index < wanted.stop:
            block = await self._shelf.get(file.place, index)
            if block is not None:
                yield index, block
                index += 1
                continue
            stop = self._shelf.next_held(file.place, index + 1, wanted.stop)
            with self._downloads.join(
                file.place, file.item, file.sealed.geometry, Span(index, stop)
            ) as ticket:
                while index < stop and (block := await ticket.take()) is not None:
                    yield index, block
                    index += 1
