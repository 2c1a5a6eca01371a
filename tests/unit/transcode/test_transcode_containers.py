"""MP4 boxes and MPEG-TS packets."""

from __future__ import annotations

import struct
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.containers.mp4 import (
    Run,
    Sample,
    boxes,
    decode_order_samples,
    find,
    fragment,
    init_of,
    keyframe_offsets,
    moov_span,
    track_timescales,
)
from transcode.containers.ts import PACKET_BYTES, join_ready


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, body: bytes, version: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24), body)


def make_moov(*, offsets: list[tuple[int, int]] | None, keys: list[int]) -> bytes:
    tables = [full(b"stss", struct.pack(f">{len(keys) + 1}I", len(keys), *keys))]
    if offsets is not None:
        flat = [value for pair in offsets for value in pair]
        tables.append(full(b"ctts", struct.pack(">I" + "Ii" * len(offsets), len(offsets), *flat)))
    entry = box(b"hev1", bytes(20))
    tables.append(full(b"stsd", struct.pack(">I", 1) + entry))
    media = box(
        b"mdia",
        full(b"mdhd", struct.pack(">IIII", 0, 0, 12800, 0)),
        box(b"minf", box(b"stbl", *tables)),
    )
    header = full(b"tkhd", struct.pack(">III", 0, 0, 7) + bytes(68))
    return box(b"moov", box(b"trak", header, box(b"edts", bytes(8)), media))


def test_index_behind_the_pictures_is_found_from_the_head() -> None:
    head = box(b"ftyp", b"isom") + struct.pack(">I4s", 1, b"mdat") + struct.pack(">Q", 5000)
    assert moov_span(head, 9000) == (12 + 5000, 9000)
    assert moov_span(box(b"ftyp", b"isom") + struct.pack(">I4s", 400, b"moov"), 9000) == (12, 412)
    assert moov_span(b"\x1aE\xdf\xa3" + bytes(20), 9000) is None
    assert moov_span(struct.pack(">I4s", 3, b"ftyp"), 9000) is None


def test_offsets_of_sync_samples_are_read_over_runs() -> None:
    moov = make_moov(offsets=[(1, 512), (2, -3), (4, 9)], keys=[1, 3, 4, 7])
    assert keyframe_offsets(moov, 7) == [512, -3, 9, 9]
    assert keyframe_offsets(make_moov(offsets=None, keys=[1, 5]), 7) == [0, 0]


@pytest.mark.parametrize(("track", "keys"), [(6, [1]), (7, [99])])
def test_missing_track_or_short_table_is_an_error(track: int, keys: list[int]) -> None:
    with pytest.raises(ValueError, match=r"track|table"):
        keyframe_offsets(make_moov(offsets=[(2, 0)], keys=keys), track)


def test_init_loses_edit_lists_and_takes_the_tag_tvs_want() -> None:
    stream = box(b"ftyp", b"iso5") + make_moov(offsets=None, keys=[1]) + box(b"moof", b"x")
    init = init_of(stream)
    assert b"edts" not in init
    assert b"hev1" not in init
    assert init.count(b"hvc1") == 1
    assert track_timescales(init) == [(7, 12800)]
    assert [one.kind for one in boxes(init)] == [b"ftyp", b"moov"]
    with pytest.raises(ValueError, match="init"):
        init_of(box(b"ftyp", b"iso5"))


def test_fragment_points_at_its_own_bytes() -> None:
    picture = Run(1, 51200, [Sample(b"III", 512, 0, True), Sample(b"pp", 512, -512, False)])
    sound = Run(2, 1 << 33, [Sample(b"aaaa", 1024, 0, True)])
    data = fragment(3, [picture, Run(9, 0, []), sound])
    moof, mdat = list(boxes(data))
    assert data[mdat.body : mdat.stop] == b"IIIppaaaa"
    starts = []
    for trun in find(data, [b"moof", b"traf", b"trun"]):
        count, offset = struct.unpack_from(">Ii", data, trun.body + 4)
        starts.append((count, data[moof.start + offset :][:2]))
    assert starts == [(2, b"II"), (1, b"aa")]
    times = [
        struct.unpack_from(">Q", data, one.body + 4)[0]
        for one in find(data, [b"moof", b"traf", b"tfdt"])
    ]
    assert times == [51200, 1 << 33]
    (header,) = find(data, [b"moof", b"mfhd"])
    assert struct.unpack_from(">I", data, header.body + 4) == (3,)


def test_reordered_pictures_decode_from_the_segments_start_without_gap() -> None:
    # I0 P3 B1 B2 | next segment at 4
    units = [(100, b"I", True), (400, b"P", False), (200, b"B", False), (300, b"b", False)]
    start, samples = decode_order_samples(units, 500)
    assert start == 100
    assert [one.duration for one in samples] == [100, 100, 100, 100]
    at, shown = start, []
    for sample in samples:
        shown.append(at + sample.composition_offset)
        at += sample.duration
    assert shown == [100, 400, 200, 300]
    assert at == 500


def ts_packet(pid: int, counter: int, payload: bytes, *, start: bool = False) -> bytes:
    assert len(payload) == 184
    return bytes((0x47, (0x40 if start else 0) | pid >> 8, pid & 255, 0x10 | counter)) + payload


@given(st.integers(1, 40), st.integers(2, 40), st.binary(min_size=184, max_size=184))
def test_segments_join_in_any_order(tables: int, pictures: int, noise: bytes) -> None:
    pes = b"\x00\x00\x01\xe0" + noise[4:]
    packets = [ts_packet(0, n % 16, b"\x00" + noise[1:], start=True) for n in range(tables)]
    packets += [
        ts_packet(256, n % 16, pes if n == 0 else noise, start=n == 0) for n in range(pictures)
    ]
    joined = join_ready(b"".join(packets)) * 2
    counters: defaultdict[int, int] = defaultdict(lambda: 15)
    content = b""
    for at in range(0, len(joined), PACKET_BYTES):
        packet = joined[at : at + PACKET_BYTES]
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        assert packet[3] & 15 == (counters[pid] + 1) % 16
        counters[pid] = packet[3] & 15
        if pid == 256:
            content += packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]
    assert content == 2 * (pes + noise * (pictures - 1))


def short_packet(pid: int, counter: int, payload: bytes, field: bytes, *, start: bool) -> bytes:
    length = 183 - len(payload)
    stuffing = b"\xff" * (length - len(field))
    head = bytes((0x47, (0x40 if start else 0) | pid >> 8, pid & 255, 0x30 | counter, length))
    return head + (field + stuffing)[:length] + payload


@given(st.lists(st.integers(20, 60), min_size=1, max_size=40))
def test_pictures_too_small_to_fill_a_packet_are_split_too(sizes: list[int]) -> None:
    clock = b"\x10\x01\x02\x03\x04\x05\x06"
    units = [b"\x00\x00\x01\xe0\x00\x00\x84\x80\x05" + bytes(range(size)) for size in sizes]
    packets = [
        short_packet(256, n % 16, unit, clock if n % 2 == 0 else b"\x00", start=True)
        for n, unit in enumerate(units)
    ]
    joined = join_ready(b"".join(packets))
    parts = [joined[at : at + PACKET_BYTES] for at in range(0, len(joined), PACKET_BYTES)]
    assert len(parts) % 16 == 0
    assert [part[3] & 15 for part in parts] == [n % 16 for n in range(len(parts))]
    begun = [n for n, part in enumerate(parts) if part[1] & 0x40]
    assert len(begun) == len(units)
    for n, (at, unit) in enumerate(zip(begun, units, strict=True)):
        stop = begun[n + 1] if n + 1 < len(begun) else len(parts)
        assert b"".join(part[5 + part[4] :] for part in parts[at:stop]) == unit
        assert len(parts[at][5 + parts[at][4] :]) >= 14
        assert (parts[at][5:12] == clock) == (n % 2 == 0)
        assert not any(part[4] and part[5] & 0x10 for part in parts[at + 1 : stop])


def test_a_stream_of_fewer_bytes_than_packets_wanted_is_refused() -> None:
    tiny = short_packet(256, 0, b"\x00\x00\x01\xe0\x00\x00\x84\x80\x00", b"\x00", start=True)
    with pytest.raises(ValueError, match="too few bytes"):
        join_ready(tiny)


def test_half_packets_are_refused() -> None:
    with pytest.raises(ValueError, match="whole"):
        join_ready(b"\x47" * 187)
    with pytest.raises(ValueError, match="sync"):
        join_ready(bytes(188))
