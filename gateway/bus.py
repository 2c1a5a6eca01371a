"""Events from lower rooms to whoever listens above, in one loop, each listener with a bound.

An event is a frozen record of the room that puts it; the bus knows none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LibraryChanged:
    """Items came, went or changed; ``update_id`` is the new ``SystemUpdateID`` (UPnP, ui4)."""

    update_id: int
    containers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """A source's state moved (``ready``, ``scanning``, ``locked``, ``away``, ``quota``)."""

    source: str
    state: str


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """A device was seen, approved, revoked or forgotten; ``state`` is the new one."""

    device: str
    state: str


@dataclass(frozen=True, slots=True)
class AddressesChanged:
    """The machine's bound addresses moved; dotted IPv4 texts, first is the preferred one."""

    addresses: tuple[str, ...]


Event = LibraryChanged | SourceChanged | DeviceChanged | AddressesChanged


class Listener:
    """One listener's queue; the oldest event is dropped when it is full (states, not a log)."""

    def __init__(self, bound: int) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue(bound)

    def put(self, event: Event) -> None:
        """Add an event, dropping the oldest when full."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(event)

    async def get(self) -> Event:
        """Wait for the next event."""
        return await self._queue.get()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await self._queue.get()


class Bus:
    """The one bus of a gateway; ``put`` is called from the loop's thread only."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def put(self, event: Event) -> None:
        """Hand an event to every listener."""
        for listener in self._listeners:
            listener.put(event)

    @contextmanager
    def listen(self, bound: int = 256) -> Iterator[Listener]:
        """Listen until the block is left."""
        listener = Listener(bound)
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
