"""MPEG-TS packets: segments muxed one by one that join without a break. Pure.

Each packet of a PID carries a counter modulo 16 which a separate muxer starts anew at 0. Instead of
carrying counters from segment to segment (which holds only while they are asked in order), every
segment is brought to a multiple of 16 packets per PID: whatever follows, the counters join.

Source: ISO/IEC 13818-1 2.4.3.2 (continuity counter), 2.4.3.4 (adaptation field stuffing).
"""

from __future__ import annotations

from collections import defaultdict

PACKET_BYTES = 188
# 90 kHz stamp of film time 0 in our segments: leaves room for decoding times before it.
TS_ZERO = 126_000
_PAYLOAD_BYTES = 184


def join_ready(data: bytes) -> bytes:
    """Bring every PID of a segment to a multiple of 16 packets.

    The last packet of a table is repeated; the last plain packet of a stream is split into several
    smaller ones, padded with stuffing.

    Args:
        data: whole packets of one mux, whose counters start at 0.

    Raises:
        ValueError: not whole packets, or a stream without a packet to split.
    """
    if len(data) % PACKET_BYTES:
        raise ValueError("not whole transport packets")
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for number in range(len(data) // PACKET_BYTES):
        at = number * PACKET_BYTES
        if data[at] != 0x47:
            raise ValueError(f"no sync byte at packet {number}")
        if data[at + 3] & 0x10:
            numbers[(data[at + 1] & 0x1F) << 8 | data[at + 2]].append(number)
    inserts: dict[int, list[bytes]] = {}
    recount: dict[int, int] = {}
    tables = _tables(data, numbers)
    for pid, where in numbers.items():
        missing = -len(where) % 16
        if missing:
            target, pieces = _grown(data, where, missing, is_table=pid in tables)
            inserts[target] = pieces
            later = where[where.index(target) + 1 :]
            recount.update(dict.fromkeys(later, missing))
    return _spliced(data, inserts, recount)


def _tables(data: bytes, numbers: dict[int, list[int]]) -> set[int]:
    """PIDs that carry sections: what is no picture or sound starts with no PES start code."""
    found = set()
    for pid, where in numbers.items():
        starts = [number for number in where if data[number * PACKET_BYTES + 1] & 0x40]
        packet = _packet(data, (starts or where)[0])
        if _payload(packet)[:3] != b"\x00\x00\x01":
            found.add(pid)
    return found


def _packet(data: bytes, number: int) -> bytes:
    return data[number * PACKET_BYTES : (number + 1) * PACKET_BYTES]


def _payload(packet: bytes) -> bytes:
    return packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]


def _grown(
    data: bytes, where: list[int], missing: int, *, is_table: bool
) -> tuple[int, list[bytes]]:
    """The packet to replace, and the ``missing + 1`` packets that stand for it."""
    if is_table:
        packet = _packet(data, where[-1])
        return where[-1], [_counted(packet, step) for step in range(missing + 1)]
    for number in reversed(where):
        packet = _packet(data, number)
        if packet[3] & 0x30 == 0x10:
            return number, _split(packet, missing + 1)
    raise ValueError("a stream without a packet to split")


def _counted(packet: bytes, step: int) -> bytes:
    """The packet with its counter moved on."""
    return packet[:3] + bytes((packet[3] & 0xF0 | (packet[3] + step) & 0x0F,)) + packet[4:]


def _split(packet: bytes, pieces: int) -> list[bytes]:
    """One full packet as several, the payload shared out, the rest stuffing."""
    payload = packet[4:]
    share = _PAYLOAD_BYTES // pieces
    found = []
    for step in range(pieces):
        part = payload[step * share :] if step == pieces - 1 else payload[step * share :][:share]
        second = packet[1] if step == 0 else packet[1] & ~0x40
        counter = (packet[3] + step) & 0x0F
        stuffing = _PAYLOAD_BYTES - len(part)
        field = bytes((stuffing - 1,))
        if stuffing > 1:
            field += b"\x00" + b"\xff" * (stuffing - 2)
        head = bytes((0x47, second, packet[2], packet[3] & 0xC0 | 0x30 | counter))
        found.append(head + field + part)
    return found


def _spliced(data: bytes, inserts: dict[int, list[bytes]], recount: dict[int, int]) -> bytes:
    """The segment with packets replaced and the counters behind them moved on."""
    parts: list[bytes] = []
    done = 0
    for number in sorted({*inserts, *recount}):
        parts.append(data[done * PACKET_BYTES : number * PACKET_BYTES])
        parts += inserts.get(number) or [_counted(_packet(data, number), recount[number])]
        done = number + 1
    parts.append(data[done * PACKET_BYTES :])
    return b"".join(parts)
