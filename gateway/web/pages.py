"""The TV's pages: each handler asks the library, fills one record and prints it.

A TV nobody let in gets the lobby under every address. Nothing here changes anything but the list of
devices; playing, positions and commands go through the API.
"""

from __future__ import annotations

import time

from aiohttp import web

from gateway.errors import NotFound
from gateway.library.records import Item, Kind, Query, Sort
from gateway.web import phone_pages
from gateway.web.api.items import PROFILE, media_address
from gateway.web.asker import item_of
from gateway.web.page_lists import (
    RAIL_START,
    browse_rail,
    card_page,
    episode_rail,
    home_rails,
    queue_of,
)
from gateway.web.page_visits import (
    Visit,
    door_json,
    gateway_address,
    index_of,
    qr_svg,
    tv_page,
    visit_frame,
)
from gateway.web.page_words import chips as chips_of
from gateway.web.page_words import (
    codec_words,
    count_words,
    episode_words,
    facts_line,
    group_href,
    hundredths,
    length_words,
    time_words,
    way_of,
)
from gateway.web.parts import Parts
from tv_ui.pages import (
    Album,
    Browse,
    Button,
    Detail,
    EmptyHome,
    Folder,
    Home,
    Page,
    PhonePairing,
    Photo,
    Player,
    Row,
    Step,
    Tab,
    Tone,
    Trouble,
)
from tv_ui.render import card_data
from tv_ui.static_files import static_files
from tv_ui.tiles import noise_address, tile_address

_FOREVER = "public, max-age=31536000, immutable"
_FOLDER_ROWS = 60
_PHOTOS_LOOKED_THROUGH = 500
_NOISE = "waiting"
_LABELS = {
    "films": "Films",
    "series": "Series",
    "music": "Music",
    "photos": "Photos",
}
_SORTS = {
    "films": (("title", "By title"), ("added", "Newest first"), ("date", "By year")),
    "photos": (("date", "Latest first"), ("added", "Newest here"), ("path", "As stored")),
}
_EMPTY = {
    "films": "No film was found yet. Films lie one file or one folder each, as Title (Year).",
    "series": "No series was found yet. Episodes are known by S01E02 in their names.",
    "music": "No music was found yet. Albums are known by the tags inside the files.",
    "photos": "No photo was found yet.",
}


async def show_home(visit: Visit) -> Page:
    """Rails, or the ways to add a source."""
    rails = await home_rails(visit)
    frame = visit_frame(visit, "/tv")
    if any(not card.is_locked for rail in rails for card in rail.cards) or rails:
        return Home(frame, rails, noise_address(_NOISE))
    sources = await visit.parts.catalogue.sources()
    address = gateway_address(visit.request)
    title = "Nothing to play yet" if sources else "Add the first source"
    text = (
        "The gateway is looking through your files. They appear here one by one."
        if sources
        else "Start the gateway with a folder, an rclone remote or a WebDAV address; what lies"
        " encrypted there is decrypted here, on the way to this screen."
    )
    commands = (
        ()
        if sources
        else ("vaultcast serve /path/to/films", "vaultcast serve rclone:REMOTE", "vaultcast demo")
    )
    return EmptyHome(
        frame, title, text, commands, qr_svg(f"http://{address}/remote"), f"{address}/remote"
    )


async def show_browse(visit: Visit) -> Page:
    """The grid of one kind."""
    kind = visit.request.match_info["kind"]
    chosen = visit.request.query.get("sort", "")
    grid = await browse_rail(visit, kind, chosen, 0, 28)
    sorts = _SORTS.get(kind, ())
    current = chosen if any(chosen == key for key, _ in sorts) else (sorts[0][0] if sorts else "")
    pills = [Tab(f"All {grid.total:,}", f"/tv/{kind}", is_current=not sorts)]
    pills += [Tab(label, f"/tv/{kind}?sort={key}", key == current) for key, label in sorts]
    return Browse(
        visit_frame(visit, f"/tv/{kind}"),
        _LABELS[kind],
        f"{grid.total:,}",
        tuple(pills),
        grid,
        noise_address(_NOISE),
        _EMPTY[kind],
    )


async def show_folders(visit: Visit) -> Page:
    """A folder as it is stored, in pages."""
    catalogue, query = visit.parts.catalogue, visit.request.query
    key, start = query.get("key"), index_of(visit.request, "start")
    folders, folder_count = await catalogue.groups("folders", key, start, _FOLDER_ROWS)
    rows = [
        Row(one.title, group_href("folders", one.key), count_words(one.count, "entry", "entries"))
        for one in folders
    ]
    total = folder_count
    if key is not None:
        room = _FOLDER_ROWS - len(rows)
        page = await catalogue.list_items(
            Query(
                folder=key,
                sort=Sort.PATH,
                start=max(0, start - folder_count),
                count=max(1, room),
            )
        )
        total += page.total
        rows += [
            Row(one.title, visit.item_href(one), length_words(one.duration_s))
            for one in page.items[:room]
        ]
    title = query.get("title") or "Folders"
    more = start + _FOLDER_ROWS
    here = group_href("folders", key) + "&start=" if key is not None else "/tv/folders?start="
    return Folder(
        visit_frame(visit, "/tv/folders"),
        title,
        "" if key is not None else "As they lie with the host, names decrypted.",
        tuple(rows),
        "/tv" if key is None else "/tv/folders",
        newer=Button("Earlier entries", f"{here}{start - _FOLDER_ROWS}") if start else None,
        older=Button("Further entries", f"{here}{more}") if more < total else None,
        empty="" if rows else "Nothing lies here.",
    )


async def show_item(visit: Visit) -> Page:
    """A film or an episode."""
    item = await visit.parts.catalogue.item(item_of(visit.request))
    position = await visit.parts.positions.where(item.id, PROFILE)
    started = position is not None and position.position_s > 0
    play = f"/tv/play/{item.id}"
    buttons = [Button("Play", play, is_primary=True)]
    if position is not None and started:
        buttons = [
            Button(f"Resume {time_words(position.position_s)}", play, is_primary=True),
            Button("From the start", f"{play}?start=0"),
        ]
    if item.kind is not Kind.TRACK:
        buttons.append(Button("Sound and subtitles", f"{play}?tracks=1"))
    way = way_of(item, visit.maker.ways(item.source), visit.maker.screen, codec_words(item))
    return Detail(
        visit_frame(visit, "/tv/series" if item.kind is Kind.EPISODE else "/tv/films"),
        title=item.title,
        over=item.series or item.artist or "",
        facts=facts_line(item),
        chips=chips_of(item),
        text="" if item.album is None else item.album,
        way=way,
        backdrop=visit.maker.art(item),
        tile=tile_address(item.tile, f"item {item.id}"),
        progress=hundredths(position, item.duration_s),
        buttons=tuple(buttons),
        pills=(),
        rail=await episode_rail(visit, item),
        noise=noise_address(_NOISE),
        item=item.id,
    )


async def show_one_series(visit: Visit) -> Page:
    """A series: its seasons and their episodes."""
    key = visit.request.query.get("key", "")
    query = Query(kind=Kind.EPISODE, series=key, sort=Sort.EPISODE, count=500)
    page = await visit.parts.catalogue.list_items(query)
    if not page.items:
        raise NotFound(f"no series {key[:60]!r}")
    seasons = sorted({one.season for one in page.items if one.season is not None})
    wanted = index_of(visit.request, "season", seasons[0] if seasons else 0)
    first = page.items[0]
    shown = [one for one in page.items if one.season is None or one.season == wanted]
    href = group_href("one-series", key)
    return Detail(
        visit_frame(visit, "/tv/series"),
        title=first.series or first.title,
        over="Series",
        facts="   ".join(
            (
                count_words(len(seasons), "season", "seasons"),
                count_words(page.total, "episode", "episodes"),
            )
        ),
        chips=chips_of(first),
        text="",
        way=way_of(first, visit.maker.ways(first.source), visit.maker.screen),
        backdrop=visit.maker.art(first),
        tile=tile_address(first.tile, f"item {first.id}"),
        progress=None,
        buttons=(),
        pills=tuple(
            Tab(f"Season {one}" if one else "Specials", f"{href}&season={one}", one == wanted)
            for one in seasons
        ),
        rail=await episode_rail(visit, first, tuple(shown)),
        noise=noise_address(_NOISE),
    )


async def show_album(visit: Visit) -> Page:
    """An album and its tracks."""
    key = visit.request.query.get("key", "")
    query = Query(kind=Kind.TRACK, album=key, sort=Sort.ALBUM, count=500)
    tracks = (await visit.parts.catalogue.list_items(query)).items
    if not tracks:
        raise NotFound(f"no album {key[:60]!r}")
    first = tracks[0]
    rows = tuple(
        Row(
            one.title,
            f"/tv/play/{one.id}?start=0",
            time_words(one.duration_s) if one.duration_s else "",
            str(one.track_number or number),
        )
        for number, one in enumerate(tracks, 1)
    )
    length = length_words(sum(one.duration_s or 0 for one in tracks))
    count = count_words(len(tracks), "track", "tracks")
    return Album(
        visit_frame(visit, "/tv/music"),
        title=first.album or first.title,
        over=first.album_artist or first.artist or "",
        facts="   ".join(filter(None, (str(first.year or ""), count, length))),
        way=way_of(first, visit.maker.ways(first.source), visit.maker.screen, codec_words(first)),
        picture=visit.maker.art(first),
        tile=tile_address(first.tile, f"item {first.id}"),
        rows=rows,
        buttons=(Button("Play", rows[0].href, is_primary=True),),
    )


async def show_player(visit: Visit) -> Page:
    """The player of a film, an episode or a track."""
    request = visit.request
    item = await visit.parts.catalogue.item(item_of(request))
    is_sound = item.kind is Kind.TRACK
    way = way_of(item, visit.maker.ways(item.source), visit.maker.screen)[:-1]
    over = item.artist or "" if is_sound else item.series or ""
    if item.kind is Kind.EPISODE:
        over = "  ·  ".join(filter(None, (over, episode_words(item))))
    back = visit.item_href(item)
    if is_sound and item.album:
        back = group_href("album", item.album)
    return Player(
        visit_frame(visit, ""),
        item=item.id,
        title=item.title,
        over=over,
        is_sound=is_sound,
        start_s=_seconds(request),
        back_href=back,
        backdrop=visit.maker.art(item),
        tile=tile_address(item.tile, f"item {item.id}"),
        way=way,
        file=media_address(item, visit.maker.token),
        queue=await queue_of(visit, item),
        opens_panel="tracks" in request.query,
    )


async def show_photo(visit: Visit) -> Page:
    """A photo and its neighbours in the order of the photos' page."""
    request = visit.request
    item = await visit.parts.catalogue.item(item_of(request))
    sort = Sort.DATE
    at = index_of(request, "at", -1)
    before: Item | None = None
    after: Item | None = None
    total = 0
    start, count = (max(0, at - 1), 3) if at >= 0 else (0, _PHOTOS_LOOKED_THROUGH)
    if item.kind is Kind.PHOTO:
        page = await visit.parts.catalogue.list_items(
            Query(kind=Kind.PHOTO, sort=sort, descending=True, start=start, count=count)
        )
        near = {start + number: one for number, one in enumerate(page.items)}
        total = page.total
        at = next((place for place, one in near.items() if one.id == item.id), -1)
        before, after = near.get(at - 1), near.get(at + 1) if at >= 0 else None
    shows = item.mime in ("image/jpeg", "image/png", "image/gif", "image/webp")
    return Photo(
        visit_frame(visit, ""),
        title=item.title,
        facts=facts_line(item),
        picture=media_address(item, visit.maker.token) if shows else visit.maker.art(item),
        preview=visit.maker.art(item),
        tile=tile_address(item.tile, f"item {item.id}"),
        place=f"{at + 1:,} of {total:,}" if at >= 0 else "",
        back_href="/tv/photos",
        previous_href="" if before is None else f"/tv/photo/{before.id}?at={at - 1}",
        next_href="" if after is None else f"/tv/photo/{after.id}?at={at + 1}",
    )


async def show_locked(visit: Visit) -> Page:
    """A source that waits for its secret, or that is away."""
    name = visit.request.query.get("source", "")
    source = next((one for one in await visit.parts.catalogue.sources() if one.name == name), None)
    if source is None:
        raise NotFound(f"no source {name[:60]!r}")
    waits = count_words(source.item_count, "item waits", "items wait") if source.item_count else ""
    return Trouble(
        visit_frame(visit, ""),
        title=f"{name} is locked",
        text=f"{waits + ' as noise. ' if waits else ''}The passphrase is typed on the gateway,"
        " never on this TV, and is forgotten when you lock again.",
        way=(
            Step(name, "encrypted", Tone.BROKEN),
            Step("gateway", "no key yet", Tone.BROKEN),
            Step("this TV"),
        ),
        buttons=(Button("Not now", "/tv", is_primary=True),),
        remedy=f"Start the gateway with --secret-file {name}=FILE, or answer its question on the"
        " terminal.",
        code=f"locked · {name}" + (f" · {source.reason}" if source.reason else ""),
        mosaic=noise_address(name, 48, 27),
    )


async def show_phone(visit: Visit) -> Page:
    """The code that makes a phone the remote of this TV."""
    code = visit.parts.codes.offer(visit.device.id)
    address = gateway_address(visit.request)
    return PhonePairing(
        visit_frame(visit, "/tv/phone"),
        address=f"{address}/remote",
        code=code.digits,
        lasts_s=max(5, int(code.expires_s - visit.parts.clock.monotonic_s())),
        qr=qr_svg(f"http://{address}/remote#{code.digits}"),
    )


async def send_cards(request: web.Request) -> web.Response:
    """Further cards of a rail: the same the page itself holds, as JSON."""
    visit = Visit.of(request)
    start = index_of(request, "start")
    count = min(60, index_of(request, "count", RAIL_START))
    cards = await card_page(visit, request.query.get("rail", ""), start, count)
    return web.json_response({"cards": [card_data(one) for one in cards], "start": start})


async def send_door(request: web.Request) -> web.Response:
    """Whether the asking TV was let in, and how many phones are its remotes."""
    return web.json_response(door_json(request))


async def send_static(request: web.Request) -> web.Response:
    """A style sheet or script; under its own hash it may be kept for ever."""
    file = static_files().get(request.match_info["name"])
    if file is None:
        raise NotFound("no such file")
    is_same = file.mark == request.match_info["mark"]
    headers = {
        "Content-Type": file.content_type,
        "Cache-Control": _FOREVER if is_same else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=file.packed, headers=headers | {"Content-Encoding": "gzip"})
    return web.Response(body=file.content, headers=headers)


def trouble_page(visit: Visit, code: str, message: str, remedy: str) -> Page:
    """What went wrong, on the screen: the same sentence as the API's."""
    parts: Parts = visit.parts
    return Trouble(
        visit_frame(visit, ""),
        title=message[:1].upper() + message[1:],
        text=remedy,
        way=(
            Step("the source"),
            Step("gateway", code, Tone.BROKEN),
            Step("this TV", "well", Tone.PLAIN),
        ),
        buttons=(
            Button("Try now", str(visit.request.rel_url), is_primary=True),
            Button("Home", "/tv"),
        ),
        remedy="",
        code=f"{code} · {time.strftime('%H:%M:%S', time.localtime(parts.clock.wall_s()))}",
        mosaic=noise_address(code, 48, 27),
    )


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of the TV's and the phone's pages and of their files."""
    pages = (
        ("/tv", show_home),
        ("/tv/{kind:films|series|music|photos}", show_browse),
        ("/tv/folders", show_folders),
        ("/tv/one-series", show_one_series),
        ("/tv/album", show_album),
        (r"/tv/item/{item:\d+}", show_item),
        (r"/tv/play/{item:\d+}", show_player),
        (r"/tv/photo/{item:\d+}", show_photo),
        ("/tv/locked", show_locked),
        ("/tv/phone", show_phone),
    )
    return [
        *(web.get(path, tv_page(show, trouble_page)) for path, show in pages),
        *phone_pages.routes(),
        web.get("/tv/cards", send_cards),
        web.get("/tv/door", send_door),
        web.get("/static/{mark:[0-9a-f]{12}}/{name:[a-z]+/[a-z_]+[.](?:css|js|svg)}", send_static),
    ]


def _seconds(request: web.Request) -> float | None:
    text = request.query.get("start")
    try:
        return None if text is None else max(0.0, min(1e6, float(text)))
    except ValueError:
        return None
