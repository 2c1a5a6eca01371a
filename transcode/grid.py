"""Where a film is cut: one absolute grid per film, the same for playlist and segments. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from transcode.index import Index

SEGMENT_S = 4.0
_SHORTEST_S = 0.5


@dataclass(frozen=True, slots=True)
class Grid:
    """Boundaries in film seconds: segment ``n`` is ``[bounds[n], bounds[n + 1])``.

    Attributes:
        bounds: ascending, from 0 to the film's end; one more than there are segments.
        keyframes: for a copied picture the number of the keyframe each segment starts with.
    """

    bounds: tuple[float, ...]
    keyframes: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many segments there are."""
        return len(self.bounds) - 1

    def start_s(self, n: int) -> float:
        """Film time of the segment's start."""
        return self.bounds[self._checked(n)]

    def stop_s(self, n: int) -> float:
        """Film time of its end."""
        return self.bounds[self._checked(n) + 1]

    def duration_s(self, n: int) -> float:
        """Length of the segment."""
        return self.stop_s(n) - self.start_s(n)

    def segment_at(self, time_s: float) -> int:
        """The segment that holds a film time; times outside belong to the first or last one."""
        return min(max(bisect_right(self.bounds, time_s) - 1, 0), self.count - 1)

    def _checked(self, n: int) -> int:
        if not 0 <= n < self.count:
            raise IndexError(f"segment {n} of a film with {self.count}")
        return n


def remux_grid(index: Index, target_s: float = SEGMENT_S) -> Grid:
    """Cut before the first keyframe that lies at least ``target_s`` after the last cut.

    Raises:
        ValueError: the index has no keyframe.
    """
    if not index.pts:
        raise ValueError("an index without keyframes has no grid")
    bounds, keyframes = [0.0], [0]
    for number in range(1, len(index.pts)):
        time_s = index.time_s(number)
        if time_s - bounds[-1] >= target_s - 1e-6:
            bounds.append(time_s)
            keyframes.append(number)
    end_s = max(index.duration_s, index.time_s(len(index.pts) - 1) + _SHORTEST_S)
    return Grid((*bounds, end_s), tuple(keyframes))


def fixed_grid(duration_s: float, target_s: float = SEGMENT_S) -> Grid:
    """Equal pieces, the last one shorter (never a splinter below half a second).

    Raises:
        ValueError: a duration that is not above zero.
    """
    if duration_s <= 0 or target_s <= 0:
        raise ValueError(f"no grid for {duration_s} s in pieces of {target_s} s")
    count = max(1, int((duration_s - _SHORTEST_S) / target_s) + 1)
    return Grid((*(n * target_s for n in range(count)), duration_s))
