"""The bodies that are being sent now: who gets what, and how to cut it short.

A device's revocation, a locked source and the gateway's stop all end here: by resetting the
connection, so that no client takes a cut body for a whole one.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from gateway.clock import Clock
from gateway.security.grants import Grant, Grants


@dataclass(eq=False, slots=True)
class Stream:
    """One body on its way; ``sent_bytes`` is kept by whoever sends."""

    device: str
    purpose: str
    way: str
    item: int | None
    source: str | None
    started_s: float
    transport: asyncio.Transport | None
    sent_bytes: int = 0


class Streams:
    """All running bodies of one server."""

    def __init__(self, grants: Grants, clock: Clock) -> None:
        self._grants = grants
        self._clock = clock
        self._running: set[Stream] = set()

    @contextmanager
    def run(
        self,
        request: web.BaseRequest,
        grant: Grant,
        way: str,
        *,
        item: int | None = None,
        source: str | None = None,
    ) -> Iterator[Stream]:
        """Count a body as running while the block is in; ``way`` is direct, hls or stream."""
        transport = request.transport
        stream = Stream(
            grant.device, grant.purpose.value, way, item, source, self._clock.wall_s(), transport
        )
        self._running.add(stream)
        try:
            with self._grants.running(grant, lambda: reset(transport)):
                yield stream
        finally:
            self._running.discard(stream)

    def all(self) -> tuple[Stream, ...]:
        """What runs now, the oldest first."""
        return tuple(sorted(self._running, key=lambda one: one.started_s))

    def cut_source(self, source: str) -> int:
        """End the bodies that read a source (it is locked or removed); says how many."""
        return self._cut([one for one in self._running if one.source == source])

    def cut_all(self) -> int:
        """End every body: the gateway stops."""
        return self._cut(list(self._running))

    def _cut(self, streams: list[Stream]) -> int:
        for one in streams:
            reset(one.transport)
        return len(streams)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Close a connection so that the other side sees a failure, never an end.

    Without a linger time the kernel sends RST: a body that ends with its connection would
    otherwise look complete.
    """
    if not isinstance(transport, asyncio.WriteTransport) or transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
