"""A running gateway: every part made and started in floor order, stopped in reverse."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway import __version__
from gateway.app.source_book import SourceBook
from gateway.app.source_opener import SourceOpener
from gateway.bus import AddressesChanged, Bus
from gateway.clock import SystemClock
from gateway.config.data_folder import DataFolder
from gateway.config.settings import Settings
from gateway.config.sources import SourceSpec
from gateway.dlna.fragments import FragmentRenderer, features_of
from gateway.dlna.gena import deliver_through
from gateway.dlna.interfaces import InterfaceWatch
from gateway.dlna.routes import routes as dlna_routes
from gateway.dlna.server import DlnaServer, DlnaSettings, server_token
from gateway.drives.cache import BlockCache
from gateway.drives.drive import Drive
from gateway.errors import SettingsError, WrongKey
from gateway.library.library import Library
from gateway.mdns import Mdns, MdnsSettings
from gateway.outbound import Outbound
from gateway.playback.delivery import Delivery, LibraryIndexes
from gateway.playback.open import Opener
from gateway.playback.positions import Positions
from gateway.playback.screens import Screens
from gateway.scan.base import ScanSettings
from gateway.scan.scanner import Scanner
from gateway.security.devices import Devices
from gateway.security.grants import Grants
from gateway.security.host_check import HostCheck
from gateway.security.owner import (
    OwnerLink,
    new_local_secret,
    remove_running,
    write_running,
)
from gateway.security.pairing import PairingCodes
from gateway.tasks import Tasks
from gateway.web.loopback import LoopbackInput
from gateway.web.page_visits import SOURCE_WAYS
from gateway.web.parts import Parts, WebSettings
from gateway.web.server import Listener, build_app
from transcode.command import Encoding
from transcode.hls import Hls, HlsSettings
from transcode.profiles import load as load_profile
from transcode.stream import TsStream
from transcode.workers import Workers

_MIB = 1 << 20
_NEVER_S = 10.0 * 365 * 86400
_FIRST_LOOK_S = 1.5
"""How long the start waits for the sources before it says ``ready``."""


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What a start is given.

    Attributes:
        specs: the sources, in the order they were named.
        is_port_asked: a taken port is then an error instead of a reason to take the next.
    """

    settings: Settings
    data: DataFolder
    specs: tuple[SourceSpec, ...]
    secret_files: Mapping[str, Path] = field(default_factory=dict)
    is_port_asked: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, for the terminal that started it.

    Attributes:
        base_url: the first bound address, ``http://192.168.1.20:8420``.
        notices: what does not work and why, one sentence each.
        owner_url: a one-time address that makes its opener the owner; None when there is one.
        opened: ends when each source was tried, with what was wrong if none of them opens.
    """

    name: str
    base_url: str
    has_dlna: bool
    sources: SourceBook
    notices: Callable[[], tuple[str, ...]]
    owner_url: Callable[[], str | None]
    opened: asyncio.Task[WrongKey | None]


@asynccontextmanager
async def running_gateway(options: GatewayOptions) -> AsyncIterator[Gateway]:
    """A gateway that answers requests while the block runs.

    Raises:
        SettingsError: the folder or the port is taken, an address is not ours, the key is wrong.
        WrongKey: not one source could be opened.
    """
    async with AsyncExitStack() as stack:
        yield await _start(options, stack)


async def _start(options: GatewayOptions, stack: AsyncExitStack) -> Gateway:  # noqa: PLR0915 - the one list of constructors, in floor order
    settings, data = options.settings, options.data
    clock, bus = SystemClock(), Bus()
    stack.enter_context(data.locked())
    name = settings.text("server.name") or f"Vaultcast on {socket.gethostname().split('.')[0]}"
    server_header = server_token(__version__)

    watch = await stack.enter_async_context(
        InterfaceWatch(settings.texts("server.bind"), bus, clock)
    )
    outbound = await stack.enter_async_context(Outbound())
    library = await Library.open(
        data.library,
        await asyncio.to_thread(data.database_key),
        clock,
        bus,
        FragmentRenderer(),
    )
    stack.push_async_callback(library.close)
    cache = await stack.enter_async_context(
        BlockCache(data.cache, settings.number("cache.limit") * _MIB)
    )
    drives: dict[str, Drive] = {}

    grants = await stack.enter_async_context(Grants(library, clock))
    devices = await stack.enter_async_context(
        Devices(library, clock, bus, grants, is_open=settings.flag("server.open"))
    )

    inputs = await stack.enter_async_context(LoopbackInput())
    workers = await stack.enter_async_context(Workers())
    ffmpeg = settings.text("transcode.ffmpeg")
    encoding = Encoding(preset=settings.text("transcode.preset"))
    hls = await stack.enter_async_context(
        Hls(
            workers,
            inputs,
            LibraryIndexes(library),
            HlsSettings(
                program=ffmpeg,
                sessions=settings.number("transcode.sessions"),
                budget_bytes=settings.number("transcode.memory") * _MIB,
                encoding=encoding,
            ),
        )
    )

    opener = Opener(library, drives, clock)
    scanner = await stack.enter_async_context(
        Scanner(drives, library, workers, clock, _scan_settings(settings))
    )
    delivery = Delivery(
        library,
        opener,
        scanner.probe_now,
        hls,
        TsStream(ffmpeg, inputs, encoding),
        convert_height=settings.number("transcode.height"),
    )
    sources = SourceBook(
        library,
        SourceOpener(outbound, settings, cache),
        drives,
        scanner,
        opener,
        options.secret_files,
    )
    stack.push_async_callback(sources.close)

    host_check = HostCheck(watch.addresses)
    owner_link = OwnerLink(clock)
    local_secret = new_local_secret()
    dlna = DlnaServer(
        DlnaSettings(name, f"uuid:{data.instance}", __version__, server_header),
        shelf=library,
        devices=devices,
        grants=grants,
        deliver=deliver_through(outbound),
        interfaces=lambda: watch.current,
        http_port=lambda: listener.port,
        bus=bus,
        clock=clock,
    )
    has_dlna = settings.flag("server.dlna")
    app = build_app(
        Parts(
            settings=WebSettings(name, __version__, server_header),
            clock=clock,
            bus=bus,
            catalogue=library,
            opener=opener,
            delivery=delivery,
            positions=Positions(library, clock),
            sources=sources,
            devices=devices,
            grants=grants,
            codes=PairingCodes(clock),
            owner_link=owner_link,
            local_secret=local_secret,
            host_check=host_check,
            screens=Screens(clock),
            stream_screen=lambda _device: load_profile("generic_dlna"),
            features=features_of,
            addresses=lambda: listener.bases,
            extra_routes=tuple(dlna_routes(dlna)) if has_dlna else (),
        )
    )
    app[SOURCE_WAYS] = sources.way
    if not watch.addresses:
        raise SettingsError(
            ["this machine has no private address to serve on; name one with --bind ADDRESS"]
        )
    listener = Listener(app, watch.addresses, _asked_port(options))
    await stack.enter_async_context(listener)
    tasks = await stack.enter_async_context(Tasks("gateway"))
    following = tasks.start("addresses", _follow_addresses(bus, listener))
    stack.callback(following.cancel)

    write_running(data.path, listener.bases[0], local_secret)
    stack.callback(remove_running, data.path)
    opened = tasks.start("sources", _open_sources(sources, options.specs))
    await asyncio.wait({opened}, timeout=_FIRST_LOOK_S)
    if opened.done() and (wrong := opened.result()) is not None:
        raise wrong

    mdns = None
    if settings.flag("server.mdns"):
        mdns = await stack.enter_async_context(
            Mdns(
                MdnsSettings(name),
                http_port=lambda: listener.port,
                addresses=lambda: watch.addresses,
                bus=bus,
                on_name=host_check.set_local_name,
            )
        )
    if has_dlna:
        await stack.enter_async_context(dlna)

    def notices() -> tuple[str, ...]:
        said = dlna.failures if has_dlna else ()
        if settings.number("server.port") not in (0, listener.port):
            said += (f"port {settings.number('server.port')} is taken, using {listener.port}",)
        return said + ((mdns.failure,) if mdns is not None and mdns.failure else ())

    def owner_url() -> str | None:
        if devices.has_owner:
            return None
        return f"{listener.bases[0]}/remote#own.{owner_link.make()}"

    return Gateway(name, listener.bases[0], has_dlna, sources, notices, owner_url, opened)


def _asked_port(options: GatewayOptions) -> int | None:
    port = options.settings.number("server.port")
    return port if options.is_port_asked or port == 0 else None


def _scan_settings(settings: Settings) -> ScanSettings:
    minutes = settings.number("scan.interval")
    return ScanSettings(rescan_interval_s=minutes * 60.0 if minutes else _NEVER_S)


async def _open_sources(sources: SourceBook, specs: tuple[SourceSpec, ...]) -> WrongKey | None:
    try:
        await sources.start(specs)
    except WrongKey as wrong:
        return wrong
    return None


async def _follow_addresses(bus: Bus, listener: Listener) -> None:
    with bus.listen() as events:
        async for event in events:
            if isinstance(event, AddressesChanged):
                await listener.rebind(event.addresses)
