"""Finished segments in memory, shared by all viewers, within one budget of bytes.

Clear media is never written to a disk: what was dropped is made again. Pure bookkeeping: never
waits, never reads a clock.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

DEFAULT_BUDGET_BYTES: Final = 512 << 20


@dataclass(slots=True)
class _Stream:
    """Segments of one delivery and where its viewers stand."""

    segments: dict[int, bytes] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)


class SegmentStore:
    """Segments by stream and number; the sum of their sizes never exceeds the budget.

    Dropped first: streams nobody watches (the one used longest ago), then what lies behind every
    viewer (the farthest first), then what lies farthest ahead.
    """

    def __init__(self, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        if budget_bytes <= 0:
            raise ValueError(f"the segment budget must be above 0 bytes, not {budget_bytes}")
        self._budget_bytes = budget_bytes
        self._held_bytes = 0
        self._streams: dict[Hashable, _Stream] = {}

    @property
    def held_bytes(self) -> int:
        """Bytes of all segments held."""
        return self._held_bytes

    def get(self, stream: Hashable, n: int) -> bytes | None:
        """A segment, if it is held; using a stream makes it the youngest."""
        held = self._streams.get(stream)
        if held is None:
            return None
        self._streams[stream] = self._streams.pop(stream)
        return held.segments.get(n)

    def has(self, stream: Hashable, n: int) -> bool:
        """Whether a segment is held, without using it."""
        held = self._streams.get(stream)
        return held is not None and n in held.segments

    def put(self, stream: Hashable, n: int, data: bytes) -> None:
        """Keep a segment and drop others until the budget holds; one above it is not kept."""
        held = self._streams.setdefault(stream, _Stream())
        self._held_bytes += len(data) - len(held.segments.get(n, b""))
        held.segments[n] = data
        while self._held_bytes > self._budget_bytes:
            self._drop_one()

    def place(self, stream: Hashable, viewer: str, n: int) -> None:
        """Remember that a viewer asked for segment ``n``."""
        self._streams.setdefault(stream, _Stream()).places[viewer] = n

    def leave(self, viewer: str) -> None:
        """Forget where a viewer stands; the segments stay until room is needed."""
        for held in self._streams.values():
            held.places.pop(viewer, None)

    def clear(self) -> None:
        """Drop everything."""
        self._streams.clear()
        self._held_bytes = 0

    def _drop_one(self) -> None:
        filled = {name: held for name, held in self._streams.items() if held.segments}
        for name, held in filled.items():
            if not held.places:
                self._drop(name, min(held.segments))
                return
        behind = [
            (min(held.places.values()) - min(held.segments), number)
            for number, held in enumerate(filled.values())
        ]
        names = list(filled)
        distance, number = max(behind)
        if distance > 0:
            self._drop(names[number], min(filled[names[number]].segments))
            return
        ahead = [
            (max(held.segments) - min(held.places.values()), number)
            for number, held in enumerate(filled.values())
        ]
        _, number = max(ahead)
        self._drop(names[number], max(filled[names[number]].segments))

    def _drop(self, stream: Hashable, n: int) -> None:
        held = self._streams[stream]
        self._held_bytes -= len(held.segments.pop(n))
        if not held.segments and not held.places:
            del self._streams[stream]
