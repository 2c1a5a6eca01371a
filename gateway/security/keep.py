"""What security remembers between runs: small texts in the sealed database, written behind.

Checks run on every request and must not wait for a disk; a change is put into memory at once and
reaches the database within a second, or before ``flush`` returns.
"""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Protocol, Self

from gateway.errors import GatewayError
from gateway.tasks import Tasks

_log = logging.getLogger(__name__)

WRITE_DELAY_S = 1.0


class Keep(Protocol):
    """The sealed key-value store; the library implements it."""

    async def keep_load(self, kind: str) -> dict[str, str]:
        """All entries of a kind."""
        ...

    async def keep_save(self, kind: str, key: str, value: str) -> None:
        """Add or replace one entry, on disk when it returns."""
        ...

    async def keep_delete(self, kind: str, key: str) -> None:
        """Remove one entry; a missing one is no error."""
        ...


class WriteBehind:
    """Changes of one kind on their way to the store; owned by the part whose records they are."""

    def __init__(self, keep: Keep, kind: str, *, delay_s: float = WRITE_DELAY_S) -> None:
        self._keep = keep
        self._kind = kind
        self._delay_s = delay_s
        self._changes: dict[str, str | None] = {}
        self._changed = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._tasks = Tasks(f"keep {kind}")

    async def load(self) -> dict[str, str]:
        """All entries as they are stored."""
        return await self._keep.keep_load(self._kind)

    def put(self, key: str, value: str) -> None:
        """Remember an entry."""
        self._changes[key] = value
        self._changed.set()

    def drop(self, key: str) -> None:
        """Forget an entry."""
        self._changes[key] = None
        self._changed.set()

    async def flush(self) -> None:
        """Write what is waiting; on disk when it returns."""
        async with self._flushing:
            self._changed.clear()
            while self._changes:
                key, value = next(iter(self._changes.items()))
                if value is None:
                    await self._keep.keep_delete(self._kind, key)
                else:
                    await self._keep.keep_save(self._kind, key, value)
                if self._changes.get(key, self) is value:
                    del self._changes[key]

    async def _write(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._delay_s)
            try:
                await self.flush()
            except GatewayError:
                # A full disk must not end admission: it stays in memory and is tried again.
                _log.exception("%s could not be saved", self._kind)
                self._changed.set()

    async def __aenter__(self) -> Self:
        self._writer = self._tasks.start("write", self._write())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.close()
        await self.flush()
