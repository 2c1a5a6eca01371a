"""Stored blocks at hand: a few in memory, more on disk where that is allowed.

Only cipher blocks go to the disk; blocks of a source without encryption stay in memory.
"""

from __future__ import annotations

from collections import OrderedDict

from gateway.drives.cache import BlockCache


class Shelf:
    """The blocks of one drive that need no host read."""

    def __init__(self, memory_bytes: int, cache: BlockCache | None) -> None:
        self._memory_limit_bytes = memory_bytes
        self._memory: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._memory_bytes = 0
        self._cache = cache

    def next_held(self, place: bytes, start: int, stop: int) -> int:
        """Number of the first block of ``[start, stop)`` that lies on disk, else ``stop``."""
        return stop if self._cache is None else self._cache.next_held(place, start, stop)

    async def get(self, place: bytes, index: int) -> bytes | None:
        """One block or None."""
        block = self._memory.get((place, index))
        if block is not None:
            self._memory.move_to_end((place, index))
            return block
        return None if self._cache is None else await self._cache.get(place, index)

    def put(self, place: bytes, index: int, block: bytes, *, is_cipher: bool) -> None:
        """Keep a block that proved good."""
        if (place, index) not in self._memory:
            self._memory[place, index] = block
            self._memory_bytes += len(block)
            while self._memory_bytes > self._memory_limit_bytes:
                self._memory_bytes -= len(self._memory.popitem(last=False)[1])
        if is_cipher and self._cache is not None:
            self._cache.put(place, index, block)

    def forget(self, place: bytes, index: int) -> None:
        """Drop a block that turned out to be damaged."""
        self._memory_bytes -= len(self._memory.pop((place, index), b""))
        if self._cache is not None:
            self._cache.forget(place, index)
