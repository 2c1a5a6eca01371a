"""The phone's pages: the pad, a list to choose from, the devices and the vaults.

A phone nobody let in sees the first visit under every address and sends its six digits, or the
owner's secret, from there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlencode

from aiohttp import web

from gateway.library.records import Item, Kind, Query, Sort, SourceState
from gateway.security.devices import Device, DeviceKind, DeviceState, Role
from gateway.web.api.items import PROFILE
from gateway.web.asker import remember, welcome
from gateway.web.keys import PARTS
from gateway.web.page_visits import Visit, device_name, index_of, page_reply
from gateway.web.page_words import (
    card_caption,
    count_words,
    facts_line,
    hundredths,
    source_words,
)
from tv_ui.pages import (
    Button,
    DeviceLine,
    FirstVisit,
    Page,
    PhoneBrowse,
    PhoneDevices,
    PhoneEntry,
    PhoneFrame,
    PhoneVaults,
    Remote,
    Tab,
    VaultLine,
)
from tv_ui.tiles import tile_address

_ROWS = 40
_KINDS = (
    ("new", "New"),
    ("films", "Films"),
    ("series", "Series"),
    ("music", "Music"),
    ("photos", "Photos"),
)
_ROLES = {Role.OWNER: "owner", Role.REMOTE: "remote", Role.VIEWER: "may watch"}
_PLAYABLE = (Kind.FILM, Kind.EPISODE, Kind.TRACK)

Show = Callable[[Visit], Awaitable[Page]]


async def show_remote(visit: Visit) -> Page:
    """The pad."""
    art = f"/art/{visit.maker.token}/0.jpg?s=wide"
    return Remote(_frame(visit, "remote"), visit.device.target or "", art)


async def show_browse(visit: Visit) -> Page:
    """A list, or what a search found."""
    query, catalogue = visit.request.query, visit.parts.catalogue
    text = query.get("q", "").strip()[:200]
    kind = query.get("kind", "new")
    group = query.get("group", "")
    start = index_of(visit.request, "start")
    entries: tuple[PhoneEntry, ...]
    title = dict(_KINDS).get(kind, "New")
    if text:
        page = await catalogue.list_items(Query(text=text, start=start, count=_ROWS))
        entries, total, title = await _entries(visit, page.items), page.total, f"“{text}”"
    elif kind in ("series", "music") and not group:
        what = "series" if kind == "series" else "albums"
        groups, total = await catalogue.groups(what, None, start, _ROWS)
        words = ("season", "seasons") if kind == "series" else ("track", "tracks")
        entries = tuple(
            PhoneEntry(
                one.title,
                count_words(one.count, *words),
                "/remote/browse?" + urlencode({"kind": kind, "group": one.key}, quote_via=quote),
                tile_address(None, f"group {one.key}"),
                ""
                if one.sample_item is None
                else f"/art/{visit.maker.token}/{one.sample_item}.jpg?s=wide",
            )
            for one in groups
        )
    elif kind == "new":
        recent = (await catalogue.recently_added(200))[start:]
        total = start + len(recent)
        entries = await _entries(visit, tuple(recent[:_ROWS]))
    else:
        page = await catalogue.list_items(_query(kind, group, start))
        entries, total = await _entries(visit, page.items), page.total
    more = start + _ROWS
    fields = {"q": text, "kind": kind, "group": group}
    further = "/remote/browse?" + urlencode({**fields, "start": str(more)}, quote_via=quote)
    return PhoneBrowse(
        _frame(visit, "browse"),
        title,
        tuple(
            Tab(label, f"/remote/browse?kind={key}", key == kind and not text)
            for key, label in _KINDS
        ),
        kind,
        text,
        entries,
        Button("More", further) if more < total else None,
        "Nothing has these letters." if text else "Nothing here yet.",
    )


async def show_devices(visit: Visit) -> Page:
    """Who waits, who is in, who was shut out; others than the owner see themselves."""
    mine = visit.device
    shown = [
        one
        for one in visit.parts.devices.list()
        if mine.is_owner or one.id in (mine.id, mine.target)
    ]
    connected = {one.device for one in visit.parts.screens.list()}

    def lines(state: DeviceState) -> tuple[DeviceLine, ...]:
        return tuple(
            _device_line(one, mine, is_here=one.id in connected)
            for one in shown
            if one.state is state
        )

    return PhoneDevices(
        _frame(visit, "devices"),
        lines(DeviceState.WAITING) if mine.is_owner else (),
        lines(DeviceState.APPROVED),
        lines(DeviceState.REVOKED) if mine.is_owner else (),
    )


async def show_vaults(visit: Visit) -> Page:
    """Each source and its state."""
    sources = await visit.parts.catalogue.sources()
    return PhoneVaults(
        _frame(visit, "vaults"),
        tuple(
            VaultLine(
                one.name,
                one.state.value,
                source_words(one),
                f"Its passphrase is given on the gateway: --secret-file {one.name}=FILE, or at its"
                " terminal."
                if one.state is SourceState.LOCKED
                else count_words(one.item_count, "item", "items"),
            )
            for one in sources
        ),
    )


def phone_page(show: Show) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler for phones; who is not let in gets the first visit."""

    async def send(request: web.Request) -> web.Response:
        device, secret = welcome(request, DeviceKind.PHONE, device_name(request))
        if device.is_admitted and device.role is not Role.VIEWER:
            reply = page_reply(await show(Visit.of(request, device)))
        else:
            parts = request.app[PARTS]
            page = FirstVisit(parts.settings.name, device.number, parts.devices.has_owner)
            reply = page_reply(page)
        if secret is not None:
            remember(reply, secret)
        return reply

    return send


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of the phone's pages."""
    return [
        web.get("/remote", phone_page(show_remote)),
        web.get("/remote/browse", phone_page(show_browse)),
        web.get("/remote/devices", phone_page(show_devices)),
        web.get("/remote/vaults", phone_page(show_vaults)),
    ]


def _frame(visit: Visit, tab: str) -> PhoneFrame:
    waiting = 0
    if visit.device.is_owner:
        waiting = sum(one.state is DeviceState.WAITING for one in visit.parts.devices.list())
    return PhoneFrame(visit.parts.settings.name, tab, visit.device.is_owner, waiting)


def _query(kind: str, group: str, start: int) -> Query:
    if kind == "series":
        return Query(kind=Kind.EPISODE, series=group, sort=Sort.EPISODE, start=start, count=_ROWS)
    if kind == "music":
        return Query(kind=Kind.TRACK, album=group, sort=Sort.ALBUM, start=start, count=_ROWS)
    if kind == "photos":
        return Query(kind=Kind.PHOTO, sort=Sort.DATE, descending=True, start=start, count=_ROWS)
    return Query(kind=Kind.FILM, start=start, count=_ROWS)


async def _entries(visit: Visit, items: tuple[Item, ...]) -> tuple[PhoneEntry, ...]:
    return tuple([await _entry(visit, one) for one in items])


async def _entry(visit: Visit, item: Item) -> PhoneEntry:
    position = await visit.parts.positions.where(item.id, PROFILE)
    is_playable = item.kind in _PLAYABLE
    return PhoneEntry(
        card_caption(item),
        facts_line(item),
        f"/media/{visit.maker.token}/{item.id}",
        tile_address(item.tile, f"item {item.id}"),
        visit.maker.art(item, "wide"),
        item.id if is_playable else None,
        hundredths(position, item.duration_s),
    )


def _device_line(device: Device, mine: Device, *, is_here: bool) -> DeviceLine:
    said = [device.address, _ROLES[device.role]]
    if is_here:
        said.append("page open")
    if device.id == mine.id:
        said.insert(0, "this phone")
    return DeviceLine(
        device.id, device.name, ", ".join(said), device.number, is_this=device.id == mine.id
    )
