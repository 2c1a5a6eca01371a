from pathlib import Path

import pytest

from gateway.bus import AddressesChanged, Bus
from gateway.dlna.interfaces import (
    Interface,
    InterfaceWatch,
    choose,
    is_physical,
    parse_bind,
)
from gateway.errors import BadArgument
from tests.fakes.clock import FakeClock

LO = Interface("lo", 1, "127.0.0.1", 8)
LAN = Interface("eth0", 2, "192.168.1.5", 24)
AUTO = Interface("eth0", 2, "169.254.3.4", 16)
PUBLIC = Interface("eth1", 3, "8.8.4.4", 24)
VPN = Interface("wg0", 4, "10.8.0.2", 24)
ALL = (LO, AUTO, LAN, PUBLIC, VPN)


def real(name: str) -> bool:
    return name != "wg0"


@pytest.mark.parametrize(
    ("binds", "expected"),
    [
        ([], (LAN, AUTO)),
        (["127.0.0.1"], (LO,)),
        (["10.8.0.2", "192.168.1.5"], (VPN, LAN)),
        (["8.8.4.4"], (PUBLIC,)),
        (["192.168.9.9"], ()),
        (["0.0.0.0"], (LAN, PUBLIC, VPN, AUTO, LO)),
    ],
)
def test_addresses_are_chosen(binds: list[str], expected: tuple[Interface, ...]) -> None:
    assert choose(ALL, binds, real) == expected


def test_a_subnet_is_reached_and_others_are_not() -> None:
    assert LAN.reaches("192.168.1.77")
    assert not LAN.reaches("192.168.2.77")
    assert not LAN.reaches("fe80::1")
    assert LO.reaches("127.0.0.1")


@pytest.mark.parametrize("text", ["", "eth0", "300.1.1.1", "::1", "192.168.1.5/24"])
def test_a_bind_that_is_no_address_says_the_cure(text: str) -> None:
    with pytest.raises(BadArgument, match="IPv4 address"):
        parse_bind(text)
    assert parse_bind(" 127.0.0.1 ") == "127.0.0.1"


def device(root: Path, name: str, **files: str) -> None:
    folder = root / name
    folder.mkdir()
    content = {"type": "1\n", "flags": "0x1003\n", "operstate": "up\n"} | files
    for file, text in content.items():
        (folder / file).write_text(text)


def test_interfaces_of_the_house_are_told_from_tunnels_and_bridges(tmp_path: Path) -> None:
    device(tmp_path, "eth0")
    (tmp_path / "eth0" / "device").mkdir()
    device(tmp_path, "unplugged", operstate="down\n")
    device(tmp_path, "off", flags="0x1002\n")
    device(tmp_path, "tunnel", type="65534\n")
    device(tmp_path, "odd", operstate="unknown\n")
    for name, member in (("br0", "eth0"), ("br-4f2a", "veth1")):
        device(tmp_path, name)
        (tmp_path / name / "brif" / member).mkdir(parents=True)
    device(tmp_path, "docker0")
    expected = {
        "eth0": True,
        "eth0:1": True,
        "odd": True,
        "br0": True,
        "unplugged": False,
        "off": False,
        "tunnel": False,
        "br-4f2a": False,
        "docker0": False,
        "tailscale0": False,
        "not-listed": True,
    }
    assert {name: is_physical(name, tmp_path) for name in expected} == expected


async def test_changes_and_sleep_reach_the_bus() -> None:
    clock, bus = FakeClock(), Bus()
    wall = {"ahead": 0.0}
    clock.wall_s = lambda: clock.now_s + wall["ahead"]  # type: ignore[method-assign]
    found = [LAN]
    watch = InterfaceWatch([], bus, clock, find=lambda _binds: tuple(found), poll_s=3600)
    async with watch:
        with bus.listen() as events:
            assert watch.current == (LAN,)
            assert not await watch.look()
            found.append(AUTO)
            assert await watch.look()
            assert await events.get() == AddressesChanged(("192.168.1.5", "169.254.3.4"))
            wall["ahead"] = 3600.0
            assert await watch.look()
            assert await events.get() == AddressesChanged(("192.168.1.5", "169.254.3.4"))
            assert not await watch.look()
