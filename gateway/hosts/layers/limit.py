"""A host with a bounded number of requests at once; who watches goes before who scans.

Two counts. Transfers for playback have their own, large one: a paused film holds its connection
and must not keep a listing waiting. Everything else (listings, facts of one entry, reads of the
prober and of prefetch) shares the small one, and waits there in the order of ``Priority``.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from contextvars import ContextVar
from enum import IntEnum

from gateway.errors import HostDown
from gateway.hosts.base import Entries, Host, Stored
from gateway.spans import Span

_LONGEST_WAIT_S = 60.0


class Priority(IntEnum):
    """Why a request is made; lower goes first."""

    PLAYBACK = 0
    PROBING = 1
    PREFETCH = 2


_priority: ContextVar[Priority] = ContextVar("priority", default=Priority.PLAYBACK)


@contextmanager
def at_priority(priority: Priority) -> Iterator[None]:
    """Give ``priority`` to every request started inside the block or by a task started there."""
    token = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(token)


class Slots:
    """``count`` places; who waits gets the next free one by priority, then by arrival."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    @asynccontextmanager
    async def take(self, priority: Priority) -> AsyncIterator[None]:
        """Hold one place.

        Raises:
            HostDown: none became free within a minute.
        """
        if self._free > 0:
            self._free -= 1
        else:
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (priority, next(self._arrivals), turn))
            try:
                async with asyncio.timeout(_LONGEST_WAIT_S):
                    await turn
            except TimeoutError as error:
                self._stop_waiting(turn)
                raise HostDown("too many requests to this host are running") from error
            except asyncio.CancelledError:
                self._stop_waiting(turn)
                raise
        try:
            yield
        finally:
            self._give_back()

    def _stop_waiting(self, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self._give_back()  # the place came in the moment we stopped waiting
        turn.cancel()

    def _give_back(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class LimitHost:
    """Wraps a host; put it inside the retry layer, so that waiting to retry holds no place."""

    def __init__(self, host: Host, *, background: int = 4, transfers: int = 128) -> None:
        self._host = host
        self._background = Slots(background)
        self._transfers = Slots(transfers)

    @property
    def label(self) -> str:
        """The wrapped host's."""
        return self._host.label

    async def list(self, folder: str) -> Entries:
        """The wrapped host's list."""
        async with self._background.take(_priority.get()):
            return await self._host.list(folder)

    async def stat(self, path: str) -> Stored:
        """The wrapped host's stat."""
        async with self._background.take(_priority.get()):
            return await self._host.stat(path)

    async def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        """The wrapped host's read; the place is held until its end."""
        priority = _priority.get()
        slots = self._transfers if priority is Priority.PLAYBACK else self._background
        async with (
            slots.take(priority),
            aclosing(self._host.read(item, span)) as pieces,
        ):
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Close the wrapped host."""
        await self._host.close()
