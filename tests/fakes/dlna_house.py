"""A gateway with nothing but DLNA and mDNS over a library in memory, as a program of its own.

``python -m tests.fakes.dlna_house [ADDRESS…]`` prints ``ready PORT`` and obeys lines on standard
input: ``approve`` (every waiting player), ``change`` (one item more), ``stop``.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

from gateway.bus import Bus, LibraryChanged
from gateway.clock import SystemClock
from gateway.dlna.gena import deliver_through
from gateway.dlna.interfaces import InterfaceWatch
from gateway.dlna.routes import routes
from gateway.dlna.server import DlnaServer, DlnaSettings, server_token, stable_udn
from gateway.mdns import Mdns, MdnsSettings
from gateway.outbound import Outbound
from gateway.security.devices import Devices
from gateway.security.grants import Grants
from tests.fakes.keep import MemoryKeep
from tests.fakes.shelf import FakeShelf, film

NAME = "Vault of Anna & Bo"


async def main(binds: list[str]) -> None:
    keep, bus, clock = MemoryKeep(), Bus(), SystemClock()
    shelf = FakeShelf([film(number, f"Secret {number:03d}") for number in range(1, 41)])
    udn = await stable_udn(keep)
    port = 0
    async with (
        Outbound() as outbound,
        Grants(keep, clock) as grants,
        Devices(keep, clock, bus, grants) as devices,
        InterfaceWatch(binds, bus, clock) as watch,
    ):
        server = DlnaServer(
            DlnaSettings(NAME, udn, "1.0", server_token("1.0")),
            shelf=shelf,
            devices=devices,
            grants=grants,
            deliver=deliver_through(outbound),
            interfaces=lambda: watch.current,
            http_port=lambda: port,
            bus=bus,
            clock=clock,
        )
        app = web.Application()
        app.add_routes(routes(server))
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "0.0.0.0", 0)
        await site.start()
        port = runner.addresses[0][1]
        mdns = Mdns(
            MdnsSettings(NAME), http_port=lambda: port, addresses=lambda: watch.addresses, bus=bus
        )
        async with server, mdns:
            print("ready", port, flush=True)
            for failure in server.failures:
                print(failure, file=sys.stderr, flush=True)
            while (line := await asyncio.to_thread(sys.stdin.readline)) not in {"stop\n", ""}:
                if line == "approve\n":
                    for device in devices.list():
                        await devices.approve(device.id)
                elif line == "change\n":
                    number = len(shelf.items) + 1
                    shelf.items.append(film(number, f"Secret {number:03d}"))
                    shelf.system_update_id += 1
                    bus.put(LibraryChanged(shelf.system_update_id, ("films",)))
                print("done", flush=True)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
