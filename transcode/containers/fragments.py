"""Fragmented MP4 on the wire: take a live stream of it apart into samples, write our own fragments.

The converter's muxer cuts fragments and counts time as it likes; we take only its samples and its
``ftyp``+``moov`` and write fragments whose ``tfdt`` is the film's absolute time, so that pieces of
different runs join. Pure bytes: never reads a file, never waits.

Source: ISO/IEC 14496-12, 8.8 (movie fragments); ISO/IEC 14496-15, 5.3.3 (``avcC``);
ISO/IEC 14496-1, 7.2.6 (descriptors in ``esds``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TFHD_BASE, _TFHD_DESCRIPTION, _TFHD_DURATION, _TFHD_SIZE, _TFHD_FLAGS = 1, 2, 8, 0x10, 0x20
_TRUN_OFFSET, _TRUN_FIRST_FLAGS, _TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_SHIFT = (
    0x1,
    0x4,
    0x100,
    0x200,
    0x400,
    0x800,
)
_NOT_SYNC = 0x00010000
_KEY_FLAGS = 0x02000000
_OTHER_FLAGS = 0x01010000
_MAX_BOX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One coded picture or sound frame; times in ticks of its track."""

    track: int
    time: int
    duration: int
    is_key: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of one track that follow each other, the first at ``base_time`` ticks."""

    track: int
    base_time: int
    samples: Sequence[Sample]


class FragmentError(ValueError):
    """The bytes are no fragmented MP4 that we can read."""


class FragmentParser:
    """Takes the muxer's output in pieces of any size; owned by one converter run.

    Attributes:
        init: ``ftyp`` and ``moov`` once both have passed, else None.
    """

    def __init__(self) -> None:
        self.init: bytes | None = None
        self._held = bytearray()
        self._ftyp = b""
        self._moof = b""

    def feed(self, data: bytes) -> list[Sample]:
        """Add bytes; return the samples whose last byte has now arrived.

        Raises:
            FragmentError: a box of senseless size.
        """
        self._held += data
        samples: list[Sample] = []
        while len(self._held) >= 8:
            size, kind = struct.unpack_from(">I4s", self._held)
            if not 8 <= size <= _MAX_BOX_BYTES:
                raise FragmentError(f"box {kind!r} claims {size} bytes")
            if len(self._held) < size:
                break
            box = bytes(self._held[:size])
            del self._held[:size]
            if kind == b"ftyp":
                self._ftyp = box
            elif kind == b"moov":
                self.init = self._ftyp + box
            elif kind == b"moof":
                self._moof = box
            elif kind == b"mdat":
                samples += _read_samples(self._moof, box)
        return samples


def write_fragment(sequence: int, runs: Sequence[Run]) -> bytes:
    """One ``moof`` and its ``mdat``.

    Args:
        sequence: the ``mfhd`` number, growing along the film.
        runs: one per track at most; empty ones are left out.
    """
    filled = [run for run in runs if run.samples]
    mfhd = _full_box(b"mfhd", 0, 0, struct.pack(">I", sequence))
    # The offsets point behind the moof, whose size does not depend on them.
    moof_bytes = 8 + len(mfhd) + sum(len(_traf(run, 0)) for run in filled)
    offset = moof_bytes + 8
    trafs: list[bytes] = []
    bodies: list[bytes] = []
    for run in filled:
        trafs.append(_traf(run, offset))
        bodies += [sample.data for sample in run.samples]
        offset += sum(len(sample.data) for sample in run.samples)
    return _box(b"moof", mfhd, *trafs) + _box(b"mdat", *bodies)


def find_box(data: bytes, *path: bytes) -> bytes:
    """The body of the first box at a path such as ``moov``, ``trak``, ``mdia``.

    Raises:
        FragmentError: there is none.
    """
    for found in find_boxes(data, *path):
        return found
    raise FragmentError(f"no box {b'/'.join(path)!r}")


def find_boxes(data: bytes, *path: bytes) -> Iterator[bytes]:
    """The bodies of all boxes at a path, in order."""
    for kind, body in _boxes(data):
        if kind != path[0]:
            continue
        if len(path) == 1:
            yield body
        else:
            yield from find_boxes(body, *path[1:])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = 0
    while offset + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        if size < 8 or offset + size > len(data):
            raise FragmentError(f"box {kind!r} claims {size} bytes")
        yield kind, data[offset + 8 : offset + size]
        offset += size


def _read_samples(moof: bytes, mdat: bytes) -> Iterator[Sample]:
    for traf in find_boxes(moof, b"moof", b"traf"):
        yield from _read_traf(traf, len(moof), mdat)


def _read_traf(traf: bytes, moof_bytes: int, mdat: bytes) -> Iterator[Sample]:
    try:
        tfhd = find_box(traf, b"tfhd")
        flags, track = struct.unpack_from(">II", tfhd)
        at = 8 + (8 if flags & _TFHD_BASE else 0) + (4 if flags & _TFHD_DESCRIPTION else 0)
        defaults: list[int] = []
        for bit in (_TFHD_DURATION, _TFHD_SIZE, _TFHD_FLAGS):
            defaults.append(struct.unpack_from(">I", tfhd, at)[0] if flags & bit else 0)
            at += 4 if flags & bit else 0
        tfdt = find_box(traf, b"tfdt")
        time = int(struct.unpack_from(">Q" if tfdt[0] == 1 else ">I", tfdt, 4)[0])
        for trun in find_boxes(traf, b"trun"):
            for sample in _read_trun(trun, track, time, defaults, moof_bytes, mdat):
                yield sample
                time = sample.time + sample.duration
    except struct.error as error:
        raise FragmentError("a fragment's tables are cut short") from error


def _read_trun(
    trun: bytes, track: int, time: int, defaults: list[int], moof_bytes: int, mdat: bytes
) -> Iterator[Sample]:
    flags, count = struct.unpack_from(">II", trun)
    at = 8
    # Offsets count from the moof (default-base-is-moof); ours into the whole mdat box.
    offset = 8
    if flags & _TRUN_OFFSET:
        offset = struct.unpack_from(">i", trun, at)[0] - moof_bytes
        at += 4
    first_flags: int | None = None
    if flags & _TRUN_FIRST_FLAGS:
        first_flags = struct.unpack_from(">I", trun, at)[0]
        at += 4
    for number in range(count):
        values = list(defaults)
        for place, bit in enumerate((_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS)):
            if flags & bit:
                values[place] = struct.unpack_from(">I", trun, at)[0]
                at += 4
        at += 4 if flags & _TRUN_SHIFT else 0
        duration, size, sample_flags = values
        if number == 0 and first_flags is not None:
            sample_flags = first_flags
        if offset < 8 or offset + size > len(mdat):
            raise FragmentError("a sample lies outside of its fragment")
        data = mdat[offset : offset + size]
        yield Sample(track, time, duration, not sample_flags & _NOT_SYNC, data)
        offset += size
        time += duration


def _traf(run: Run, data_offset: int) -> bytes:
    tfhd = _full_box(b"tfhd", 0, 0x020000, struct.pack(">I", run.track))
    tfdt = _full_box(b"tfdt", 1, 0, struct.pack(">Q", run.base_time))
    rows = b"".join(
        struct.pack(
            ">III",
            sample.duration,
            len(sample.data),
            _KEY_FLAGS if sample.is_key else _OTHER_FLAGS,
        )
        for sample in run.samples
    )
    head = struct.pack(">Ii", len(run.samples), data_offset)
    flags = _TRUN_OFFSET | _TRUN_DURATION | _TRUN_SIZE | _TRUN_FLAGS
    return _box(b"traf", tfhd, tfdt, _full_box(b"trun", 0, flags, head + rows))


def _box(kind: bytes, *parts: bytes) -> bytes:
    return b"".join((struct.pack(">I4s", 8 + sum(map(len, parts)), kind), *parts))


def _full_box(kind: bytes, version: int, flags: int, body: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), body)
