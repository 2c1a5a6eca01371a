"""Avahi in a namespace of its own, with a message bus of its own: what a neighbour hears."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.netns import Namespace

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


def browse_once(player: Namespace, environment: dict[str, str]) -> str:
    """The web services that Avahi knows now."""
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
