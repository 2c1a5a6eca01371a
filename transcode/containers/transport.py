"""MPEG transport stream segments written from H.264 and AAC samples, each fit to follow any other.

A segment begins with its own tables, every continuity counter starts at 0 and ends at 15: so pieces
of different converter runs join without a gap in the counters. Pure bytes.

Source: ISO/IEC 13818-1, 2.4.3 (packets, PES) and 2.4.4 (tables); ISO/IEC 14496-3, 1.A.2 (ADTS);
RFC 8216, 3.2 (tables in each segment).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from transcode.containers.fragments import FragmentError, Sample, find_box, find_boxes
from transcode.containers.ts import TS_ZERO

CLOCK_HZ: Final = 90_000
# The clock reference runs this far ahead of presentation, so that no decoder underflows.
_LEAD: Final = CLOCK_HZ // 2
_PMT_PID, _VIDEO_PID, _AUDIO_PID = 0x1000, 0x100, 0x101
_H264, _ADTS = 0x1B, 0x0F
_START = b"\0\0\0\1"
_AUD = _START + b"\x09\xf0"
_AUDIO_PES_BYTES = 2800
_WRAP = 1 << 33


@dataclass(frozen=True, slots=True)
class Setup:
    """What decoders need before the first sample, read from an init segment."""

    parameter_sets: bytes
    audio_config: bytes | None


def read_setup(init: bytes) -> Setup:
    """Take the parameter sets (``avcC``) and the AAC configuration (``esds``) out of an init.

    Raises:
        FragmentError: no H.264 picture in it.
    """
    parameter_sets = b""
    audio_config: bytes | None = None
    moov = find_box(init, b"moov")
    for stsd in find_boxes(moov, b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        kind, entry = stsd[12:16], stsd[16:]
        if kind == b"avc1":
            parameter_sets = _read_avcc(find_box(entry[78:], b"avcC"))
        elif kind == b"mp4a":
            audio_config = _read_esds(find_box(entry[28:], b"esds"))
    if not parameter_sets:
        raise FragmentError("the init segment holds no H.264 picture")
    return Setup(parameter_sets, audio_config)


def write_segment(
    setup: Setup,
    video: Sequence[Sample],
    video_scale: int,
    audio: Sequence[Sample],
    audio_scale: int,
) -> bytes:
    """One segment from samples whose times are the film's own.

    Args:
        setup: of the same converter settings.
        video: pictures in order of decoding and showing; the first is a key picture.
        video_scale: ticks per second of their times.
        audio: AAC frames.
        audio_scale: ticks per second of theirs.
    """
    packets = _Packets()
    packets.table(0, _pat())
    packets.table(_PMT_PID, _pmt(with_audio=setup.audio_config is not None))
    pending = list(_audio_units(setup, audio, audio_scale))
    for sample in video:
        at = sample.time * CLOCK_HZ // video_scale
        while pending and pending[0][0] <= at:
            packets.unit(_AUDIO_PID, _pes(0xC0, *pending.pop(0)))
        packets.unit(
            _VIDEO_PID,
            _pes(0xE0, at, _annex_b(sample, setup.parameter_sets)),
            clock=at + TS_ZERO - _LEAD,
            is_key=sample.is_key,
        )
    for at, body in pending:
        packets.unit(_AUDIO_PID, _pes(0xC0, at, body))
    return packets.finish()


class _Packets:
    """Packets of one segment, payload first; counters are written at the end."""

    def __init__(self) -> None:
        self._packets: list[tuple[int, bool, bytes, bytes]] = []

    def table(self, pid: int, section: bytes) -> None:
        body = b"\0" + section
        self._packets.append((pid, True, b"", body + b"\xff" * (184 - len(body))))

    def unit(self, pid: int, pes: bytes, *, clock: int | None = None, is_key: bool = False) -> None:
        field = b"" if clock is None else _clock_field(clock, is_key=is_key)
        at = 0
        while at < len(pes):
            taken = min(184 - len(field), len(pes) - at)
            self._packets.append((pid, at == 0, field, pes[at : at + taken]))
            at += taken
            field = b""

    def finish(self) -> bytes:
        """All packets; each stream's number of them is brought to a multiple of 16 by splitting."""
        missing = {pid: -self._count(pid) % 16 for pid in (0, _PMT_PID, _VIDEO_PID, _AUDIO_PID)}
        counters = dict.fromkeys(missing, 0)
        out: list[bytes] = []
        for pid, starts, field, payload in self._packets:
            for is_first, part_field, part in self._split(pid, field, payload, missing):
                out.append(_packet(pid, counters[pid], starts and is_first, part_field, part))
                counters[pid] = (counters[pid] + 1) % 16
        return b"".join(out)

    def _count(self, pid: int) -> int:
        return sum(1 for packet in self._packets if packet[0] == pid)

    @staticmethod
    def _split(
        pid: int, field: bytes, payload: bytes, missing: dict[int, int]
    ) -> Iterator[tuple[bool, bytes, bytes]]:
        # Tables may not be split by stuffing (a section's bytes end the packet): they are repeated.
        if pid in (0, _PMT_PID):
            for _ in range(missing[pid] + 1):
                yield True, field, payload
            return
        # Keep the PES head (at most 19 bytes) whole in the first part.
        room = min(missing[pid], max(0, len(payload) // 20 - 1))
        missing[pid] -= room
        for number in range(room):
            yield (
                number == 0,
                field if number == 0 else b"",
                payload[number * 20 : number * 20 + 20],
            )
        yield room == 0, field if room == 0 else b"", payload[room * 20 :]


def _packet(pid: int, counter: int, starts: bool, field: bytes, payload: bytes) -> bytes:
    stuffing = 184 - len(field) - len(payload)
    if stuffing:
        if not field:
            field, stuffing = (b"\0", 0) if stuffing == 1 else (b"\1\0", stuffing - 2)
        if stuffing:
            field = bytes([field[0] + stuffing]) + field[1:] + b"\xff" * stuffing
    head = struct.pack(">BHB", 0x47, pid | starts << 14, (0x30 if field else 0x10) | counter)
    return head + field + payload


def _clock_field(clock: int, *, is_key: bool) -> bytes:
    base = clock % _WRAP
    reference = struct.pack(">IH", base >> 1, (base & 1) << 15 | 0x7E00)
    return bytes([7, 0x50 if is_key else 0x10]) + reference


def _pes(stream_id: int, at: int, body: bytes) -> bytes:
    stamp = (at + TS_ZERO) % _WRAP
    pts = struct.pack(
        ">BHH",
        0x21 | (stamp >> 29 & 0x0E),
        (stamp >> 14 & 0xFFFE) | 1,
        (stamp << 1 & 0xFFFE) | 1,
    )
    length = len(body) + 8
    head = struct.pack(">HBBH", 0, 1, stream_id, length if length <= 0xFFFF else 0)
    return head + b"\x84\x80\x05" + pts + body


def _annex_b(sample: Sample, parameter_sets: bytes) -> bytes:
    parts = [_AUD]
    if sample.is_key:
        parts.append(parameter_sets)
    at = 0
    while at + 4 <= len(sample.data):
        (size,) = struct.unpack_from(">I", sample.data, at)
        unit = sample.data[at + 4 : at + 4 + size]
        if unit and unit[0] & 0x1F != 9:
            parts += (_START, unit)
        at += 4 + size
    return b"".join(parts)


def _audio_units(setup: Setup, audio: Sequence[Sample], scale: int) -> Iterator[tuple[int, bytes]]:
    if setup.audio_config is None:
        return
    held: list[bytes] = []
    held_at = 0
    for sample in audio:
        if not held:
            held_at = sample.time * CLOCK_HZ // scale
        held += (_adts(setup.audio_config, len(sample.data)), sample.data)
        if sum(map(len, held)) >= _AUDIO_PES_BYTES:
            yield held_at, b"".join(held)
            held = []
    if held:
        yield held_at, b"".join(held)


def _adts(config: bytes, frame_bytes: int) -> bytes:
    kind, rate, channels = (
        config[0] >> 3,
        (config[0] & 7) << 1 | config[1] >> 7,
        config[1] >> 3 & 15,
    )
    size = frame_bytes + 7
    return bytes(
        (
            0xFF,
            0xF1,
            (kind - 1) << 6 | rate << 2 | channels >> 2,
            (channels & 3) << 6 | size >> 11,
            size >> 3 & 0xFF,
            (size & 7) << 5 | 0x1F,
            0xFC,
        )
    )


def _read_avcc(avcc: bytes) -> bytes:
    at = 6
    sets: list[bytes] = []
    for counted in (avcc[5] & 0x1F, None):
        count = counted
        if count is None:
            count = avcc[at]
            at += 1
        for _ in range(count):
            (size,) = struct.unpack_from(">H", avcc, at)
            sets += (_START, avcc[at + 2 : at + 2 + size])
            at += 2 + size
    return b"".join(sets)


def _read_esds(esds: bytes) -> bytes:
    """The DecoderSpecificInfo (tag 5) inside tags 3 and 4."""
    at = 4
    while at < len(esds):
        tag = esds[at]
        at += 1
        size = 0
        while True:
            size = size << 7 | esds[at] & 0x7F
            at += 1
            if not esds[at - 1] & 0x80:
                break
        if tag == 5:
            return esds[at : at + size]
        at += {3: 3, 4: 13}.get(tag, size)
    raise FragmentError("the init segment holds no AAC configuration")


def _pat() -> bytes:
    return _section(0x00, struct.pack(">HBBBHH", 1, 0xC1, 0, 0, 1, 0xE000 | _PMT_PID))


def _pmt(*, with_audio: bool) -> bytes:
    body = struct.pack(">HBBBHH", 1, 0xC1, 0, 0, 0xE000 | _VIDEO_PID, 0xF000)
    body += struct.pack(">BHH", _H264, 0xE000 | _VIDEO_PID, 0xF000)
    if with_audio:
        body += struct.pack(">BHH", _ADTS, 0xE000 | _AUDIO_PID, 0xF000)
    return _section(0x02, body)


def _section(table: int, body: bytes) -> bytes:
    section = struct.pack(">BH", table, 0xB000 | len(body) + 4) + body
    return section + struct.pack(">I", _crc32(section))


def _crc32(data: bytes) -> int:
    """CRC of tables: polynomial 0x04C11DB7, not reflected, no final inversion."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc
