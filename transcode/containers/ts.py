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
from itertools import pairwise

PACKET_BYTES = 188
# 90 kHz stamp of film time 0 in our segments: leaves room for decoding times before it.
TS_ZERO = 126_000
_PAYLOAD_BYTES = 184
_NOBODY = b"\xff\xff"
_WITHOUT_FLAGS = bytes(byte & 0x1F for byte in range(256))
_PAYLOAD_FLAG = bytes(1 if byte & 0x10 else 0 for byte in range(256))


def join_ready(data: bytes) -> bytes:
    """Bring every PID of a segment to a multiple of 16 packets.

    The last packet of a table is repeated; the last packets of a stream are split into several
    smaller ones, padded with stuffing, as far as their payload goes.

    Args:
        data: whole packets of one mux, whose counters start at 0.

    Raises:
        ValueError: not whole packets, or a stream of fewer bytes than packets wanted.
    """
    if len(data) % PACKET_BYTES:
        raise ValueError("not whole transport packets")
    if data[::PACKET_BYTES].count(0x47) != len(data) // PACKET_BYTES:
        raise ValueError("no sync byte at the start of each packet")
    pids = _PidColumn(data)
    inserts: dict[int, list[bytes]] = {}
    for pid, count in pids.counts().items():
        missing = -count % 16
        if missing:
            inserts |= _grown(data, pids, pid, missing)
    return _spliced(data, inserts)


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


def _grown(data: bytes, pids: _PidColumn, pid: int, missing: int) -> dict[int, list[bytes]]:
    """By number, the packets of a PID to replace, with what stands for each: ``missing`` more."""
    # What is no picture or sound starts with no PES start code: a table.
    is_table = _payload(_packet(data, pids.first(pid)))[:3] != b"\x00\x00\x01"
    found: dict[int, list[bytes]] = {}
    left = missing
    for number in pids.backwards(pid):
        packet = _packet(data, number)
        more = left if is_table else min(left, _room(packet))
        left -= more
        moved = _counted(packet, left)
        if is_table:
            found[number] = [_counted(moved, step) for step in range(more + 1)]
        else:
            found[number] = _split(moved, more)
        if not left:
            return found
    raise ValueError("a stream with too few bytes to split")


def _counted(packet: bytes, step: int) -> bytes:
    """The packet with its counter moved on."""
    return packet[:3] + bytes((packet[3] & 0xF0 | (packet[3] + step) & 0x0F,)) + packet[4:]


def _room(packet: bytes) -> int:
    """How many more packets its payload can fill: a byte each, its PES head staying whole."""
    payload = _payload(packet)
    return max(0, len(payload) - _head_bytes(packet, payload))


def _head_bytes(packet: bytes, payload: bytes) -> int:
    return 9 + payload[8] if packet[1] & 0x40 and len(payload) > 8 else 1


def _split(packet: bytes, more: int) -> list[bytes]:
    """One packet as ``more`` further ones, the payload shared out, the rest stuffing."""
    if not more:
        return [packet]
    payload = _payload(packet)
    share = len(payload) // (more + 1)
    first = max(_head_bytes(packet, payload), share)
    share = (len(payload) - first) // more
    cuts = [0, *(first + step * share for step in range(more)), len(payload)]
    # A clock reference, where there is one, goes with the first.
    field = packet[5 : 5 + packet[4]] if packet[3] & 0x20 else b""
    found = []
    for step, (start, stop) in enumerate(pairwise(cuts)):
        second = packet[1] if step == 0 else packet[1] & ~0x40
        counter = (packet[3] + step) & 0x0F
        head = bytes((0x47, second, packet[2], packet[3] & 0xC0 | 0x30 | counter))
        length = _PAYLOAD_BYTES - 1 - (stop - start)
        told = ((field if step == 0 else b"") or b"\x00")[:length]
        stuffing = b"\xff" * (length - len(told))
        found.append(head + bytes((length,)) + told + stuffing + payload[start:stop])
    return found


def _spliced(data: bytes, inserts: dict[int, list[bytes]]) -> bytes:
    """The segment with packets replaced."""
    parts: list[bytes] = []
    done = 0
    for number in sorted(inserts):
        parts.append(data[done * PACKET_BYTES : number * PACKET_BYTES])
        parts += inserts[number]
        done = number + 1
    parts.append(data[done * PACKET_BYTES :])
    return b"".join(parts)
