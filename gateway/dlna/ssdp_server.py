"""The SSDP server: announces the gateway on each interface and answers searches there.

Per subnet two sockets: one bound to the group, member on exactly that interface (no other
interface's traffic reaches it), and one bound to the address itself, from which everything is sent
and where unicast searches arrive.

=========  =============================================================================
a subnet   byebye (drops stale caches), alive twice, then alive before half of max-age
appears
goes       byebye, if the address still lets us
=========  =============================================================================

Source: UPnP Device Architecture 1.0, section 1; dlna.md 1 and 13.6 (amplification).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from secrets import SystemRandom
from types import TracebackType
from typing import Any, Self

from gateway.bus import AddressesChanged, Bus
from gateway.clock import Clock
from gateway.dlna.interfaces import Interface
from gateway.tasks import Tasks
from gateway.upnp import ssdp

_log = logging.getLogger(__name__)

MAX_AGE_S = 1800
TTL = 4
SEARCHES_PER_S = 10
"""Searches answered per source. Source: dlna.md 13.6."""

_FIRST_ANSWER_S = 0.1
_LAST_ANSWER_S = 1.0
_ANSWER_STEP_S = 0.01
_COPY_S = (0.1, 0.25)
_REPEAT = (0.35, 0.48)
_SOURCES_KEPT = 256
_ANSWERS_PENDING = 512
_IP_MULTICAST_ALL = 49  # of linux/in.h; the socket module has no name for it

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class SsdpSettings:
    """What is announced and where its description lies (``http://ADDRESS:PORT`` + path)."""

    announced: ssdp.Announced
    server: str
    description_path: str = "/upnp/description.xml"
    max_age_s: int = MAX_AGE_S
    port: int = ssdp.PORT


class RateLimit:
    """At most ``per_s`` searches a second from one source; strangers beyond a bound wait too."""

    def __init__(self, clock: Clock, per_s: int = SEARCHES_PER_S) -> None:
        self._clock = clock
        self._per_s = per_s
        self._seen: dict[str, tuple[float, int]] = {}

    def allows(self, source: str) -> bool:
        """Count one search and say whether it may be answered."""
        now = self._clock.monotonic_s()
        since, count = self._seen.get(source, (now, 0))
        if now - since >= 1.0:
            since, count = now, 0
        if source not in self._seen and len(self._seen) >= _SOURCES_KEPT:
            self._seen = {key: at for key, at in self._seen.items() if now - at[0] < 1.0}
            if len(self._seen) >= _SOURCES_KEPT:
                return False
        self._seen[source] = (since, count + 1)
        return count < self._per_s


def answer_delay_s(wait_s: int) -> float:
    """When to answer: at once without MX, else spread over its first half.

    Early enough for control points that listen little longer. Source: dlna.md 1.1.
    """
    if wait_s <= 0:
        return 0.0
    return _random.uniform(_FIRST_ANSWER_S, min(wait_s / 2, _LAST_ANSWER_S))


class _Subnet:
    """The sockets of one subnet."""

    def __init__(
        self, interface: Interface, settings: SsdpSettings, http_port: int, limit: RateLimit
    ) -> None:
        self.interface = interface
        self._settings = settings
        self._limit = limit
        self._location = f"http://{interface.address}:{http_port}{settings.description_path}"
        self._group: asyncio.DatagramTransport | None = None
        self._own: asyncio.DatagramTransport | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self.life: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Join the group.

        Raises:
            OSError: the interface cannot do multicast, or is gone.
        """
        loop = asyncio.get_running_loop()
        group = _group_socket(self.interface, self._settings.port)
        self._group, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self, is_multicast=True), sock=group
        )
        own = _own_socket(self.interface, self._settings.port)
        self._own, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self, is_multicast=False), sock=own
        )

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for transport in (self._group, self._own):
            if transport is not None:
                transport.close()
        self._group = self._own = None

    def hear(self, data: bytes, source: tuple[str, int], *, is_multicast: bool) -> None:
        """Answer a search, if it is one, comes from this subnet and not too often."""
        search = ssdp.parse_search(data, is_multicast=is_multicast)
        if search is None or not self.interface.reaches(source[0]):
            return
        targets = self._settings.announced.matching(search.target)
        if not targets or len(self._timers) > _ANSWERS_PENDING:
            return
        if not self._limit.allows(source[0]):
            return
        delay_s = answer_delay_s(search.wait_s)
        for place, target in enumerate(targets):
            self._later(delay_s + place * _ANSWER_STEP_S, target, source)

    def _later(self, delay_s: float, target: str, source: tuple[str, int]) -> None:
        def answer() -> None:
            self._timers.discard(timer)
            self.send(
                ssdp.render_answer(
                    self._settings.announced,
                    target,
                    location=self._location,
                    server=self._settings.server,
                    max_age_s=self._settings.max_age_s,
                    date=formatdate(usegmt=True),
                ),
                source,
            )

        timer = asyncio.get_running_loop().call_later(delay_s, answer)
        self._timers.add(timer)

    def send(self, data: bytes, target: tuple[str, int] | None = None) -> None:
        if self._own is not None and not self._own.is_closing():
            self._own.sendto(data, target or (ssdp.GROUP, self._settings.port))

    async def announce(self) -> None:
        """Alive of every target, spread a little: UDP loses bursts."""
        announced = self._settings.announced
        for target in announced.targets():
            self.send(
                ssdp.render_alive(
                    announced,
                    target,
                    location=self._location,
                    server=self._settings.server,
                    max_age_s=self._settings.max_age_s,
                )
            )
            await asyncio.sleep(_ANSWER_STEP_S)

    def leave(self) -> None:
        """Byebye of every target."""
        for target in self._settings.announced.targets():
            self.send(ssdp.render_byebye(self._settings.announced, target))

    async def live(self, *, is_new: bool) -> None:
        """Announce until cancelled; a new subnet first drops what it may know of us."""
        if is_new:
            self.leave()
            await asyncio.sleep(_random.uniform(*_COPY_S))
        await self.announce()
        while True:
            await asyncio.sleep(_random.uniform(*_COPY_S))
            await self.announce()
            await asyncio.sleep(self._settings.max_age_s * _random.uniform(*_REPEAT))
            await self.announce()


class _Ear(asyncio.DatagramProtocol):
    """Hands datagrams of one socket to its subnet."""

    def __init__(self, subnet: _Subnet, *, is_multicast: bool) -> None:
        self._subnet = subnet
        self._is_multicast = is_multicast

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._subnet.hear(data, (addr[0], addr[1]), is_multicast=self._is_multicast)

    def error_received(self, exc: Exception) -> None:
        _log.debug("ssdp on %s: %s", self._subnet.interface.address, exc)


class SsdpServer:
    """SSDP on all current interfaces; follows ``AddressesChanged``. An async context.

    ``interfaces`` is asked anew at each change; ``failures`` says which interfaces cannot do
    multicast and why (address to sentence), for ``/health`` and the terminal.
    """

    def __init__(
        self,
        settings: SsdpSettings,
        *,
        http_port: Callable[[], int],
        interfaces: Callable[[], tuple[Interface, ...]],
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._http_port = http_port
        self._interfaces = interfaces
        self._bus = bus
        self._limit = RateLimit(clock)
        self._tasks = Tasks("ssdp")
        self._subnets: dict[tuple[str, str], _Subnet] = {}
        self.failures: dict[str, str] = {}

    async def refresh(self) -> None:
        """Leave the subnets that are gone, enter new ones, announce again on those that stayed."""
        wanted: dict[tuple[str, str], Interface] = {}
        for interface in self._interfaces():
            wanted.setdefault((interface.name, str(interface.network)), interface)
        await self._leave(
            [key for key, living in self._subnets.items() if living.interface != wanted.get(key)]
        )
        self.failures = {}
        for key, interface in wanted.items():
            if key in self._subnets:
                self._announce(self._subnets[key], is_new=False)
                continue
            subnet = _Subnet(interface, self._settings, self._http_port(), self._limit)
            try:
                await subnet.open()
            except OSError as fault:
                subnet.close()
                self.failures[interface.address] = (
                    f"no multicast on {interface.name} ({interface.address}): {fault.strerror}; "
                    "players there find the gateway only by its address"
                )
                _log.warning("%s", self.failures[interface.address])
                continue
            self._subnets[key] = subnet
            self._announce(subnet, is_new=True)

    def _announce(self, subnet: _Subnet, *, is_new: bool) -> None:
        if subnet.life is not None:
            subnet.life.cancel()
        name = f"announce {subnet.interface.address}"
        subnet.life = self._tasks.start(name, subnet.live(is_new=is_new))

    async def _leave(self, keys: list[tuple[str, str]]) -> None:
        subnets = [self._subnets.pop(key) for key in keys]
        for subnet in subnets:
            if subnet.life is not None:
                subnet.life.cancel()
            subnet.leave()
        if subnets:
            await asyncio.sleep(_COPY_S[0])
        for subnet in subnets:
            subnet.leave()
            subnet.close()

    async def _follow(self) -> None:
        with self._bus.listen() as events:
            async for event in events:
                if isinstance(event, AddressesChanged):
                    await self.refresh()

    async def __aenter__(self) -> Self:
        await self.refresh()
        self._following = self._tasks.start("follow", self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.close()
        await self._leave(list(self._subnets))


def _group_socket(interface: Interface, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        _share(sock)
        sock.setblocking(False)
        sock.bind((ssdp.GROUP if sys.platform != "win32" else "", port))
        group, own = socket.inet_aton(ssdp.GROUP), socket.inet_aton(interface.address)
        if sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            request = struct.pack("=4s4si", group, own, interface.index)
        else:
            request = group + own
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    except OSError:
        sock.close()
        raise
    return sock


def _own_socket(interface: Interface, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        _share(sock)
        sock.setblocking(False)
        own = socket.inet_aton(interface.address)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, TTL)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        try:
            sock.bind((interface.address, port))
        except OSError:
            # Another program keeps the port to itself: only unicast searches are lost.
            sock.bind((interface.address, 0))
    except OSError:
        sock.close()
        raise
    return sock


def _share(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "darwin":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
