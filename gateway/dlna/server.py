"""The DLNA server as one part: SSDP, events and the routes, made of what ``app`` hands in."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gateway.bus import Bus, DeviceChanged, LibraryChanged
from gateway.clock import Clock
from gateway.dlna.connection_manager import ConnectionManager
from gateway.dlna.content_directory import ContentDirectory, Shelf
from gateway.dlna.gena import Deliver, Subscription, Subscriptions
from gateway.dlna.interfaces import Interface
from gateway.dlna.registrar import Registrar
from gateway.dlna.ssdp_server import SsdpServer, SsdpSettings
from gateway.dlna.visit import Family, Visit, is_of_the_house, player_name, recognise
from gateway.errors import NotFound, NotPaired
from gateway.security.devices import DeviceKind, Devices
from gateway.security.grants import Grants, Purpose
from gateway.security.keep import Keep
from gateway.tasks import Tasks
from gateway.upnp import description, gena, ssdp

ICONS = (
    description.Icon("large.png", "image/png", 120),
    description.Icon("small.png", "image/png", 48),
    description.Icon("large.jpg", "image/jpeg", 120),
    description.Icon("small.jpg", "image/jpeg", 48),
)
_KEEP = "dlna"
_NAMES_KEPT = 256


@dataclass(frozen=True, slots=True)
class DlnaSettings:
    """What players are told of the gateway.

    Attributes:
        name: the friendly name.
        udn: ``uuid:...``, the same for ever (``stable_udn``).
        version: of this program.
        server: the ``Server`` header, with ``DLNADOC/1.50`` and ``UPnP/1.0`` (``server_token``).
    """

    name: str
    udn: str
    version: str
    server: str


def server_token(version: str, system: str = "Linux/6") -> str:
    """The ``Server`` header of all UPnP answers. Source: dlna.md 1.3."""
    return f"{system} DLNADOC/1.50 UPnP/1.0 Vaultcast/{version}"


async def stable_udn(keep: Keep) -> str:
    """The device's name for ever: players key their caches by it. Made and kept once."""
    known = (await keep.keep_load(_KEEP)).get("udn")
    if known is None:
        known = f"uuid:{uuid.uuid4()}"
        await keep.keep_save(_KEEP, "udn", known)
    return known


class DlnaServer:
    """An async context; its ``routes()`` (of ``dlna/routes.py``) need not wait for it to start.

    ``http_port`` is asked when something is announced, after the HTTP server listens.
    """

    def __init__(
        self,
        settings: DlnaSettings,
        *,
        shelf: Shelf,
        devices: Devices,
        grants: Grants,
        deliver: Deliver,
        interfaces: Callable[[], tuple[Interface, ...]],
        http_port: Callable[[], int],
        bus: Bus,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.subscriptions = Subscriptions(deliver, clock)
        self._devices = devices
        self._grants = grants
        self._interfaces = interfaces
        self._bus = bus
        self._content = ContentDirectory(shelf, self._issue_token)
        self._services: dict[str, ContentDirectory | ConnectionManager | Registrar] = {
            description.CONTENT_DIRECTORY.key: self._content,
            description.CONNECTION_MANAGER.key: ConnectionManager(),
            description.REGISTRAR.key: Registrar(),
        }
        self._names: dict[str, str] = {}
        self._ssdp = SsdpServer(
            SsdpSettings(
                announced=ssdp.Announced(
                    settings.udn,
                    description.MEDIA_SERVER,
                    tuple(one.type for one in description.SERVICES),
                ),
                server=settings.server,
            ),
            http_port=http_port,
            interfaces=interfaces,
            bus=bus,
            clock=clock,
        )
        self._tasks = Tasks("dlna")
        self._stack = AsyncExitStack()

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence per interface without multicast."""
        return tuple(self._ssdp.failures.values())

    def describe(self) -> str:
        """The root device's description."""
        return description.render_description(
            description.Device(
                friendly_name=self.settings.name,
                udn=self.settings.udn,
                version=self.settings.version,
                services=description.SERVICES,
                icons=ICONS,
            )
        )

    def service(self, key: str) -> ContentDirectory | ConnectionManager | Registrar:
        """A service by its segment in addresses.

        Raises:
            NotFound: no such service.
        """
        if key not in self._services:
            raise NotFound(f"no service {key[:40]!r}")
        return self._services[key]

    def visit(self, headers: Mapping[str, str], peer: str, base: str) -> Visit:
        """Who asks; an unknown player begins to wait in the lobby.

        Raises:
            NotPaired: the peer is not on a network of this house at all.
        """
        self.refuse_strangers(peer)
        family = recognise(headers)
        name = self._name(headers, peer, family)
        return Visit(self._devices.see(DeviceKind.PLAYER, peer, name), family, base, peer)

    def refuse_strangers(self, peer: str) -> None:
        """Let only peers of this house speak UPnP.

        Raises:
            NotPaired: the peer is elsewhere.
        """
        if not is_of_the_house(peer, any(one.reaches(peer) for one in self._interfaces())):
            raise NotPaired("UPnP is spoken with this house's own network only")

    def begin_events(self, subscription: Subscription, visit: Visit) -> None:
        """Send the initial event of a subscription whose answer went out."""
        variables = self.service(subscription.service).variables(visit)
        self.subscriptions.begin(subscription, variables)

    def _issue_token(self, visit: Visit) -> str:
        return self._grants.issue(visit.device.id, Purpose.DLNA, visit.peer)

    def _name(self, headers: Mapping[str, str], peer: str, family: Family) -> str:
        # A player browses and fetches under several program names: the first good one stays.
        if peer not in self._names or "friendlyName.dlna.org" in headers:
            if len(self._names) >= _NAMES_KEPT:
                self._names.pop(next(iter(self._names)))
            self._names[peer] = player_name(headers, family)
        return self._names[peer]

    def _is_admitted(self, device_id: str) -> bool:
        try:
            return self._devices.get(device_id).is_admitted
        except NotFound:
            return False

    async def _follow(self) -> None:
        with self._bus.listen() as events:
            async for event in events:
                match event:
                    case LibraryChanged(update_id, containers):
                        self._tell(update_id, dict.fromkeys(containers, update_id))
                    case DeviceChanged(device):
                        self._tell_one(device)
                    case _:
                        pass

    def _tell(self, update_id: int, containers: Mapping[str, int]) -> None:
        self.subscriptions.change(
            description.CONTENT_DIRECTORY.key,
            {"SystemUpdateID": str(update_id)},
            containers,
            concerns=self._is_admitted,
        )

    def _tell_one(self, device: str) -> None:
        update_id = self._content.update_id_of(is_admitted=self._is_admitted(device))
        self.subscriptions.change(
            description.CONTENT_DIRECTORY.key,
            {"SystemUpdateID": str(update_id)},
            {"0": update_id},
            concerns=lambda one: one == device,
        )

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.subscriptions)
        await self._stack.enter_async_context(self._tasks)
        self._following = self._tasks.start("follow", self._follow())
        await self._stack.enter_async_context(self._ssdp)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


LEASE_TEXT = f"Second-{gena.LEASE_S}"
