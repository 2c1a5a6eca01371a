"""Stored blocks on disk: cipher bytes only, bounded, gone oldest first, safe against a kill.

One file of equal slots. Each slot carries the name of its block and a checksum over both, so
whatever a kill, a full disk or another program leaves behind reads as "not here", never as a
block. No order of writes matters and nothing is ever synchronised. The cache may lose anything at
any time; it must never give a wrong block, and never fail its caller.

::

    offset  bytes  field                     slot n begins at n * SLOT_BYTES
         0      4  magic "VCB1"
         4      4  CRC-32 of everything behind this field
         8     16  place: digest of source, stored path, size and version
        24      8  block number
        32      8  count of writes when this was written (the order for a restart)
        40      4  length of the block
        44      …  the block
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import struct
import zlib
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from gateway.clock import Clock, SystemClock
from gateway.tasks import Tasks

_log = logging.getLogger(__name__)

_HEAD = struct.Struct("<4sI16sQQI")
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
_MAGIC = b"VCB1"
_CHECKED_FROM = 8
BLOCK_LIMIT_BYTES = 65552
"""Longest block that is kept: a full one of rclone crypt or age."""
SLOT_BYTES = _HEAD.size + BLOCK_LIMIT_BYTES
_WAITING_LIMIT_BYTES = 4 << 20
_PAUSE_AFTER_FAULT_S = 60.0

_Key: TypeAlias = tuple[bytes, int]


class BlockCache:
    """One cache file; one process uses it at a time. Owned and closed by ``app``."""

    def __init__(self, folder: Path, limit_bytes: int, clock: Clock | None = None) -> None:
        self._path = folder / "blocks"
        self._slot_limit = limit_bytes // SLOT_BYTES
        self._clock = clock or SystemClock()
        self._tasks = Tasks("block cache")
        self._fd = -1
        self._slots: OrderedDict[_Key, int] = OrderedDict()
        self._held: dict[bytes, set[int]] = {}
        self._used_slots = 0
        self._writes = 0
        self._waiting: OrderedDict[_Key, bytes] = OrderedDict()
        self._waiting_bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._quiet_until_s = 0.0

    async def open(self) -> None:
        """Find what an earlier run left; a folder that cannot be used means an empty cache."""
        try:
            await asyncio.to_thread(self._open)
        except OSError as error:
            _log.warning("the block cache is off: %s: %s", self._path, error.strerror)
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size_bytes = os.fstat(self._fd).st_size
        if size_bytes > self._slot_limit * SLOT_BYTES:
            os.ftruncate(self._fd, self._slot_limit * SLOT_BYTES)
        self._used_slots = min(-(-size_bytes // SLOT_BYTES), self._slot_limit)
        found: list[tuple[int, _Key, int]] = []
        for slot in range(self._used_slots):
            head = os.pread(self._fd, _HEAD.size, slot * SLOT_BYTES)
            if len(head) == _HEAD.size and head.startswith(_MAGIC):
                _, _, place, index, written, _ = _HEAD.unpack(head)
                found.append((written, (place, index), slot))
        for written, key, slot in sorted(found):
            self._slots.pop(key, None)
            self._slots[key] = slot
            self._held.setdefault(key[0], set()).add(key[1])
            self._writes = written + 1
        # Slots that no name points to (torn, or an older copy) are the first to be used again.
        for spare in set(range(self._used_slots)) - set(self._slots.values()):
            self._slots[(b"", -1 - spare)] = spare
            self._slots.move_to_end((b"", -1 - spare), last=False)

    @property
    def used_bytes(self) -> int:
        """Bytes the cache file may have."""
        return self._used_slots * SLOT_BYTES

    def next_held(self, place: bytes, start: int, stop: int) -> int:
        """Number of the first block of ``[start, stop)`` that is here, else ``stop``."""
        held = self._held.get(place)
        if not held:
            return stop
        if len(held) < stop - start:
            return min((index for index in held if start <= index < stop), default=stop)
        return next((index for index in range(start, stop) if index in held), stop)

    async def get(self, place: bytes, index: int) -> bytes | None:
        """One block as it was put, or None."""
        key = (place, index)
        if (waiting := self._waiting.get(key)) is not None:
            return waiting
        slot = self._slots.get(key)
        if slot is None or self._fd < 0:
            return None
        self._slots.move_to_end(key)
        data = self._read_now(slot)
        if data is None:
            data = await asyncio.to_thread(self._read, slot)
        block = _checked(key, data)
        if block is None and self._slots.get(key) == slot:
            self.forget(place, index)
        return block

    def put(self, place: bytes, index: int, block: bytes) -> None:
        """Keep a block some time later; dropped when the disk is slow or full."""
        key = (place, index)
        if (
            self._fd < 0
            or self._slot_limit == 0
            or len(block) > BLOCK_LIMIT_BYTES
            or key in self._slots
            or key in self._waiting
            or self._waiting_bytes + len(block) > _WAITING_LIMIT_BYTES
            or self._clock.monotonic_s() < self._quiet_until_s
        ):
            return
        self._waiting[key] = block
        self._waiting_bytes += len(block)
        if self._writer is None or self._writer.done():
            self._writer = self._tasks.start("write", self._write_waiting())

    def forget(self, place: bytes, index: int) -> None:
        """Drop a block that turned out to be damaged."""
        key = (place, index)
        if (waiting := self._waiting.pop(key, None)) is not None:
            self._waiting_bytes -= len(waiting)
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._drop_held(key)
            self._slots[(b"", -1 - slot)] = slot
            self._slots.move_to_end((b"", -1 - slot), last=False)

    async def flush(self) -> None:
        """Wait until everything put so far is written or dropped."""
        if self._writer is not None:
            await asyncio.shield(self._writer)

    async def close(self) -> None:
        """Write what waits and close the file; afterwards every ``get`` finds nothing."""
        if self._fd >= 0:
            await self.flush()
            await self._tasks.close()
            os.close(self._fd)
            self._fd = -1

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _read_now(self, slot: int) -> bytes | bytearray | None:
        """The slot if the page cache has it; never waits for the disk."""
        if not _NOWAIT:
            return None
        data = bytearray(SLOT_BYTES)
        try:
            got = os.preadv(self._fd, [data], slot * SLOT_BYTES, _NOWAIT)
        except OSError:
            return None
        # The last slot of the file may be short: then the length inside tells whether it is whole.
        at_end = slot == self._used_slots - 1
        return data if got == SLOT_BYTES or at_end else None

    def _read(self, slot: int) -> bytes:
        try:
            return os.pread(self._fd, SLOT_BYTES, slot * SLOT_BYTES)
        except OSError:
            return b""

    async def _write_waiting(self) -> None:
        while self._waiting:
            key, block = next(iter(self._waiting.items()))
            slot = self._claim_slot()
            fault = await asyncio.to_thread(self._write, key, block, slot)
            if fault is not None:
                self._slots[(b"", -1 - slot)] = slot
                self._slots.move_to_end((b"", -1 - slot), last=False)
                self._waiting.clear()
                self._waiting_bytes = 0
                self._quiet_until_s = self._clock.monotonic_s() + _PAUSE_AFTER_FAULT_S
                _log.warning("the block cache rests a minute: %s", fault)
                return
            if self._waiting.pop(key, None) is None:  # forgotten while it was written
                self._slots[(b"", -1 - slot)] = slot
                self._slots.move_to_end((b"", -1 - slot), last=False)
                continue
            self._waiting_bytes -= len(block)
            self._slots[key] = slot
            self._held.setdefault(key[0], set()).add(key[1])

    def _claim_slot(self) -> int:
        """A slot nobody finds any more: a spare or a new one, else the least recently used."""
        oldest = next(iter(self._slots), None)
        is_spare = oldest is not None and oldest[0] == b""
        if not is_spare and self._used_slots < self._slot_limit:
            self._used_slots += 1
            return self._used_slots - 1
        key, slot = self._slots.popitem(last=False)
        self._drop_held(key)
        return slot

    def _drop_held(self, key: _Key) -> None:
        held = self._held.get(key[0])
        if held is not None:
            held.discard(key[1])
            if not held:
                del self._held[key[0]]

    def _write(self, key: _Key, block: bytes, slot: int) -> str | None:
        """Write one slot; the reason when it failed."""
        self._writes += 1
        head = bytearray(_HEAD.pack(_MAGIC, 0, key[0], key[1], self._writes, len(block)))
        crc = zlib.crc32(block, zlib.crc32(memoryview(head)[_CHECKED_FROM:]))
        struct.pack_into("<I", head, 4, crc)
        try:
            written = os.pwritev(self._fd, [head, block], slot * SLOT_BYTES)
        except OSError as error:
            return error.strerror or "write failed"
        return None if written == len(head) + len(block) else "the disk is full"


def _checked(key: _Key, data: bytes | bytearray) -> bytes | None:
    """The block in a slot, if it is whole and the one that is meant."""
    if len(data) < _HEAD.size:
        return None
    magic, crc, place, index, _, length = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    if magic != _MAGIC or (place, index) != key or end > len(data):
        return None
    if zlib.crc32(memoryview(data)[_CHECKED_FROM:end]) != crc:
        return None
    return bytes(memoryview(data)[_HEAD.size : end])
