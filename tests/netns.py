"""Two network namespaces joined by a cable, with multicast: a house with a gateway and a player.

Used by counterpart tests (marker ``netns``); needs root and ``ip``. Names are unique and always
removed. Code of ours runs inside through ``enter``: in a thread that joined the namespace, since
sockets belong to the namespace of the thread that makes them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Namespace:
    """One side: its name, its address on the cable, the cable's interface."""

    name: str
    address: str
    link: str

    def command(self, *words: str) -> list[str]:
        """A command line that runs inside."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words: str, timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
        """Run a program inside and wait."""
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=timeout_s, check=False
        )

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """Move this thread inside while the block runs."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        inside = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _setns(inside)
            yield
        finally:
            _setns(home)
            os.close(inside)
            os.close(home)


def _setns(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def two_namespaces() -> Iterator[tuple[Namespace, Namespace]]:
    """A gateway's side (``10.77.0.1/24``) and a player's side (``10.77.0.2/24``)."""
    mark = secrets.token_hex(3)
    sides = (
        Namespace(f"vcg{mark}", "10.77.0.1", f"vcg{mark}e"),
        Namespace(f"vcp{mark}", "10.77.0.2", f"vcp{mark}e"),
    )
    made: list[Namespace] = []
    try:
        for side in sides:
            _ip("netns", "add", side.name)
            made.append(side)
        gateway, player = sides
        _ip(
            *("link", "add", gateway.link, "netns", gateway.name, "type", "veth"),
            *("peer", "name", player.link, "netns", player.name),
        )
        for side in sides:
            inside = ("-n", side.name)
            _ip(*inside, "link", "set", "lo", "up")
            _ip(*inside, "address", "add", f"{side.address}/24", "dev", side.link)
            _ip(*inside, "link", "set", side.link, "multicast", "on", "up")
            _ip(*inside, "route", "add", "224.0.0.0/4", "dev", side.link)
        yield gateway, player
    finally:
        for side in made:
            subprocess.run(["ip", "netns", "delete", side.name], check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
