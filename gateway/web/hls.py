"""``/hls/TOKEN/ITEM/…`` and ``/subs/TOKEN/…``: playlists, segments and timed text."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from aiohttp import web

from gateway.errors import BadArgument, NotFound
from gateway.web.asker import check_token, item_of
from gateway.web.keys import PARTS, STREAMS
from gateway.web.parts import Parts
from gateway.web.sending import send_endless, send_whole
from transcode.variant import Package, Variant

PLAYLIST_MIME = "application/vnd.apple.mpegurl"
VTT_MIME = "text/vtt"
_SEGMENT_MIME = {Package.FMP4: "video/mp4", Package.TS: "video/mp2t"}
_SEGMENT_SUFFIX = {Package.FMP4: "m4s", Package.TS: "ts"}
_SEGMENT_NAME = re.compile(r"^(\d+)\.m4s$")
_EXTINF = re.compile(r"^#EXTINF:([0-9.]+)", re.MULTILINE)


async def send_playlist(request: web.Request) -> web.StreamResponse:
    """The media playlist of a variant, whole from the first request."""
    check_token(request)
    delivery = request.app[PARTS].delivery
    return _text(await delivery.playlist(item_of(request), _variant(request)), PLAYLIST_MIME)


async def send_master(request: web.Request) -> web.StreamResponse:
    """The master playlist: the variant and its subtitles."""
    check_token(request)
    delivery = request.app[PARTS].delivery
    return _text(await delivery.master(item_of(request), _variant(request)), PLAYLIST_MIME)


async def send_init(request: web.Request) -> web.StreamResponse:
    """The initialisation segment."""
    grant = check_token(request)
    item_id, variant = item_of(request), _variant(request)
    if variant.package is not Package.FMP4:
        raise NotFound("MPEG-TS segments have no initialisation segment")
    item = await request.app[PARTS].catalogue.item(item_id)
    with request.app[STREAMS].run(
        request, grant, "hls", item=item_id, source=item.source
    ) as stream:
        body = await request.app[PARTS].delivery.init(item_id, variant)
        return await send_whole(request, stream, body, "video/mp4")


async def send_segment(request: web.Request) -> web.StreamResponse:
    """One segment."""
    grant = check_token(request)
    item_id, variant, number = item_of(request), _variant(request), _number(request)
    if request.match_info["suffix"] != _SEGMENT_SUFFIX[variant.package]:
        raise NotFound(f"segments of {variant} end in .{_SEGMENT_SUFFIX[variant.package]}")
    item = await request.app[PARTS].catalogue.item(item_id)
    with request.app[STREAMS].run(
        request, grant, "hls", item=item_id, source=item.source
    ) as stream:
        body = await request.app[PARTS].delivery.segment(item_id, variant, number, grant.device)
        return await send_whole(request, stream, body, _SEGMENT_MIME[variant.package])


async def send_cues(request: web.Request) -> web.StreamResponse:
    """The cues of one segment's stretch."""
    check_token(request)
    delivery = request.app[PARTS].delivery
    cues = await delivery.cues(item_of(request), _track(request), _number(request))
    return _text(cues, VTT_MIME)


async def send_subtitle_playlist(request: web.Request) -> web.StreamResponse:
    """The playlist of a subtitle track, on the grid of the film's segments."""
    check_token(request)
    item_id, _ = item_of(request), _track(request)
    return _text(subtitle_playlist(await copy_playlist(request.app[PARTS], item_id)), PLAYLIST_MIME)


async def send_subtitles(request: web.Request) -> web.StreamResponse:
    """A whole subtitle track as one WebVTT file, for players that take no segments.

    It comes as it is read: nothing is held but one segment's cues.
    """
    grant = check_token(request)
    item_id, track = item_of(request), _track(request)
    parts = request.app[PARTS]
    item = await parts.catalogue.item(item_id)
    count = len(segment_starts(await copy_playlist(parts, item_id))) - 1
    headers = {"Content-Type": f"{VTT_MIME}; charset=utf-8"}
    if request.method == "HEAD":
        return web.Response(headers=headers)
    with request.app[STREAMS].run(
        request, grant, "subtitles", item=item_id, source=item.source
    ) as stream:
        pieces = _whole_track(parts, item_id, track, count)
        return await send_endless(request, stream, pieces, headers)


async def _whole_track(parts: Parts, item_id: int, track: int, count: int) -> AsyncIterator[bytes]:
    """Every cue once: one that reaches over a border stands in both segments."""
    yield b"WEBVTT\n\n"
    former: set[str] = set()
    for number in range(count):
        blocks = cue_blocks(await parts.delivery.cues(item_id, track, number))
        fresh = [block for block in blocks if block not in former]
        former = set(blocks)
        if fresh:
            yield ("\n\n".join(fresh) + "\n\n").encode()


async def copy_playlist(parts: Parts, item_id: int) -> str:
    """The playlist on whose grid cues are counted: that of the copied picture."""
    facts = (await parts.delivery.media(item_id)).facts
    if not facts.video:
        raise NotFound(f"item {item_id} has no picture to lay subtitles on")
    picture = facts.video[0].index
    variant = Variant(Package.FMP4, picture, None, None, audio_copy=False)
    return await parts.delivery.playlist(item_id, variant)


def subtitle_playlist(playlist: str) -> str:
    """The media playlist with its segments replaced by the timed text of the same stretch."""
    lines = [line for line in playlist.splitlines() if not line.startswith("#EXT-X-MAP")]
    return "\n".join(_SEGMENT_NAME.sub(r"\1.vtt", line) for line in lines) + "\n"


def cue_blocks(cues: str) -> list[str]:
    """The cues of a WebVTT text without its header."""
    blocks = cues.replace("\r\n", "\n").strip().split("\n\n")
    return [block.strip("\n") for block in blocks if "-->" in block]


def segment_starts(playlist: str) -> list[float]:
    """Start of each segment of a media playlist, and last the film's end, in seconds."""
    starts = [0.0]
    for length in _EXTINF.findall(playlist):
        starts.append(round(starts[-1] + float(length), 6))
    return starts


def _variant(request: web.Request) -> Variant:
    try:
        return Variant.parse(request.match_info["variant"])
    except ValueError as error:
        raise BadArgument(str(error)) from None


def _track(request: web.Request) -> int:
    return int(request.match_info["track"])


def _number(request: web.Request) -> int:
    digits = request.match_info["number"]
    if len(digits) > 7:
        raise NotFound(f"no segment {digits[:20]}")
    return int(digits)


def _text(body: str, mime: str) -> web.Response:
    return web.Response(body=body.encode(), content_type=mime, charset="utf-8")


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    base = r"/hls/{token}/{item:\d+}"
    return [
        web.get(base + r"/subs-{track:\d{1,2}}/index.m3u8", send_subtitle_playlist),
        web.get(base + r"/subs-{track:\d{1,2}}/{number:\d+}.vtt", send_cues),
        web.get(base + "/{variant}/index.m3u8", send_playlist),
        web.get(base + "/{variant}/master.m3u8", send_master),
        web.get(base + "/{variant}/init.mp4", send_init),
        web.get(base + r"/{variant}/{number:\d+}.{suffix:m4s|ts}", send_segment),
        web.get(r"/subs/{token}/{item:\d+}/{track:\d{1,2}}.vtt", send_subtitles),
    ]
