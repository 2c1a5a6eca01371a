"""From an item to its opened reader, once for a run of range requests.

A TV opens a connection per seek; the stored file is looked up at the host only when the last
look is older than :data:`FRESH_S`, or when a read found the file changed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.drives.base import Reader
from gateway.drives.drive import Drive
from gateway.errors import Locked, NotFound
from gateway.library.library import Library
from gateway.library.records import Item

FRESH_S = 60.0
_HELD_READERS = 64


@dataclass(frozen=True, slots=True)
class Opened:
    """An item and the reader of its clear bytes.

    ``is_as_listed``: the file is still the one the library knows; else facts, index and identity
    are those of another content, and only the bytes themselves are right.
    """

    item: Item
    reader: Reader
    is_as_listed: bool = True


class Opener:
    """Opens items; owned by ``app``. ``drives`` is the live table of unlocked sources."""

    def __init__(self, library: Library, drives: Mapping[str, Drive], clock: Clock) -> None:
        self._library = library
        self._drives = drives
        self._clock = clock
        self._held: OrderedDict[int, tuple[float, Drive, Reader]] = OrderedDict()
        self._versions: dict[int, str] = {}
        self._opening: dict[int, asyncio.Lock] = {}

    async def open(self, item_id: int) -> Opened:
        """Open an item for reading.

        Raises:
            NotFound: no such item, or its file is gone.
            Locked: its source waits for its secret.
            HostError, VaultError: the file cannot be opened.
        """
        item = await self._library.item(item_id)
        drive = self._drives.get(item.source)
        if drive is None:
            raise Locked(f"the source {item.source} is locked")
        reader = self._fresh(item_id, drive)
        if reader is None:
            lock = self._opening.setdefault(item_id, asyncio.Lock())
            try:
                async with lock:
                    reader = self._fresh(item_id, drive)
                    if reader is None:
                        reader = await self._look(item_id, item.path, drive)
            finally:
                if not lock.locked():
                    self._opening.pop(item_id, None)
        return Opened(item, reader, self._versions.get(item_id) in (None, item.version))

    def forget(self, source: str | None = None) -> None:
        """Drop held readers, so that a locked source's keys are not kept by them."""
        if source is None:
            self._held.clear()
            return
        gone = self._drives.get(source)
        for item_id in [one for one, held in self._held.items() if held[1] is gone]:
            del self._held[item_id]

    def _fresh(self, item_id: int, drive: Drive) -> Reader | None:
        held = self._held.get(item_id)
        if held is None:
            return None
        opened_s, of_drive, reader = held
        is_old = self._clock.monotonic_s() - opened_s > FRESH_S
        if of_drive is not drive or is_old or reader.is_outdated:
            del self._held[item_id]
            return None
        return reader

    async def _look(self, item_id: int, path: str, drive: Drive) -> Reader:
        entry = await drive.stat(path)
        if entry.is_folder:
            raise NotFound(f"{path} is a folder now")
        reader = await drive.open(entry)
        self._versions[item_id] = entry.version
        self._held[item_id] = (self._clock.monotonic_s(), drive, reader)
        while len(self._held) > _HELD_READERS:
            dropped, _ = self._held.popitem(last=False)
            self._versions.pop(dropped, None)
        return reader
