"""The keyframe index of a film: all that is needed to cut it anywhere, in a few kilobytes. Pure."""

from __future__ import annotations

import json
import struct
import zlib
from array import array
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

_MAGIC = b"VCX1"
_HEAD = struct.Struct(">4sI")
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Index:
    """Keyframes of one video stream.

    Attributes:
        video: its stream index.
        time_base: ticks per second as a fraction: ``numerator / denominator`` seconds per tick.
        start_us: timestamp of film time 0, microseconds.
        duration_s: length of the film.
        reorder_s: how far decoding runs ahead of showing (B-frames).
        audio_start_us: film time of the first packet of each audio stream, by stream index.
        pts: presentation tick of each keyframe, ascending.
        position: byte where it, or the cluster that holds it, begins.
    """

    video: int
    time_base: tuple[int, int]
    start_us: int
    duration_s: float
    reorder_s: float
    audio_start_us: dict[int, int] = field(default_factory=dict)
    pts: tuple[int, ...] = ()
    position: tuple[int, ...] = ()

    def time_s(self, keyframe: int) -> float:
        """Film time of a keyframe."""
        numerator, denominator = self.time_base
        return self.pts[keyframe] * numerator / denominator - self.start_us / 1e6

    def to_bytes(self) -> bytes:
        """Compact form: a line of facts, then the two columns as differences, deflated."""
        facts = {
            "video": self.video,
            "time_base": self.time_base,
            "start_us": self.start_us,
            "duration_s": self.duration_s,
            "reorder_s": self.reorder_s,
            "audio_start_us": {str(key): value for key, value in self.audio_start_us.items()},
            "count": len(self.pts),
        }
        head = json.dumps(facts, separators=(",", ":")).encode()
        columns = b"".join(_pack(column) for column in (self.pts, self.position))
        return _HEAD.pack(_MAGIC, len(head)) + head + zlib.compress(columns, 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Index:
        """Read ``to_bytes``.

        Raises:
            ValueError: it is no index of this version, or damaged.
        """
        try:
            magic, length = _HEAD.unpack_from(data)
            if magic != _MAGIC:
                raise ValueError("not a keyframe index of this version")
            facts = _facts(data[_HEAD.size : _HEAD.size + length])
            inflater = zlib.decompressobj()
            columns = inflater.decompress(data[_HEAD.size + length :], _MOST_BYTES)
            size = 8 * facts["count"]
            if len(columns) != 2 * size or not inflater.eof:
                raise ValueError("a damaged keyframe index")
            return cls(
                video=facts["video"],
                time_base=(facts["time_base"][0], facts["time_base"][1]),
                start_us=facts["start_us"],
                duration_s=facts["duration_s"],
                reorder_s=facts["reorder_s"],
                audio_start_us={int(key): us for key, us in facts["audio_start_us"].items()},
                pts=_unpack(columns[:size]),
                position=_unpack(columns[size:]),
            )
        except (struct.error, zlib.error, KeyError, TypeError, IndexError) as error:
            raise ValueError("a damaged keyframe index") from error


def _facts(line: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(line)
    except ValueError as error:
        raise ValueError("a damaged keyframe index") from error
    if not isinstance(facts, dict):
        raise ValueError("a damaged keyframe index")  # noqa: TRY004  what is read is at fault
    return facts


def _pack(column: tuple[int, ...]) -> bytes:
    steps = [here - before for here, before in zip(column, (0, *column), strict=False)]
    return struct.pack(f">{len(steps)}q", *steps)


def _unpack(data: bytes) -> tuple[int, ...]:
    steps = array("q", struct.unpack(f">{len(data) // 8}q", data))
    return tuple(accumulate(steps))
