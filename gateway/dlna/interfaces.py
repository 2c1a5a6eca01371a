"""Which of the machine's addresses the gateway speaks on, and word when they change.

Default: every private-range or link-local IPv4 address of a physical interface that has a link; no
VPN, no container bridge, no public address. Addresses the owner names are taken as they are.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import ifaddr

from gateway.bus import AddressesChanged, Bus
from gateway.clock import Clock
from gateway.errors import BadArgument
from gateway.tasks import Tasks

_log = logging.getLogger(__name__)

POLL_S = 2.0
"""How often addresses are looked at; changes must be followed within 5 s (needs.md, point 2)."""

SLEEP_S = 10.0
"""A wall clock this far ahead of the running one means that the machine slept."""

_ETHERNET = "1"
_IFF_UP = 1
_VIRTUAL = re.compile(
    r"(?:tun|tap|wg|ppp|tailscale|zt|utun|ipsec|nordlynx|proton|mullvad|vpn|docker|podman|cni|"
    r"flannel|cali|lxc|lxd|virbr|vnet|vmnet|vboxnet|dummy|ifb|bridge10\d)",
    re.IGNORECASE,
)
_ANY = "0.0.0.0"  # noqa: S104 - the owner's word for "every address", never a default


@dataclass(frozen=True, slots=True)
class Interface:
    """One IPv4 address of one interface; ``prefix`` is the network's length in bits."""

    name: str
    index: int
    address: str
    prefix: int

    @property
    def network(self) -> ipaddress.IPv4Network:
        """The subnet the address lies in."""
        return ipaddress.IPv4Network(f"{self.address}/{self.prefix}", strict=False)

    def reaches(self, address: str) -> bool:
        """Whether an address is on this subnet (on loopback: is loopback)."""
        try:
            return ipaddress.IPv4Address(address) in self.network
        except ValueError:
            return False


def parse_bind(text: str) -> str:
    """An address to bind to, as it was given.

    Raises:
        BadArgument: it is no IPv4 address.
    """
    try:
        return str(ipaddress.IPv4Address(text.strip()))
    except ValueError:
        raise BadArgument(
            f"cannot bind to {text[:60]!r}: give an IPv4 address of this machine, such as "
            "192.168.1.10 or 127.0.0.1"
        ) from None


def choose(
    found: Iterable[Interface], binds: Sequence[str], is_physical: Callable[[str], bool]
) -> tuple[Interface, ...]:
    """The addresses to use, in a stable order: ordinary private ones before link-local ones.

    Args:
        found: every address of the machine.
        binds: addresses named by the owner, or none for the default; ``0.0.0.0`` means all.
        is_physical: tells by interface name.
    """
    if _ANY in binds:
        return tuple(sorted(found, key=_rank))
    if binds:
        order = {address: place for place, address in enumerate(binds)}
        named = [one for one in found if one.address in order]
        return tuple(sorted(named, key=lambda one: order[one.address]))
    return tuple(
        sorted((one for one in found if _is_homely(one) and is_physical(one.name)), key=_rank)
    )


def _is_homely(interface: Interface) -> bool:
    address = ipaddress.IPv4Address(interface.address)
    return address.is_private and not address.is_loopback and not address.is_unspecified


def _rank(interface: Interface) -> tuple[bool, bool, int, str]:
    address = ipaddress.IPv4Address(interface.address)
    return (address.is_loopback, address.is_link_local, interface.index, interface.address)


def list_addresses() -> tuple[Interface, ...]:
    """Every IPv4 address of the machine, of interfaces up and down."""
    return tuple(
        Interface(str(adapter.name), adapter.index or 0, str(ip.ip), ip.network_prefix)
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if ip.is_IPv4
    )


def is_physical(name: str, root: Path = Path("/sys/class/net")) -> bool:
    """Whether a link of the house lies behind an interface, as far as the system tells.

    An Ethernet-like device counts when it is up and has a link; a bridge counts when one of its
    members is a real device. A container's own ``eth0`` (a veth end with an address) counts too.
    """
    name = name.partition(":")[0]
    if _VIRTUAL.match(name):
        return False
    folder = root / name
    if sys.platform != "linux" or not folder.is_dir():
        return True
    if _read(folder / "type") != _ETHERNET:
        return False
    if not int(_read(folder / "flags") or "0x1", 16) & _IFF_UP:
        return False
    if _read(folder / "operstate") in {"down", "lowerlayerdown", "notpresent"}:
        return False
    members = folder / "brif"
    if members.is_dir():
        return any((root / one.name / "device").exists() for one in members.iterdir())
    return True


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def find_interfaces(binds: Sequence[str]) -> tuple[Interface, ...]:
    """The addresses to use now; asks the system, so call it in a thread."""
    return choose(list_addresses(), binds, is_physical)


class InterfaceWatch:
    """Follows the addresses: ``current`` is always the latest, changes go on the bus.

    Also after the machine slept, so that the players that dropped us hear of us again.
    """

    def __init__(
        self,
        binds: Sequence[str],
        bus: Bus,
        clock: Clock,
        *,
        find: Callable[[Sequence[str]], tuple[Interface, ...]] = find_interfaces,
        poll_s: float = POLL_S,
    ) -> None:
        self._binds = tuple(binds)
        self._bus = bus
        self._clock = clock
        self._find = find
        self._poll_s = poll_s
        self._tasks = Tasks("interfaces")
        self._current: tuple[Interface, ...] = ()
        self._slept_s = 0.0

    @property
    def current(self) -> tuple[Interface, ...]:
        """The addresses in use, the preferred one first."""
        return self._current

    @property
    def addresses(self) -> tuple[str, ...]:
        """Their dotted texts."""
        return tuple(one.address for one in self._current)

    async def look(self) -> bool:
        """Look once; True when something changed (and was put on the bus)."""
        found = await asyncio.to_thread(self._find, self._binds)
        slept_s = self._clock.wall_s() - self._clock.monotonic_s()
        has_slept = slept_s - self._slept_s > SLEEP_S
        self._slept_s = slept_s
        if found == self._current and not has_slept:
            return False
        self._current = found
        _log.info("speaking on %s", ", ".join(self.addresses) or "no address")
        self._bus.put(AddressesChanged(self.addresses))
        return True

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self.look()
            except OSError as fault:
                _log.warning("cannot list the addresses of this machine: %s", fault)

    async def __aenter__(self) -> Self:
        self._slept_s = self._clock.wall_s() - self._clock.monotonic_s()
        self._current = await asyncio.to_thread(self._find, self._binds)
        self._following = self._tasks.start("follow", self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.close()
