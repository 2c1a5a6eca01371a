"""MPEG-TS packets: segments muxed one by one that join without a break. Pure.

Each packet of a PID carries a counter modulo 16 which a separate muxer starts anew at 0. Instead of
carrying counters from segment to segment (which holds only while they are asked in order), every
segment is brought to a multiple of 16 packets per PID: whatever follows, the counters join.

Source: ISO/IEC 13818-1 2.4.3.2 (continuity counter), 2.4.3.4 (adaptation field stuffing).
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Iterator

PACKET_BYTES = 188
# 90 kHz stamp of film time 0 in our segments: leaves room for decoding times before it.
TS_ZERO = 126_000
_PAYLOAD_BYTES = 184
_NOBODY = b"\xff\xff"
_WITHOUT_FLAGS = bytes(byte & 0x1F for byte in range(256))
_PAYLOAD_FLAG = bytes(1 if byte & 0x10 else 0 for byte in range(256))


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
    if data[::PACKET_BYTES].count(0x47) != len(data) // PACKET_BYTES:
        raise ValueError("no sync byte at the start of each packet")
    pids = _PidColumn(data)
    inserts: dict[int, list[bytes]] = {}
    recount: dict[int, int] = {}
    for pid, count in pids.counts().items():
        missing = -count % 16
        if missing:
            target, pieces, later = _grown(data, pids, pid, missing)
            inserts[target] = pieces
            recount.update(dict.fromkeys(later, missing))
    return _spliced(data, inserts, recount)


class _PidColumn:
    """The PID of every packet that carries payload, two bytes each, searched at C speed.

    A segment has some twenty thousand packets: a Python loop over them would take longer than
    all the rest of making it.
    """

    def __init__(self, data: bytes) -> None:
        column = bytearray(2 * (len(data) // PACKET_BYTES))
        column[0::2] = data[1::PACKET_BYTES].translate(_WITHOUT_FLAGS)
        column[1::2] = data[2::PACKET_BYTES]
        has_payload = data[3::PACKET_BYTES].translate(_PAYLOAD_FLAG)
        number = has_payload.find(0)
        while number >= 0:
            column[2 * number : 2 * number + 2] = _NOBODY
            number = has_payload.find(0, number + 1)
        self._column = bytes(column)

    def counts(self) -> dict[int, int]:
        """Packets by PID."""
        words = array("H", self._column)
        if sys.byteorder == "little":
            words.byteswap()
        return {pid: count for pid, count in Counter(words).items() if pid != 0xFFFF}

    def first(self, pid: int) -> int:
        """Number of the first packet of a PID."""
        at = self._column.find(pid.to_bytes(2, "big"))
        while at % 2:
            at = self._column.find(pid.to_bytes(2, "big"), at + 1)
        return at // 2

    def backwards(self, pid: int) -> Iterator[int]:
        """Numbers of its packets, from the last to the first."""
        word = pid.to_bytes(2, "big")
        at = self._column.rfind(word)
        while at >= 0:
            if at % 2 == 0:
                yield at // 2
            at = self._column.rfind(word, 0, at + 1)


def _packet(data: bytes, number: int) -> bytes:
    return data[number * PACKET_BYTES : (number + 1) * PACKET_BYTES]


def _payload(packet: bytes) -> bytes:
    return packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]


def _grown(
    data: bytes, pids: _PidColumn, pid: int, missing: int
) -> tuple[int, list[bytes], list[int]]:
    """The packet to replace, the ``missing + 1`` that stand for it, and those of its PID behind."""
    # What is no picture or sound starts with no PES start code: a table.
    is_table = _payload(_packet(data, pids.first(pid)))[:3] != b"\x00\x00\x01"
    later: list[int] = []
    for number in pids.backwards(pid):
        packet = _packet(data, number)
        if is_table:
            return number, [_counted(packet, step) for step in range(missing + 1)], later
        if packet[3] & 0x30 == 0x10:
            return number, _split(packet, missing + 1), later
        later.append(number)
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
