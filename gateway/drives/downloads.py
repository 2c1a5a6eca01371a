"""Running host reads, shared: who asks for a place that is on its way joins instead of asking anew.

A download is one ranged host read of consecutive whole blocks. It runs as a task of its own, so
that a reader who leaves never breaks it for the others; the last one to leave ends it. It stops
asking the host when its fastest reader is a window behind; a reader a window behind the fastest
is let go and opens a download of its own. So one download holds at most two windows.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager

from gateway.errors import GatewayError, HostDown, HostNonsense
from gateway.hosts.base import Host, Stored
from gateway.spans import Geometry, Span
from gateway.tasks import Tasks

_SMALLEST_WINDOW_BLOCKS = 2
_END_S = 0.1
"""Longest wait for the end of an answer whose last byte is here."""


class Download:
    """One host read of ``blocks`` of one file."""

    def __init__(
        self, item: Stored, geometry: Geometry, blocks: Span, window: Callable[[], int]
    ) -> None:
        self._item = item
        self._geometry = geometry
        self.blocks = blocks
        self._window = window
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._next = blocks.start
        self._places: dict[Ticket, int] = {}
        self._furthest = blocks.start
        self._failure: GatewayError | None = None
        self._ended = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still reads."""
        return bool(self._places)

    @property
    def has_all(self) -> bool:
        """Whether every block has arrived."""
        return self._next == self.blocks.stop

    def holds_soon(self, index: int) -> bool:
        """Whether joining gives block ``index`` now or within half a window."""
        if self._ended or not self.blocks.start <= index < self.blocks.stop:
            return False
        first = next(iter(self._kept), self._next)
        ahead = (index - self._next) * self._geometry.stored_block_bytes
        return first <= index and ahead <= self._window() // 2

    def enter(self, ticket: Ticket, index: int) -> None:
        """A reader begins at ``index``."""
        self._places[ticket] = index
        self._move(index)

    def leave(self, ticket: Ticket) -> None:
        """A reader is done or gone."""
        self._places.pop(ticket, None)
        self._drop_passed()

    async def take(self, ticket: Ticket, index: int) -> bytes | None:
        """Block ``index``; None when this download is over or has let the reader go.

        Raises:
            HostError: the host read failed before this block.
        """
        while index not in self._kept:
            if index < self._next:
                return None
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return None
            self._news.clear()
            await self._news.wait()
        block = self._kept[index]
        self._places[ticket] = index + 1
        self._move(index + 1)
        return block

    def _move(self, index: int) -> None:
        if index > self._furthest:
            self._furthest = index
            self._room.set()
        self._drop_passed()

    def _drop_passed(self) -> None:
        slowest = min(self._places.values(), default=self._next)
        most = 2 * max(1, self._window() // self._geometry.stored_block_bytes)
        while self._kept:
            first = next(iter(self._kept))
            if first >= slowest and len(self._kept) <= most:
                return
            del self._kept[first]

    async def run(self, host: Host) -> None:
        """Read until the end; only the task of this download calls it."""
        span = self._geometry.blocks_stored(self.blocks).clamp(self._item.size_bytes)
        cutter = _Cutter(self._geometry.stored_block_bytes, span)
        try:
            async with aclosing(host.read(self._item, span)) as pieces:
                async for piece in pieces:
                    for block in cutter.cut(piece):
                        self._keep(block)
                        if not self.has_all:
                            await self._wait_for_room()
            if not self.has_all:
                raise HostNonsense(f"fewer bytes of {self._item.name} than asked")
        except GatewayError as error:
            self._failure = error
        except asyncio.CancelledError:
            self._failure = HostDown("the source was closed")
            raise
        finally:
            self._ended = True
            self._news.set()

    def _keep(self, block: bytes) -> None:
        self._kept[self._next] = block
        self._next += 1
        self._drop_passed()
        self._news.set()

    async def _wait_for_room(self) -> None:
        block_bytes = self._geometry.stored_block_bytes
        while (self._next - self._furthest) * block_bytes >= self._window():
            self._room.clear()
            await self._room.wait()


class _Cutter:
    """Cuts pieces of any size into stored blocks; the last one ends with the span."""

    def __init__(self, block_bytes: int, span: Span) -> None:
        self._block_bytes = block_bytes
        self._left = span.length_bytes
        self._part = bytearray()

    def cut(self, piece: memoryview) -> Iterator[bytes]:
        """Whole blocks that end in this piece; the rest waits for the next."""
        while piece:
            missing = min(self._block_bytes, self._left) - len(self._part)
            if missing <= 0:
                raise HostNonsense("a host sent more bytes than asked")
            if len(piece) < missing:
                self._part += piece
                return
            if self._part:
                self._part += piece[:missing]
                block = bytes(self._part)
                self._part.clear()
            else:
                block = bytes(piece[:missing])
            piece = piece[missing:]
            self._left -= len(block)
            yield block


class Ticket:
    """One reader's part in a download; used by one task."""

    def __init__(self, download: Download, index: int) -> None:
        self._download = download
        self._index = index
        download.enter(self, index)

    async def take(self) -> bytes | None:
        """The next block; None means: ask ``Downloads`` anew."""
        block = await self._download.take(self, self._index)
        if block is not None:
            self._index += 1
        return block

    def leave(self) -> None:
        """Give up the place."""
        self._download.leave(self)


class Downloads:
    """All running host reads of one drive."""

    def __init__(self, host: Host, window_bytes: int, budget_bytes: int) -> None:
        self._host = host
        self._window_bytes = window_bytes
        self._budget_bytes = budget_bytes
        self._tasks = Tasks("downloads")
        self._running: dict[bytes, list[Download]] = {}
        self._count = 0
        self._closed = False

    @contextmanager
    def join(
        self, place: bytes, item: Stored, geometry: Geometry, blocks: Span
    ) -> Iterator[Ticket]:
        """Take part in a read that brings ``blocks.start`` soon, or start one for ``blocks``."""
        if self._closed:
            raise HostDown("the source was closed")
        running = self._running.setdefault(place, [])
        download = next((one for one in running if one.holds_soon(blocks.start)), None)
        if download is None:
            smallest = _SMALLEST_WINDOW_BLOCKS * geometry.stored_block_bytes
            download = Download(item, geometry, blocks, lambda: max(smallest, self._window()))
            running.append(download)
            self._count += 1
            download.task = self._tasks.start("read", download.run(self._host))
        ticket = Ticket(download, blocks.start)
        try:
            yield ticket
        finally:
            ticket.leave()
            if not download.is_wanted:
                self._end(place, download)

    def _window(self) -> int:
        """Read-ahead of each download: the budget is shared by all that run."""
        return min(self._window_bytes, self._budget_bytes // max(1, self._count))

    def _end(self, place: bytes, download: Download) -> None:
        running = self._running.get(place, [])
        if download in running:
            running.remove(download)
            self._count -= 1
        if not running:
            self._running.pop(place, None)
        if download.task is None or download.task.done():
            return
        if download.has_all:
            # Only the end of the answer is missing: taking it keeps the connection for the next.
            asyncio.get_running_loop().call_later(_END_S, download.task.cancel)
        else:
            download.task.cancel()

    async def close(self) -> None:
        """End every host read."""
        self._closed = True
        await self._tasks.close()
