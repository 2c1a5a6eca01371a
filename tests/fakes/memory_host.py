"""A host in memory with use cases: it counts reads, breaks off, stalls, changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from gateway.errors import HostChanged, HostDown, HostError, NotFound
from gateway.hosts.base import Stored
from gateway.spans import Span


class MemoryHost:
    """Files by path; each use case is a method to call before the read."""

    label = "memory"

    def __init__(self, files: dict[str, bytes], piece_bytes: int = 16 << 10) -> None:
        self.files = dict(files)
        self.piece_bytes = piece_bytes
        self.reads: list[tuple[str, Span]] = []
        self.delivered_bytes = 0
        self.running = 0
        self.versions: dict[str, str] = {}
        self._cuts: list[int] = []
        self._failures: list[HostError] = []
        self._gate: asyncio.Event | None = None
        self.flips_once: set[int] = set()

    def cut_at(self, *counts: int) -> None:
        """The next reads break off after so many bytes."""
        self._cuts += counts

    def fail_next(self, *errors: HostError) -> None:
        """The next acts raise these."""
        self._failures += errors

    def stall(self) -> asyncio.Event:
        """Every read waits in front of each piece until the event is set."""
        self._gate = asyncio.Event()
        return self._gate

    def stored(self, path: str) -> Stored:
        return Stored(path, False, len(self.files[path]), self.versions.get(path, "v1"), 1.0)

    async def list(self, folder: str) -> list[Stored]:
        self._fail()
        prefix = f"{folder}/" if folder else ""
        found: dict[str, Stored] = {}
        for path in self.files:
            if path.startswith(prefix):
                name, _, below = path[len(prefix) :].partition("/")
                at = prefix + name
                found[at] = Stored(at, True, 0, "") if below else self.stored(path)
        if not found and folder:
            raise NotFound(folder)
        return [*found.values()]

    async def stat(self, path: str) -> Stored:
        self._fail()
        if path in self.files:
            return self.stored(path)
        if not path or any(one.startswith(path + "/") for one in self.files):
            return Stored(path, True, 0, "")
        raise NotFound(path)

    async def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        self.reads.append((item.path, span))
        self._fail()
        if item != self.stored(item.path):
            raise HostChanged(item.path)
        data = bytearray(self.files[item.path])
        while self.flips_once:
            data[self.flips_once.pop()] ^= 1
        cut = self._cuts.pop(0) if self._cuts else None
        self.running += 1
        try:
            for at in range(span.start, span.stop, self.piece_bytes):
                if self._gate is not None:
                    await self._gate.wait()
                await asyncio.sleep(0)
                piece = bytes(data[at : min(at + self.piece_bytes, span.stop)])
                if cut is not None and at + len(piece) - span.start > cut:
                    piece = piece[: cut - (at - span.start)]
                    self.delivered_bytes += len(piece)
                    if piece:
                        yield memoryview(piece)
                    raise HostDown("cut")
                self.delivered_bytes += len(piece)
                yield memoryview(piece)
        finally:
            self.running -= 1

    def _fail(self) -> None:
        if self._failures:
            raise self._failures.pop(0)

    async def close(self) -> None:
        pass
