"""Items, groups, search, playback plans and positions."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote

from aiohttp import web

from gateway.errors import BadArgument
from gateway.library.records import Group, Item, Kind, Position, Query, Sort
from gateway.upnp.protocol_info import CONVERTED_MIME
from gateway.web.api.reading import query_choice, query_number, query_text, read_fields
from gateway.web.asker import item_of, page_token, require
from gateway.web.hls import copy_playlist, segment_starts
from gateway.web.keys import PARTS
from gateway.web.parts import Parts
from transcode.decision import Mode, Wishes
from transcode.errors import TranscodeError
from transcode.facts import MediaFacts
from transcode.screens import Screen, screen_from_json
from transcode.variant import Package, Variant

PROFILE = "home"
"""The one profile of the house: what a TV plays goes on, on the phone."""

_LARGEST_PAGE = 500
_GROUPS = ("series", "seasons", "albums", "folders", "sources")
_CODECS = re.compile(r'CODECS="([^"]+)"')


async def list_items(request: web.Request) -> web.Response:
    """A slice of a list, filtered and sorted."""
    token = page_token(request, require(request))
    season = query_number(request, "season", -1, 100_000) if "season" in request.query else None
    query = Query(
        kind=query_choice(request, "kind", Kind),
        source=query_text(request, "source"),
        series=query_text(request, "series"),
        season=season,
        album=query_text(request, "album"),
        folder=query_text(request, "folder"),
        text=query_text(request, "q"),
        sort=query_choice(request, "sort", Sort) or Sort.TITLE,
        descending=request.query.get("order") == "down",
        start=query_number(request, "start", 0, 10_000_000),
        count=query_number(request, "count", 100, _LARGEST_PAGE),
    )
    page = await request.app[PARTS].catalogue.list_items(query)
    return web.json_response(
        {
            "items": [item_json(one, token) for one in page.items],
            "total": page.total,
            "start": page.start,
        }
    )


async def search(request: web.Request) -> web.Response:
    """Items whose title holds the words."""
    token = page_token(request, require(request))
    text = query_text(request, "q")
    if not text or not text.strip():
        raise BadArgument("q is missing: the words to look for")
    query = Query(
        text=text.strip(),
        start=query_number(request, "start", 0, 10_000_000),
        count=query_number(request, "count", 50, _LARGEST_PAGE),
    )
    page = await request.app[PARTS].catalogue.list_items(query)
    items = [item_json(one, token) for one in page.items]
    return web.json_response({"items": items, "total": page.total, "start": page.start})


async def list_groups(request: web.Request) -> web.Response:
    """Series, seasons, albums, folders or sources."""
    token = page_token(request, require(request))
    what = request.match_info["what"]
    if what not in _GROUPS:
        raise BadArgument(f"no groups {what[:20]!r}; there are {', '.join(_GROUPS)}")
    start = query_number(request, "start", 0, 10_000_000)
    groups, total = await request.app[PARTS].catalogue.groups(
        what,
        query_text(request, "parent"),
        start,
        query_number(request, "count", 100, _LARGEST_PAGE),
    )
    shown = [group_json(one, token) for one in groups]
    return web.json_response({"groups": shown, "total": total, "start": start})


async def show_home(request: web.Request) -> web.Response:
    """What the first page shows: begun items and new ones."""
    token = page_token(request, require(request))
    catalogue = request.app[PARTS].catalogue
    begun = await catalogue.continue_watching(PROFILE, 20)
    recent = await catalogue.recently_added(40)
    counts = await catalogue.counts()
    return web.json_response(
        {
            "continue": [item_json(item, token, position) for item, position in begun],
            "recent": [item_json(one, token) for one in recent],
            "counts": {kind.value: number for kind, number in counts.items()},
        }
    )


async def show_item(request: web.Request) -> web.Response:
    """One item with its position."""
    token = page_token(request, require(request))
    parts, item_id = request.app[PARTS], item_of(request)
    item = await parts.catalogue.item(item_id)
    position = await parts.positions.where(item_id, PROFILE)
    return web.json_response(item_json(item, token, position))


async def show_position(request: web.Request) -> web.Response:
    """Where the house stands in an item."""
    require(request)
    parts, item_id = request.app[PARTS], item_of(request)
    await parts.catalogue.item(item_id)
    position = await parts.positions.where(item_id, PROFILE)
    return web.json_response(_position_json(position))


async def take_position(request: web.Request) -> web.Response:
    """Take down where a screen stands."""
    require(request)
    parts, item_id = request.app[PARTS], item_of(request)
    fields = await read_fields(request)
    await parts.catalogue.item(item_id)
    await parts.positions.report(
        item_id, PROFILE, fields.number("position_s"), fields.optional_number("duration_s")
    )
    return web.json_response(_position_json(await parts.positions.where(item_id, PROFILE)))


async def make_plan(request: web.Request) -> web.Response:
    """How an item goes to the asking screen: the way, its reasons, and every address needed."""
    token = page_token(request, require(request))
    parts, item_id = request.app[PARTS], item_of(request)
    fields = await read_fields(request)
    wishes = Wishes(
        audio=fields.whole("audio"),
        language=fields.optional_text("language", 20),
        subtitle=fields.whole("subtitle"),
        max_height=fields.whole("max_height"),
        at_least=fields.choice("at_least", Mode) or Mode.DIRECT,
    )
    item = await parts.catalogue.item(item_id)
    plan = await parts.delivery.plan(item_id, _screen(fields.raw.get("screen")), wishes)
    facts = (await parts.delivery.media(item_id)).facts
    position = await parts.positions.where(item_id, PROFILE)
    out: dict[str, object] = {
        "mode": plan.mode.value,
        "sentence": plan.sentence,
        "reasons": [{"code": one.code, "text": one.text()} for one in plan.reasons],
        "duration_s": facts.duration_s,
        "position_s": position.position_s if position else 0.0,
        "chapters": [{"start_s": one.start_s, "title": one.title} for one in facts.chapters],
        "audio": _audio_json(facts),
    }
    if plan.direct:
        out |= {"url": media_address(item, token), "mime": plan.direct_mime, "package": None}
    elif plan.variant is None:
        stream = f"/stream/{token}/{item_id}.ts"
        out |= {"url": stream, "mime": CONVERTED_MIME, "package": None}
    else:
        playlist = await parts.delivery.playlist(item_id, plan.variant)
        master = await parts.delivery.master(item_id, plan.variant)
        out |= _segments_json(plan.variant, token, item_id, playlist, master)
    out["subtitles"] = await _subtitles_json(parts, facts, token, item_id)
    return web.json_response(out)


def _screen(raw: object) -> Screen:
    if not isinstance(raw, dict):
        raise BadArgument("screen is missing: what the asking page can play")
    try:
        return screen_from_json(raw)
    except (ValueError, TypeError, KeyError) as error:
        raise BadArgument(f"screen: {error}") from error


def _segments_json(
    variant: Variant, token: str, item_id: int, playlist: str, master: str
) -> dict[str, object]:
    base = f"/hls/{token}/{item_id}/{variant}"
    is_fmp4 = variant.package is Package.FMP4
    codecs = _CODECS.search(master)
    container = "video" if variant.video is not None else "audio"
    mime = f"{container}/{'mp4' if is_fmp4 else 'mp2t'}"
    return {
        "url": f"{base}/master.m3u8",
        "package": variant.package.value,
        "init": f"{base}/init.mp4" if is_fmp4 else None,
        "segment_template": f"{base}/$N.{'m4s' if is_fmp4 else 'ts'}",
        "segments": segment_starts(playlist)[:-1],
        "mime": f'{mime}; codecs="{codecs[1]}"' if codecs else mime,
    }


def _audio_json(facts: MediaFacts) -> list[dict[str, object]]:
    return [
        {
            "index": one.index,
            "label": one.title or " ".join(filter(None, (one.language, one.codec))),
            "language": one.language,
            "channels": one.channels,
            "default": one.is_default,
        }
        for one in facts.audio
    ]


async def _subtitles_json(
    parts: Parts, facts: MediaFacts, token: str, item_id: int
) -> list[dict[str, object]]:
    """Text tracks; their pieces are cut on the grid of the copied picture, whatever is sent."""
    tracks = [one for one in facts.subtitles if one.is_text]
    if not tracks:
        return []
    try:
        starts = segment_starts(await copy_playlist(parts, item_id))[:-1]
    except TranscodeError:
        return []  # a film without an index has no pieces to cut
    return [
        {
            "track": one.index,
            "label": one.title or one.language or f"{one.index}",
            "language": one.language,
            "default": one.is_default,
            "forced": one.is_forced,
            "template": f"/hls/{token}/{item_id}/subs-{one.index}/$N.vtt",
            "segments": starts,
        }
        for one in tracks
    ]


def media_address(item: Item, token: str) -> str:
    """The address of an item's own bytes."""
    suffix = PurePosixPath(item.path).suffix
    shown = suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) < 9 else ""
    return f"/media/{token}/{item.id}{shown}"


def item_json(item: Item, token: str, position: Position | None = None) -> dict[str, object]:
    """An item as the API shows it."""
    out: dict[str, object] = {
        "id": item.id,
        "kind": item.kind.value,
        "title": item.title,
        "source": item.source,
        "mime": item.mime,
        "size_bytes": item.size_bytes,
        "added_s": item.added_s,
        "media": media_address(item, token),
        "art": f"/art/{token}/{item.id}.jpg" if item.has_art else None,
        "tile": f"/art/{token}/{item.id}.jpg?s=tile" if item.tile is not None else None,
    }
    for name in (
        *("duration_s", "width", "height", "year", "series", "season", "episode", "artist"),
        *("album", "genre", "track_number", "disc_number", "taken_s"),
    ):
        if (value := getattr(item, name)) is not None:
            out[name] = value
    if position is not None:
        out |= _position_json(position)
    return out


def group_json(group: Group, token: str) -> dict[str, object]:
    """A group as the API shows it."""
    art = None if group.sample_item is None else f"/art/{token}/{group.sample_item}.jpg"
    return {
        "key": group.key,
        "title": group.title,
        "count": group.count,
        "subtitle": group.subtitle,
        "art": art,
    }


def file_address(token: str, source: str, path: str) -> str:
    """The address of a stored file's bytes."""
    return f"/media/{token}/files/{quote(source, safe='')}/{quote(path)}"


def _position_json(position: Position | None) -> dict[str, object]:
    if position is None:
        return {"position_s": 0.0, "watched": False}
    return {"position_s": position.position_s, "watched": position.watched}


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    item = r"/api/v1/items/{item:\d+}"
    return [
        web.get("/api/v1/items", list_items),
        web.get("/api/v1/home", show_home),
        web.get("/api/v1/search", search),
        web.get("/api/v1/groups/{what}", list_groups),
        web.get(item, show_item),
        web.post(item + "/plan", make_plan),
        web.get(item + "/position", show_position),
        web.post(item + "/position", take_position),
    ]
