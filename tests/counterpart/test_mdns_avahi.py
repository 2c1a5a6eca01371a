"""mDNS against Avahi in its own namespace: it sees the service, the name and the address."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.dlna_house import NAME
from tests.netns import Namespace, two_namespaces

pytestmark = [
    pytest.mark.netns,
    pytest.mark.needs("avahi-daemon", "avahi-browse", "dbus-daemon", "unshare"),
]

ROOT = Path(__file__).parents[2]

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow own="*"/><allow send_destination="*" eavesdrop="true"/>
<allow receive_sender="*"/><allow user="*"/></policy></busconfig>
"""

_AVAHI = """[server]
host-name=player
use-ipv4=yes
use-ipv6=no
enable-dbus=yes
allow-interfaces={link}
[publish]
disable-publishing=yes
"""

_DAEMONS = """mount -t tmpfs none /run && mkdir -p /run/avahi-daemon
dbus-daemon --config-file={folder}/bus.conf --nofork --nopidfile & bus=$!
while [ ! -S {folder}/bus ]; do sleep 0.05; done
avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {folder}/avahi.conf
kill $bus
"""


@contextlib.contextmanager
def avahi(player: Namespace, folder: Path) -> Iterator[dict[str, str]]:
    """Avahi with a message bus of its own; yields the environment its tools need."""
    (folder / "bus.conf").write_text(_BUS.format(folder=folder))
    (folder / "avahi.conf").write_text(_AVAHI.format(link=player.link))
    environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/bus"}
    daemons = subprocess.Popen(
        player.command(
            *("unshare", "-m", "--pid", "--fork", "--kill-child"),
            *("sh", "-c", _DAEMONS.format(folder=folder)),
        ),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield environment
    finally:
        daemons.kill()
        daemons.wait()


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
            while "vault-of-anna-bo" in _browse_once(player, environment):
                assert time.monotonic() < deadline, "the service is still announced"
        finally:
            house.kill()
            house.wait()


def _browse(player: Namespace, environment: dict[str, str]) -> str:
    deadline = time.monotonic() + 20
    while "vault-of-anna-bo" not in (seen := _browse_once(player, environment)):
        assert time.monotonic() < deadline, seen
    return seen


def _browse_once(player: Namespace, environment: dict[str, str]) -> str:
    found = subprocess.run(
        player.command("timeout", "5", "avahi-browse", "-rtp", "_http._tcp"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        time.sleep(0.2)
    return found.stdout + found.stderr
