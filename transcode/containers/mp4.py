"""MP4 boxes: where the index lies, composition offsets of keyframes, fragments of our own. Pure.

Why fragments are written here and not by ffmpeg's muxer: its ``tfdt`` starts anew in every mux and
is shifted by the reordering of B-frames. A fragment is three small boxes; written by hand its time
is exactly the film's, in whatever order segments are asked.

Source: ISO/IEC 14496-12 (8.8 movie fragments, 8.6.1.3 composition offsets, 8.6.2 sync samples).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_NESTED = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex"})
_KEY_FLAGS = 0x02000000  # depends on nothing
_DELTA_FLAGS = 0x01010000  # depends on others, no sync sample


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its bytes are ``[start, stop)``, its content begins at ``body``."""

    kind: bytes
    start: int
    body: int
    stop: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One access unit of a fragment, times in the track's ticks."""

    data: bytes | memoryview
    duration: int
    composition_offset: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Run:
    """The samples of one track in a fragment; ``decode_time`` is the film time of the first."""

    track: int
    decode_time: int
    samples: Sequence[Sample]


def boxes(data: bytes | memoryview, start: int = 0, stop: int | None = None) -> Iterator[Box]:
    """The boxes side by side in a stretch; the last one may end beyond the data.

    Raises:
        ValueError: a size that cannot be.
    """
    end = len(data) if stop is None else stop
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1:
            if start + 16 > end:
                return
            (size,) = struct.unpack_from(">Q", data, start + 8)
            body = start + 16
        elif size == 0:
            size = end - start
        if size < body - start:
            raise ValueError(f"box {kind!r} at byte {start} claims {size} bytes")
        yield Box(kind, start, body, start + size)
        start += size


def find(data: bytes | memoryview, path: Sequence[bytes], within: Box | None = None) -> list[Box]:
    """All boxes at a path like ``[b"moov", b"trak"]``."""
    start, stop = (0, None) if within is None else (within.body, min(within.stop, len(data)))
    here = [box for box in boxes(data, start, stop) if box.kind == path[0]]
    if len(path) == 1:
        return here
    return [deep for box in here for deep in find(data, path[1:], box)]


def moov_span(head: bytes, size_bytes: int) -> tuple[int, int] | None:
    """Where a file's index lies, as far as its first bytes tell; ``stop`` may be the file's end.

    Returns:
        None when this is no MP4 file.
    """
    if len(head) < 8 or head[4:8] not in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return None
    position = 0
    try:
        for box in boxes(head):
            if box.kind == b"moov":
                return box.start, min(box.stop, size_bytes)
            position = box.stop
    except ValueError:
        return None
    return (position, size_bytes) if position < size_bytes else None


def keyframe_offsets(moov: bytes, track: int) -> list[int] | None:
    """Composition offset of every sync sample of a track, in its ticks.

    Args:
        moov: the whole box, header included.
        track: track id.

    Returns:
        None when every sample is a sync sample or the table is missing.

    Raises:
        ValueError: the table is damaged or the track is not there.
    """
    try:
        for trak in find(moov, [b"moov", b"trak"]):
            (header,) = find(moov, [b"tkhd"], trak)
            at = header.body + (20 if moov[header.body] == 1 else 12)
            if struct.unpack_from(">I", moov, at)[0] == track:
                (table,) = find(moov, [b"mdia", b"minf", b"stbl"], trak)
                return _sync_offsets(moov, table)
    except (struct.error, IndexError) as error:
        raise ValueError("a damaged sample table") from error
    raise ValueError(f"no track {track}")


def _sync_offsets(moov: bytes, table: Box) -> list[int] | None:
    sync = find(moov, [b"stss"], table)
    if not sync:
        return None
    (count,) = struct.unpack_from(">I", moov, sync[0].body + 4)
    numbers = struct.unpack_from(f">{count}I", moov, sync[0].body + 8)
    shifts = find(moov, [b"ctts"], table)
    if not shifts:
        return [0] * count
    (runs,) = struct.unpack_from(">I", moov, shifts[0].body + 4)
    entries = struct.unpack_from(">" + "Ii" * runs, moov, shifts[0].body + 8)
    found: list[int] = []
    last, at = 0, -2
    for number in numbers:
        while last < number:
            at += 2
            last += entries[at]
        found.append(entries[at + 1])
    return found


def init_of(stream: bytes, *, hevc_tag: bytes = b"hvc1") -> bytes:
    """``ftyp`` and ``moov`` of a muxed stream, without edit lists, HEVC under the tag TVs take.

    Source: tv_browsers.md 6 (Apple refuses ``hev1``); edit lists would shift our own fragments.

    Raises:
        ValueError: one of the two is missing.
    """
    parts = [box for box in boxes(stream) if box.kind in {b"ftyp", b"moov"}]
    if [box.kind for box in parts] != [b"ftyp", b"moov"]:
        raise ValueError("the muxer wrote no init segment")
    init = b"".join(_rebuilt(stream, box, frozenset({b"edts"})) for box in parts)
    for entry in find(init, [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"]):
        at = entry.body + 12
        if init[at : at + 4] == b"hev1":
            init = init[:at] + hevc_tag + init[at + 4 :]
    return init


def _rebuilt(data: bytes, box: Box, without: frozenset[bytes]) -> bytes:
    """The box again, without some kinds inside."""
    if box.kind not in _NESTED:
        return data[box.start : box.stop]
    inner = [
        _rebuilt(data, one, without)
        for one in boxes(data, box.body, box.stop)
        if one.kind not in without
    ]
    return _box(box.kind, *inner)


def track_timescales(init: bytes) -> list[tuple[int, int]]:
    """Track id and ticks per second of each track of an init segment, in its order."""
    found = []
    for trak in find(init, [b"moov", b"trak"]):
        (track_header,) = find(init, [b"tkhd"], trak)
        (media_header,) = find(init, [b"mdia", b"mdhd"], trak)
        track_at = track_header.body + (20 if init[track_header.body] == 1 else 12)
        scale_at = media_header.body + (20 if init[media_header.body] == 1 else 12)
        (track,) = struct.unpack_from(">I", init, track_at)
        (scale,) = struct.unpack_from(">I", init, scale_at)
        found.append((track, scale))
    return found


def fragment(sequence: int, runs: Sequence[Run]) -> bytes:
    """One ``moof`` and its ``mdat``.

    Args:
        sequence: number of the fragment, from 1.
        runs: one per track; a track without samples is left out.
    """
    filled = [run for run in runs if run.samples]
    sizes = [sum(len(sample.data) for sample in run.samples) for run in filled]
    # Written twice: the offsets into mdat depend on the length of moof, not on their values.
    length = len(_moof(sequence, filled, [0] * len(filled)))
    offsets, at = [], length + 8
    for size in sizes:
        offsets.append(at)
        at += size
    payload = [sample.data for run in filled for sample in run.samples]
    head = _moof(sequence, filled, offsets) + struct.pack(">I4s", 8 + sum(sizes), b"mdat")
    return b"".join((head, *payload))


def _moof(sequence: int, runs: Sequence[Run], offsets: Sequence[int]) -> bytes:
    header = _box(b"mfhd", struct.pack(">II", 0, sequence))
    tracks = []
    for run, offset in zip(runs, offsets, strict=True):
        default_base_is_moof = 0x020000
        track = _box(b"tfhd", struct.pack(">II", default_base_is_moof, run.track))
        time = _box(b"tfdt", struct.pack(">IQ", 1 << 24, run.decode_time))
        # Version 1 (signed offsets); data offset, duration, size, flags and offset per sample.
        fields = [
            value
            for sample in run.samples
            for value in (
                sample.duration,
                len(sample.data),
                _KEY_FLAGS if sample.is_key else _DELTA_FLAGS,
                sample.composition_offset & 0xFFFFFFFF,
            )
        ]
        table = struct.pack(f">{len(fields)}I", *fields)
        head = struct.pack(">IIi", 1 << 24 | 0x000F01, len(run.samples), offset)
        tracks.append(_box(b"traf", track, time, _box(b"trun", head, table)))
    return _box(b"moof", header, *tracks)


def _box(kind: bytes, *parts: bytes) -> bytes:
    size = 8 + sum(len(part) for part in parts)
    return b"".join((struct.pack(">I4s", size, kind), *parts))


def decode_order_samples(
    units: Sequence[tuple[int, bytes | memoryview, bool]], stop: int
) -> tuple[int, list[Sample]]:
    """Samples of a picture track from units in decoding order.

    Decoding times are the sorted presentation times: they need no look at the source's own, join
    without gap or overlap from segment to segment, and the first equals the segment's start. The
    composition offsets are signed.

    Args:
        units: presentation tick, bytes, whether it is a keyframe; in decoding order.
        stop: tick at which the next segment's pictures begin.

    Returns:
        Decoding time of the first, and the samples.
    """
    times = sorted(time for time, _, _ in units)
    ends = [later for _, later in pairwise(times)]
    ends.append(max(stop, times[-1] + 1))
    samples = [
        Sample(data, end - at, time - at, is_key)
        for (time, data, is_key), at, end in zip(units, times, ends, strict=True)
    ]
    return times[0], samples
