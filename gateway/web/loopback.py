"""A listener of its own for the converter: 127.0.0.1, a random port, unguessable addresses.

It stands outside ``--bind`` and the lobby: only a child that was told the address can read, and
only while its conversion runs. Implements ``transcode.source.InputServer``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from gateway.web.errors import Known, error_reply
from gateway.web.media import asked
from gateway.web.ranges import Body, answer
from gateway.web.sending import generator, hold_little
from gateway.web.streams import reset
from transcode.source import ByteSource

_log = logging.getLogger(__name__)
_SUFFIX = re.compile(r"[A-Za-z0-9]{1,8}")


@dataclass(eq=False, slots=True)
class _Lent:
    source: ByteSource
    transports: set[asyncio.Transport]


class LoopbackInput:
    """The listener; an async context owned by ``app``."""

    def __init__(self) -> None:
        self._lent: dict[str, _Lent] = {}
        self._server = web.Server(self._serve, access_log=None, handler_cancellation=True)
        self._runner = web.ServerRunner(
            self._server, access_log=None, handle_signals=False, shutdown_timeout=1.0
        )
        self._port = 0

    @asynccontextmanager
    async def publish(self, source: ByteSource, suffix: str) -> AsyncIterator[str]:
        """An address for ``source`` while the block runs; readers are cut when it ends."""
        name = secrets.token_urlsafe(32)
        if _SUFFIX.fullmatch(suffix):
            name += f".{suffix}"
        lent = _Lent(source, set())
        self._lent[name] = lent
        try:
            yield f"http://127.0.0.1:{self._port}/{name}"
        finally:
            del self._lent[name]
            for transport in tuple(lent.transports):
                reset(transport)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        # A random name of 256 bits found in a dictionary: nothing to compare in constant time.
        lent = self._lent.get(request.path[1:])
        transport = request.transport
        if lent is None or transport is None or request.method not in ("GET", "HEAD"):
            return web.Response(status=404)
        lent.transports.add(transport)
        try:
            return await self._send(request, lent.source)
        except Known as error:
            return error_reply(error)
        finally:
            lent.transports.discard(transport)

    async def _send(self, request: web.BaseRequest, source: ByteSource) -> web.StreamResponse:
        body = Body(source.size_bytes, '"input"', "application/octet-stream")
        reply = answer(body, asked(request))
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_length = reply.length_bytes or 0
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        hold_little(request)
        try:
            for piece in reply.pieces:
                if isinstance(piece, bytes):
                    await response.write(piece)
                    continue
                pieces = source.read(piece.start, piece.stop)
                async with aclosing(generator(pieces)) as chunks:
                    async for chunk in chunks:
                        await response.write(chunk)
        except Known as error:
            _log.warning("converter input was cut: %s: %s", type(error).__name__, error)
            reset(request.transport)
        except ConnectionError:
            response.force_close()
        return response

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for lent in self._lent.values():
            for transport in tuple(lent.transports):
                reset(transport)
        await self._runner.cleanup()
