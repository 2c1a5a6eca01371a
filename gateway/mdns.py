"""The gateway's ``_http._tcp`` service and its ``NAME.local`` address, on the interfaces in use.

Never fails a start: without multicast it says what is missing and the rest goes on.
Source: RFC 6762 (multicast DNS), RFC 6763, section 4.1 (service instance names).
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from zeroconf import Error, IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from gateway.bus import AddressesChanged, Bus
from gateway.tasks import Tasks

_log = logging.getLogger(__name__)

_SERVICE = "_http._tcp.local."
_MAX_LABEL_BYTES = 63
_MAX_RENAMES = 9
_CLOSE_S = 2.0


@dataclass(frozen=True, slots=True)
class MdnsSettings:
    """What is announced: the friendly name and the path a browser should open."""

    name: str
    path: str = "/"


def host_label(name: str) -> str:
    """A host name made of the friendly name: letters, digits and hyphens, never empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MAX_LABEL_BYTES].strip("-") or "vaultcast"


def instance_label(name: str) -> str:
    """A service instance name: any text without control characters, 63 bytes of UTF-8 at most."""
    shown = "".join(letter for letter in name if letter.isprintable()).replace(".", " ").strip()
    return (
        shown.encode("utf-8", "ignore")[:_MAX_LABEL_BYTES].decode("utf-8", "ignore") or "Vaultcast"
    )


class Mdns:
    """An async context; follows ``AddressesChanged``.

    ``local_name`` is the ``NAME.local`` in force (None while there is none); ``failure`` says why
    nothing is announced. ``on_name`` hears of every change of ``local_name``.
    """

    def __init__(
        self,
        settings: MdnsSettings,
        *,
        http_port: Callable[[], int],
        addresses: Callable[[], tuple[str, ...]],
        bus: Bus,
        on_name: Callable[[str | None], None] = lambda _name: None,
    ) -> None:
        self._settings = settings
        self._http_port = http_port
        self._addresses = addresses
        self._bus = bus
        self._on_name = on_name
        self._tasks = Tasks("mdns")
        self._zeroconf: AsyncZeroconf | None = None
        self.local_name: str | None = None
        self.failure: str | None = None

    async def refresh(self) -> None:
        """Announce on the current addresses, after taking leave of the former ones."""
        await self._leave()
        addresses = self._addresses()
        if not addresses:
            self.failure = "no address to announce on; pages are found once there is one"
            return
        self.failure = None
        try:
            zeroconf = AsyncZeroconf(interfaces=list(addresses), ip_version=IPVersion.V4Only)
        except (OSError, Error, RuntimeError) as fault:
            self._fail(fault)
            return
        self._zeroconf = zeroconf
        await self._register(zeroconf, addresses)

    async def _register(self, zeroconf: AsyncZeroconf, addresses: tuple[str, ...]) -> None:
        host = host_label(self._settings.name)
        for attempt in range(1, _MAX_RENAMES + 1):
            label = host if attempt == 1 else f"{host}-{attempt}"
            info = self._info(label, attempt, addresses)
            try:
                announced = await zeroconf.async_register_service(info)
                await announced
            except Error as fault:
                # The name is taken by another gateway of the house: take the next.
                _log.info("mDNS name %s is not free (%s)", label, type(fault).__name__)
                continue
            except OSError as fault:
                self._fail(fault)
                return
            self.local_name = f"{label}.local"
            self._on_name(self.local_name)
            return
        self._fail(OSError("every name is taken"))

    def _info(self, label: str, attempt: int, addresses: tuple[str, ...]) -> ServiceInfo:
        instance = instance_label(self._settings.name)
        if attempt > 1:
            instance = instance_label(f"{instance[:55]} ({attempt})")
        return ServiceInfo(
            _SERVICE,
            f"{instance}.{_SERVICE}",
            addresses=[socket.inet_aton(one) for one in addresses],
            port=self._http_port(),
            properties={"path": self._settings.path},
            server=f"{label}.local.",
        )

    def _fail(self, fault: Exception) -> None:
        self.failure = f"no mDNS ({fault}); open the gateway by its address"
        _log.warning("%s", self.failure)

    async def _leave(self) -> None:
        zeroconf, self._zeroconf = self._zeroconf, None
        if self.local_name is not None:
            self.local_name = None
            self._on_name(None)
        if zeroconf is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                await zeroconf.async_unregister_all_services()
        except (OSError, Error, TimeoutError) as fault:
            _log.debug("leaving mDNS: %s", fault)
        await zeroconf.async_close()

    async def _follow(self) -> None:
        with self._bus.listen() as events:
            async for event in events:
                if isinstance(event, AddressesChanged):
                    await self.refresh()

    async def _live(self) -> None:
        await self.refresh()
        await self._follow()

    async def __aenter__(self) -> Self:
        # Probing for the name takes a second: the gateway is ready without waiting for it.
        self._living = self._tasks.start("live", self._live())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.close()
        await self._leave()
