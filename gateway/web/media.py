"""``/media/TOKEN/…``: the bytes of items, and of stored files, by range.

The walk everything else must not disturb: token and item are checked, Range becomes spans, the
reader's views are written. Source: RFC 9110; dlna.md 10.
"""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from gateway.errors import BadArgument
from gateway.library.records import Item
from gateway.security.grants import Purpose
from gateway.web.asker import check_token, item_of
from gateway.web.keys import PARTS, STREAMS
from gateway.web.ranges import Asked, Body, answer
from gateway.web.sending import send_answer

_TRANSFER_MODES = {one.lower(): one for one in ("Streaming", "Interactive", "Background")}


async def send_item(request: web.Request) -> web.StreamResponse:
    """Bytes of a library item."""
    grant = check_token(request)
    item_id = item_of(request)
    opened = await request.app[PARTS].opener.open(item_id)
    item, reader = opened.item, opened.reader
    headers = dlna_headers(request, item, request.app[PARTS].features(item))
    if "TimeSeekRange.dlna.org" in request.headers and "Range" not in request.headers:
        raise web.HTTPNotAcceptable(text="this file is sought by bytes, not by time")
    reply = answer(Body(reader.size_bytes, reader.etag, item.mime, item.modified_s), asked(request))
    with request.app[STREAMS].run(
        request, grant, "direct", item=item_id, source=item.source
    ) as stream:
        return await send_answer(request, stream, reply, reader, headers)


async def send_file(request: web.Request) -> web.StreamResponse:
    """Bytes of any stored file, as a download; for owners."""
    grant = check_token(request, (Purpose.FILES,))
    source, path = request.match_info["source"], request.match_info["path"]
    reader = await request.app[PARTS].sources.open_file(source, path)
    name = quote(path.rpartition("/")[2], safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    body = Body(reader.size_bytes, reader.etag, "application/octet-stream")
    reply = answer(body, asked(request))
    with request.app[STREAMS].run(request, grant, "file", source=source) as stream:
        return await send_answer(request, stream, reply, reader, headers)


def asked(request: web.BaseRequest) -> Asked:
    """The conditional and range headers of a request."""
    get = request.headers.get
    return Asked(
        range=get("Range"),
        if_range=get("If-Range"),
        if_match=get("If-Match"),
        if_none_match=get("If-None-Match"),
        if_modified_since=get("If-Modified-Since"),
        if_unmodified_since=get("If-Unmodified-Since"),
    )


def dlna_headers(request: web.BaseRequest, item: Item, features: str) -> dict[str, str]:
    """What a DLNA player expects of a media reply, checked against what it asked.

    Raises:
        BadArgument: a DLNA header has a value outside its rule.
        HTTPNotAcceptable: a play speed we do not offer.

    Source: dlna.md 10.1.
    """
    get = request.headers.get
    if get("getcontentFeatures.dlna.org", "1").strip() != "1":
        raise BadArgument("getcontentFeatures.dlna.org is 1")
    default = "Interactive" if item.mime.startswith("image/") else "Streaming"
    mode = _TRANSFER_MODES.get(get("transferMode.dlna.org", default).strip().lower())
    if mode is None:
        raise BadArgument("transferMode.dlna.org is Streaming, Interactive or Background")
    headers = {
        "transferMode.dlna.org": mode,
        "contentFeatures.dlna.org": features,
        "EXT": "",
    }
    speed = get("PlaySpeed.dlna.org")
    if speed is not None:
        name, _, value = speed.replace(" ", "").partition("=")
        if name.lower() != "speed" or not value:
            raise BadArgument("PlaySpeed.dlna.org is speed=N")
        if value != "1":
            raise web.HTTPNotAcceptable(text="only speed=1 is played")
        headers["PlaySpeed.dlna.org"] = "speed=1"
    if get("getMediaInfo.sec") == "1" and item.duration_s:
        headers["MediaInfo.sec"] = f"SEC_Duration={round(item.duration_s * 1000)};"
    return headers


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    return [
        web.get(r"/media/{token}/{item:\d+}{suffix:(\.[A-Za-z0-9]{0,9})?}", send_item),
        web.get(r"/media/{token}/files/{source}/{path:.+}", send_file),
    ]
