"""The server as a whole: every route in one application, and the listener that binds it.

Stop, in this order and within five seconds: no new connections, sockets closed, streams cut, a
wait for what is left, cancellation. Source: aiohttp ``docs/web_advanced.rst``, graceful shutdown.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
import weakref
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Self

from aiohttp import web

from gateway.errors import SettingsError
from gateway.web import art, health, hls, media, pages, stream
from gateway.web import socket as page_socket
from gateway.web.api import house, items, openapi
from gateway.web.art import ART, ArtCache
from gateway.web.keys import PARTS, STREAMS
from gateway.web.middleware import GREETED, add_headers, guard
from gateway.web.parts import Parts
from gateway.web.socket import SOCKETS, Sockets
from gateway.web.streams import Streams

_log = logging.getLogger(__name__)

DEFAULT_PORT = 8420
PORTS_TRIED = 40
HEADER_WITHIN_S = 10.0
"""A connection that sent no whole request by then is closed. Source: dlna.md 13, point 9."""

_CONNECTIONS = 1024
_PHONE = re.compile(r"iPhone|iPad|Android(?!.*(?:TV|BRAVIA|AFT))|Mobile", re.IGNORECASE)
_TV = re.compile(
    r"SMART-TV|SmartTV|Tizen|Web0S|webOS|VIDAA|HbbTV|NetCast|BRAVIA|AFT[A-Z]|GoogleTV|Android TV"
    r"|PlayStation|Xbox|Viera",
    re.IGNORECASE,
)


def build_app(parts: Parts) -> web.Application:
    """The application with every address of the contract."""
    app = web.Application(middlewares=[guard], client_max_size=parts.settings.body_limit_bytes)
    app[PARTS] = parts
    app[STREAMS] = Streams(parts.grants, parts.clock)
    app[SOCKETS] = Sockets()
    app[GREETED] = weakref.WeakSet()
    app[ART] = ArtCache()
    for room in (media, hls, stream, art, health, items, house, openapi, page_socket, pages):
        app.add_routes(room.routes())
    app.add_routes(parts.extra_routes)
    app.router.add_get("/", send_front)
    app.on_response_prepare.append(add_headers)
    return app


async def send_front(request: web.Request) -> web.Response:
    """A phone goes to the remote, everything else to the TV pages."""
    agent = request.headers.get("User-Agent", "")
    is_phone = _PHONE.search(agent) is not None and _TV.search(agent) is None
    return web.Response(status=302, headers={"Location": "/remote" if is_phone else "/tv"})


class Listener:
    """The bound addresses of one application; an async context owned by ``app``.

    ``port`` None takes 8420 or the next that is free on every address, 0 any free one; a port
    asked for and taken is an error.
    """

    def __init__(self, app: web.Application, addresses: tuple[str, ...], port: int | None) -> None:
        self._app = app
        self._wanted = addresses
        self._asked_port = port
        self._port = 0
        self._servers: dict[str, asyncio.Server] = {}
        self._runner = web.AppRunner(
            app,
            handler_cancellation=True,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=75.0,
            shutdown_timeout=app[PARTS].settings.stop_within_s,
        )

    @property
    def port(self) -> int:
        """The bound port."""
        return self._port

    @property
    def bases(self) -> tuple[str, ...]:
        """Base addresses, the preferred first: ``http://192.168.1.20:8420``."""
        return tuple(
            f"http://{f'[{one}]' if ':' in one else one}:{self._port}" for one in self._servers
        )

    async def rebind(self, addresses: tuple[str, ...]) -> None:
        """The machine's addresses moved: listen on the new ones, leave those that are gone."""
        for address in [one for one in self._servers if one not in addresses]:
            self._servers.pop(address).close()
        for address in addresses:
            if address not in self._servers:
                try:
                    await self._serve(address, bind(address, self._port))
                except OSError as error:
                    _log.warning("cannot listen on %s:%d: %s", address, self._port, error)
        self._app[PARTS].host_check.set_addresses(self._servers)

    async def _serve(self, address: str, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._servers[address] = await loop.create_server(
            lambda: _Doorkeeper(self._runner, self._app), sock=bound, backlog=256
        )

    async def __aenter__(self) -> Self:
        sockets = bind_all(self._wanted, self._asked_port)
        self._port = sockets[0].getsockname()[1]
        await self._runner.setup()
        for address, bound in zip(self._wanted, sockets, strict=True):
            await self._serve(address, bound)
        self._app[PARTS].host_check.set_addresses(self._servers)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers.values():
            server.close()
        within_s = self._app[PARTS].settings.stop_within_s
        with suppress(TimeoutError):
            async with asyncio.timeout(min(1.0, within_s)):
                await self._app[SOCKETS].close_all()
        self._app[STREAMS].cut_all()
        await self._runner.cleanup()
        self._servers.clear()


class _Doorkeeper(asyncio.Protocol):
    """Sees a connection before the HTTP server does.

    Too many of one address are reset, one that asks nothing is closed.
    """

    def __init__(self, runner: web.AppRunner, app: web.Application) -> None:
        self._runner = runner
        self._app = app

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection on, or end it."""
        server = self._runner.server
        if server is None or not isinstance(transport, asyncio.Transport):
            transport.close()
            return
        address = transport.get_extra_info("peername")[0]
        others = [one.transport for one in server.connections]
        of_address = sum(
            1
            for one in others
            if one is not None and (one.get_extra_info("peername") or ("",))[0] == address
        )
        limit = self._app[PARTS].settings.connections_per_address
        if of_address >= limit or len(others) >= _CONNECTIONS:
            transport.abort()
            return
        handler = server()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        loop = asyncio.get_running_loop()
        loop.call_later(HEADER_WITHIN_S, self._check, weakref.ref(transport))

    def _check(self, reference: weakref.ref[asyncio.Transport]) -> None:
        transport = reference()
        if transport is not None and transport not in self._app[GREETED]:
            transport.abort()


def bind_all(addresses: tuple[str, ...], port: int | None) -> list[socket.socket]:
    """A socket per address, all on one port.

    Raises:
        SettingsError: the port asked for is taken, an address is not ours, or no port is free.
    """
    if not addresses:
        raise SettingsError(["no address to listen on; name one with --bind"])
    tries = [port] if port else [0] * 10
    if port is None:
        tries = list(range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED))
    for candidate in tries:
        bound: list[socket.socket] = []
        try:
            for address in addresses:
                used = bound[0].getsockname()[1] if bound else candidate
                bound.append(bind(address, used))
        except OSError as error:
            for one in bound:
                one.close()
            if error.errno != errno.EADDRINUSE:
                raise SettingsError([f"cannot listen on {addresses}: {error.strerror}"]) from error
        else:
            return bound
    if port:
        raise SettingsError([f"port {port} is taken; leave --port out or name another"])
    raise SettingsError([f"no free port from {tries[0]} to {tries[-1]}; name one with --port"])


def bind(address: str, port: int) -> socket.socket:
    """A bound socket, not yet listening."""
    is_six = ip_address(address.partition("%")[0]).version == 6
    bound = socket.socket(socket.AF_INET6 if is_six else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_six:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
        # Another gateway that is bound but idle would let bind pass under SO_REUSEADDR.
        bound.listen(256)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound
