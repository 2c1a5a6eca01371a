"""One segment to cut, as the gateway orders it from a worker. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from transcode.grid import Grid
from transcode.index import Index

# Sound may be stored a little before or behind its picture.
_BEFORE_BYTES = 64 << 10
_BEHIND_BYTES = 320 << 10


@dataclass(frozen=True, slots=True)
class Piece:
    """What to copy; ``None`` at an end means the film's end.

    Attributes:
        number: of the segment.
        video: stream index of the picture.
        first_pts: tick of the first keyframe; ``earlier_pts`` of the one before, if any.
        stop_pts: tick of the keyframe the next segment starts with.
        from_s: film time at which sound begins; negative infinity is written as 0 for segment 0.
        stop_s: film time at which sound ends.
        start_us: timestamp of film time 0.
        audio_start_us: film time of the first packet of the chosen sound.
        reorder_s: how far decoding runs ahead of showing.
        span: bytes that hold it, the whole of it in the usual case.
    """

    number: int
    video: int
    first_pts: int
    earlier_pts: int | None
    stop_pts: int | None
    from_s: float
    stop_s: float | None
    start_us: int
    audio_start_us: int
    reorder_s: float
    span: tuple[int, int]


def piece_of(index: Index, grid: Grid, n: int, audio: int | None, size_bytes: int) -> Piece:
    """The order for segment ``n``.

    Raises:
        IndexError: the grid has no such segment.
    """
    start_s, is_last = grid.start_s(n), n == grid.count - 1
    key = grid.keyframes[n]
    following = None if is_last else grid.keyframes[n + 1]
    stop = size_bytes if following is None else index.position[following] + _BEHIND_BYTES
    start = max(0, index.position[key] - _BEFORE_BYTES)
    return Piece(
        number=n,
        video=index.video,
        first_pts=index.pts[key],
        earlier_pts=index.pts[key - 1] if key else None,
        stop_pts=None if following is None else index.pts[following],
        from_s=start_s,
        stop_s=None if is_last else grid.stop_s(n),
        start_us=index.start_us,
        audio_start_us=0 if audio is None else index.audio_start_us.get(audio, 0),
        reorder_s=index.reorder_s,
        span=(start, min(max(stop, start + 1), size_bytes)),
    )
