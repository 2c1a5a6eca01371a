"""One visit of a page: who comes, what he may see, and the reply around the record."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import segno
from aiohttp import web

from gateway.errors import BadArgument, GatewayError, NotPaired
from gateway.library.records import Item, Kind
from gateway.security.devices import Device, DeviceKind, DeviceState, Role
from gateway.web.asker import find_asker, page_token, remember, welcome
from gateway.web.errors import error_json, row_of
from gateway.web.keys import PARTS
from gateway.web.page_words import CardMaker, SourceWay, SourceWays, screen_of
from gateway.web.parts import Parts
from transcode.errors import TranscodeError
from tv_ui.pages import Frame, Lobby, Page, Tab
from tv_ui.render import render
from tv_ui.tiles import noise_address

SOURCE_WAYS: web.AppKey[SourceWays] = web.AppKey("source_ways")
"""Set by ``app``: where a source's bytes lie, for the way under each title. Without it the way
names the source alone and claims nothing."""

_TABS = (
    ("Home", "/tv"),
    ("Films", "/tv/films"),
    ("Series", "/tv/series"),
    ("Music", "/tv/music"),
    ("Photos", "/tv/photos"),
    ("Folders", "/tv/folders"),
)
_TOOLS = (("Phone", "/tv/phone"),)
_MAKERS = (
    (re.compile(r"Tizen|SMART-TV|SamsungBrowser.*TV", re.I), "Samsung TV"),
    (re.compile(r"Web0S|webOS|NetCast", re.I), "LG TV"),
    (re.compile(r"VIDAA|Hisense", re.I), "Hisense TV"),
    (re.compile(r"BRAVIA", re.I), "Sony TV"),
    (re.compile(r"AFT[A-Z]|Silk", re.I), "Fire TV"),
    (re.compile(r"Xbox", re.I), "Xbox"),
    (re.compile(r"PlayStation", re.I), "PlayStation"),
    (re.compile(r"iPhone"), "iPhone"),
    (re.compile(r"iPad"), "iPad"),
    (re.compile(r"Android.*Mobile"), "Android phone"),
    (re.compile(r"Android", re.I), "Android TV"),
    (re.compile(r"Philips|NetTV", re.I), "Philips TV"),
    (re.compile(r"Firefox"), "Firefox"),
    (re.compile(r"Edg/"), "Edge"),
    (re.compile(r"Chrome/"), "Chrome"),
    (re.compile(r"Safari"), "Safari"),
)

Show = Callable[["Visit"], Awaitable[Page]]
Trouble = Callable[["Visit", str, str, str], Page]


@dataclass(frozen=True, slots=True)
class Visit:
    """A device that was let in asks for a page."""

    request: web.Request
    parts: Parts
    device: Device
    maker: CardMaker

    @classmethod
    def of(cls, request: web.Request, device: Device | None = None) -> Self:
        """The visit of a request.

        Raises:
            NotPaired: nobody we know, or one not let in.
        """
        asker = device or find_asker(request)
        if asker is None:
            raise NotPaired("this device has not been let in yet")
        screen = screen_of(request.headers.get("User-Agent", ""))
        maker = CardMaker(page_token(request, asker), screen, _ways(request))
        return cls(request, request.app[PARTS], asker, maker)

    def item_href(self, item: Item) -> str:
        """Where choosing an item leads."""
        if item.kind is Kind.PHOTO:
            return f"/tv/photo/{item.id}"
        return f"/tv/play/{item.id}?start=0" if item.kind is Kind.TRACK else f"/tv/item/{item.id}"


def _ways(request: web.Request) -> SourceWays:
    def unknown(_name: str) -> SourceWay | None:
        return None

    return request.app.get(SOURCE_WAYS, unknown)


def tv_page(show: Show, trouble: Trouble) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler that lets the known in, shows others the lobby, and errors as a screen."""

    async def send(request: web.Request) -> web.Response:
        kind = DeviceKind.TV
        device, secret = welcome(request, kind, device_name(request))
        if not device.is_admitted:
            reply = page_reply(lobby(request, device))
        else:
            visit = Visit.of(request, device)
            try:
                reply = page_reply(await show(visit))
            except (GatewayError, TranscodeError) as error:
                reply = trouble_reply(visit, error, trouble)
        if secret is not None:
            remember(reply, secret)
        return reply

    return send


def trouble_reply(visit: Visit, error: Exception, trouble: Trouble) -> web.Response:
    """One of our errors as a screen, with the status of the API's reply."""
    said = error_json(error)
    page = trouble(visit, str(said["code"]), str(said["message"]), str(said["remedy"]))
    return page_reply(page, row_of(type(error))[0])


def page_reply(page: Page, status: int = 200) -> web.Response:
    """A printed record; titles of sealed vaults are not to be kept by any browser."""
    return web.Response(
        status=status,
        text=render(page),
        content_type="text/html",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )


def visit_frame(visit: Visit, here: str) -> Frame:
    """Bar, name and server time; ``here`` is the address of the current tab."""
    return _frame(visit.parts, here, is_inside=True)


def lobby(request: web.Request, device: Device) -> Page:
    """What a TV sees that was not let in."""
    parts = request.app[PARTS]
    address = gateway_address(request)
    return Lobby(
        _frame(parts, "", is_inside=False),
        number=device.number,
        device=f"{device.name} · {device.address}",
        address=f"{address}/remote",
        qr=qr_svg(f"http://{address}/remote/devices"),
        mosaic=noise_address(device.id, 48, 27),
        is_refused=device.state is DeviceState.REVOKED,
    )


def door_json(request: web.Request) -> dict[str, object]:
    """Where the asking TV stands, and how many phones are its remotes."""
    device = find_asker(request)
    if device is None:
        raise NotPaired("open /tv first")
    everyone = request.app[PARTS].devices.list()
    remotes = [one for one in everyone if one.role is Role.REMOTE and one.target == device.id]
    return {"state": device.state.value, "number": device.number, "remotes": len(remotes)}


def gateway_address(request: web.Request) -> str:
    """The address the asking device itself used: it reaches us, a name may not."""
    return request.host


def device_name(request: web.Request) -> str:
    """What the owner reads in the list of devices."""
    agent = request.headers.get("User-Agent", "")
    return next((name for pattern, name in _MAKERS if pattern.search(agent)), "Browser")


def qr_svg(text: str) -> str:
    """A QR code as SVG of one path, quiet zone of four modules inside."""
    made = segno.make(text, error="m", micro=False)
    drawn: str = made.svg_inline(border=4, omitsize=True, svgclass=None, lineclass=None)
    return drawn


def index_of(request: web.Request, name: str, default: int = 0) -> int:
    """A whole number of the query.

    Raises:
        BadArgument: it is none.
    """
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadArgument(f"{name} is a whole number")
    return int(text)


def _frame(parts: Parts, here: str, *, is_inside: bool) -> Frame:
    now = time.localtime(parts.clock.wall_s())
    return Frame(
        name=parts.settings.name,
        clock=f"{now.tm_hour:02d}:{now.tm_min:02d}",
        clock_s=now.tm_hour * 3600 + now.tm_min * 60 + now.tm_sec,
        tabs=tuple(Tab(label, href, href == here) for label, href in _TABS) if is_inside else (),
        tools=tuple(Tab(label, href, href == here) for label, href in _TOOLS) if is_inside else (),
    )
