"""A converter without ffmpeg: makes one sample per segment, as fast as it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcode.command import Conversion
from transcode.containers.fragments import Sample
from transcode.cutter import CutSegment
from transcode.errors import ConverterFailed
from transcode.source import Media


class FakeConverter:
    """Counts runs; ``hold`` makes a segment wait, ``fail_at`` breaks off there."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.running = 0
        self.most_running = 0
        self.inits = 0
        self.hold: asyncio.Event | None = None
        self.fail_at: int | None = None

    async def init(self, conversion: Conversion) -> bytes:
        self.inits += 1
        return b"init"

    @asynccontextmanager
    async def pieces(
        self, media: Media, conversion: Conversion, first: int
    ) -> AsyncIterator[AsyncIterator[CutSegment]]:
        self.started.append(first)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            yield self._make(conversion, first)
        finally:
            self.running -= 1

    async def _make(self, conversion: Conversion, first: int) -> AsyncIterator[CutSegment]:
        for n in range(first, conversion.beat.count):
            await asyncio.sleep(0)
            if self.hold is not None:
                await self.hold.wait()
            if n == self.fail_at:
                raise ConverterFailed("broke", "the last words")
            yield CutSegment(n, (Sample(1, n, 1, True, b"%d" % n),), ())
