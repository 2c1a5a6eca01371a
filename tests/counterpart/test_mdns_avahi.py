"""mDNS against Avahi in its own namespace: it sees the service, the name and the address."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.avahi import avahi, browse_once
from tests.fakes.dlna_house import NAME
from tests.netns import Namespace, two_namespaces

pytestmark = [
    pytest.mark.netns,
    pytest.mark.needs("avahi-daemon", "avahi-browse", "dbus-daemon", "unshare"),
]

ROOT = Path(__file__).parents[2]


def test_avahi_sees_the_service_its_name_and_its_address(tmp_path: Path) -> None:
    with two_namespaces() as (gateway, player), avahi(player, tmp_path) as environment:
        house = subprocess.Popen(
            gateway.command(sys.executable, "-m", "tests.fakes.dlna_house"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        try:
            assert house.stdout is not None
            port = house.stdout.readline().split()[1]
            seen = _browse(player, environment)
            assert "vault-of-anna-bo.local" in seen
            assert gateway.address in seen
            assert f";{port};" in seen
            assert '"path=/"' in seen
            assert all(one in seen for one in NAME.split()[:3])
            house.communicate("stop\n", timeout=10)
            deadline = time.monotonic() + 10
            while "vault-of-anna-bo" in browse_once(player, environment):
                assert time.monotonic() < deadline, "the service is still announced"
        finally:
            house.kill()
            house.wait()


def _browse(player: Namespace, environment: dict[str, str]) -> str:
    deadline = time.monotonic() + 20
    while "vault-of-anna-bo" not in (seen := browse_once(player, environment)):
        assert time.monotonic() < deadline, seen
    return seen
