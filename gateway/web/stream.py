"""``/stream/TOKEN/ITEM.ts``: one continuous converted stream for DLNA players, sought by time.

HEAD answers without starting a converter. Source: dlna.md 10.2 and 10.3.
"""

from __future__ import annotations

from aiohttp import web

from gateway.errors import BadRange
from gateway.library.records import Item
from gateway.upnp.npt import parse_time_seek, render_time_seek
from gateway.upnp.protocol_info import CONVERTED, CONVERTED_MIME
from gateway.web.asker import check_token, item_of
from gateway.web.keys import PARTS, STREAMS
from gateway.web.media import dlna_headers
from gateway.web.sending import send_endless


async def send_stream(request: web.Request) -> web.StreamResponse:
    """MPEG-TS from the start or from ``TimeSeekRange``."""
    grant = check_token(request)
    item_id = item_of(request)
    parts = request.app[PARTS]
    item = await parts.catalogue.item(item_id)
    headers = dlna_headers(request, item, str(CONVERTED)) | {
        "Content-Type": CONVERTED_MIME,
        "Accept-Ranges": "none",
        "Vary": "TimeSeekRange.dlna.org",
    }
    start_s = 0.0
    seek = request.headers.get("TimeSeekRange.dlna.org")
    if seek is not None:
        start_s = _start_of(seek, item)
        headers["TimeSeekRange.dlna.org"] = render_time_seek(start_s, None, item.duration_s)
    if item.duration_s:
        headers["X-AvailableSeekRange"] = f"1 npt=0.0-{item.duration_s:.3f}"
    if request.method == "HEAD":
        return web.Response(headers=headers)
    pieces = parts.delivery.stream(item_id, parts.stream_screen(grant.device), start_s)
    with request.app[STREAMS].run(
        request, grant, "stream", item=item_id, source=item.source
    ) as stream:
        return await send_endless(request, stream, pieces, headers)


def _start_of(seek: str, item: Item) -> float:
    start_s = parse_time_seek(seek).start_s
    if item.duration_s is not None and start_s >= item.duration_s:
        raise BadRange(
            f"{start_s:.3f} s lies behind the end of the {item.duration_s:.3f} s there are",
            size_bytes=item.size_bytes,
        )
    return start_s


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    return [web.get(r"/stream/{token}/{item:\d+}.ts", send_stream)]
