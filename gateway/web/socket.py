"""``/api/v1/socket``: states out, commands in. The protocol itself is ``playback.screens``.

A device that waits in the lobby gets one kind of frame, ``door``, and hears at once when it is let
in. Source: tv_browsers.md 8.2: ping every 20 s.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.bus import DeviceChanged, LibraryChanged, SourceChanged
from gateway.errors import BadArgument, NotFound, NotPaired
from gateway.playback.screens import FRAME_LIMIT_BYTES, PhoneSeat, Screens, TvSeat
from gateway.security.devices import Device, DeviceKind, DeviceState, Role
from gateway.tasks import Tasks
from gateway.web.asker import find_asker
from gateway.web.keys import PARTS
from gateway.web.parts import Parts

PING_S = 20.0
_OUTBOX_FRAMES = 128


class Outbox:
    """Frames on their way to one socket; one that does not read is closed, never waited for."""

    def __init__(self, tasks: Tasks, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._tasks = tasks
        self._frames: asyncio.Queue[str] = asyncio.Queue(_OUTBOX_FRAMES)

    def put(self, text: str) -> None:
        """Add a frame; a full outbox ends the connection."""
        try:
            self._frames.put_nowait(text)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """Close the socket from inside."""
        self._closing = self._tasks.start("close", self._socket.close(code=1008))

    async def run(self) -> None:
        """Send until cancelled or the socket is gone."""
        while not self._socket.closed:
            try:
                await self._socket.send_str(await self._frames.get())
            except ConnectionError:
                return


async def serve_socket(request: web.Request) -> web.StreamResponse:
    """One connected page. ``as=tv`` or ``as=phone`` tells a browser that is both."""
    parts = request.app[PARTS]
    device = find_asker(request)
    if device is None:
        raise NotPaired("open /tv or /remote first")
    side = _side(request, device)
    # aiohttp pings after this much silence and gives up half of it later without an answer.
    socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=FRAME_LIMIT_BYTES, compress=False)
    await socket.prepare(request)
    with request.app[SOCKETS].hold(socket):
        async with Tasks(f"socket {device.id}") as tasks:
            outbox = Outbox(tasks, socket)
            seat = _Seat(parts.screens, side, outbox)
            writer = tasks.start("write", outbox.run())
            watcher = tasks.start("watch", _watch(parts, device.id, seat, outbox))
            try:
                outbox.put(door_frame(device))
                seat.settle(device)
                async for message in socket:
                    if message.type is not WSMsgType.TEXT:
                        break
                    seat.take(message.data)
            finally:
                seat.leave()
                writer.cancel()
                watcher.cancel()
                # In here, as a set that goes dark says no goodbye: this handler is then cancelled.
                if side == "tv" and all(one.device != device.id for one in parts.screens.list()):
                    # No later page of this TV: what is converted for it has no reader left.
                    await parts.delivery.release(device.id)
    return socket


def _side(request: web.Request, device: Device) -> str:
    side = request.query.get("as") or ("tv" if device.kind is DeviceKind.TV else "phone")
    if side not in ("tv", "phone"):
        raise BadArgument("as is tv or phone")
    return side


async def _watch(parts: Parts, device_id: str, seat: _Seat, outbox: Outbox) -> None:
    """Tell the page what changes around it; end it when its device is shut out or forgotten."""
    with parts.bus.listen() as events:
        async for event in events:
            try:
                device = parts.devices.get(device_id)
            except NotFound:
                outbox.end()
                return
            if isinstance(event, DeviceChanged):
                if event.device == device_id:
                    outbox.put(door_frame(device))
                    if device.state is DeviceState.REVOKED:
                        seat.leave()
                        outbox.end()
                        return
                    seat.settle(device)
                elif device.is_owner:
                    outbox.put(_hint("devices"))
            elif device.is_admitted and isinstance(event, LibraryChanged):
                outbox.put(_hint("library"))
            elif device.is_admitted and isinstance(event, SourceChanged):
                outbox.put(_hint("sources"))


def door_frame(device: Device) -> str:
    """Where a device stands: its lobby shows the number, and turns to home when approved."""
    frame = {"t": "door", "state": device.state.value, "number": device.number}
    return json.dumps(frame | {"device": device.id, "role": device.role.value})


def _hint(kind: str) -> str:
    return json.dumps({"t": kind})


class _Seat:
    """The place of one socket among the screens; it has none while its device waits."""

    def __init__(self, screens: Screens, side: str, outbox: Outbox) -> None:
        self._screens = screens
        self._side = side
        self._outbox = outbox
        self._tv: TvSeat | None = None
        self._phone: PhoneSeat | None = None

    def settle(self, device: Device) -> None:
        """Take the place as soon as the device may; as another role it takes another."""
        if not device.is_admitted:
            return
        if self._side == "tv":
            if self._tv is None:
                self._tv = self._screens.join_tv(device.id, device.name, self._outbox.put)
        elif device.role in (Role.OWNER, Role.REMOTE):
            bound_to = device.target if device.role is Role.REMOTE else None
            if self._phone is None or self._phone.bound_to != bound_to:
                self.leave()
                self._phone = self._screens.join_phone(device.id, self._outbox.put, bound_to)

    def take(self, text: str) -> None:
        """Hand a frame in; from a device without a place it is dropped."""
        if self._tv is not None:
            self._screens.from_tv(self._tv, text)
        elif self._phone is not None:
            self._screens.from_phone(self._phone, text)

    def leave(self) -> None:
        """Give the place up."""
        if self._tv is not None:
            self._screens.leave_tv(self._tv)
            self._tv = None
        if self._phone is not None:
            self._screens.leave_phone(self._phone)
            self._phone = None


class Sockets:
    """The open sockets of one server, so that its stop can close them."""

    def __init__(self) -> None:
        self._open: set[web.WebSocketResponse] = set()

    @contextmanager
    def hold(self, socket: web.WebSocketResponse) -> Iterator[None]:
        """Count a socket as open while the block runs."""
        self._open.add(socket)
        try:
            yield
        finally:
            self._open.discard(socket)

    async def close_all(self) -> None:
        """Say goodbye to every page."""
        closings = (one.close(code=WSCloseCode.GOING_AWAY) for one in tuple(self._open))
        await asyncio.gather(*closings, return_exceptions=True)


SOCKETS: web.AppKey[Sockets] = web.AppKey("sockets", Sockets)


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    return [web.get("/api/v1/socket", serve_socket)]
