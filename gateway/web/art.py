"""``/art/TOKEN/ITEM.jpg``: covers in the sizes pages ask for, made on demand and kept in memory."""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict

from aiohttp import web
from PIL import Image, ImageOps, UnidentifiedImageError

from gateway.errors import BadArgument, NotFound
from gateway.web.asker import check_token, item_of
from gateway.web.keys import PARTS

SIZES = {
    "poster": (220, 330),
    "wide": (384, 216),
    "square": (208, 208),
    "small": (110, 165),
}
"""Pixels of a card at 1080 lines, filled and cut. Source: design/tv_ui.md, "Sizes"."""

_MEMORY_BYTES = 16 * 1024 * 1024
_LARGEST_PIXELS = 4096 * 4096


class ArtCache:
    """Resized pictures, the least used dropped first; clear pictures never reach the disk here."""

    def __init__(self, limit_bytes: int = _MEMORY_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._held: OrderedDict[tuple[int, str, int], bytes] = OrderedDict()
        self._bytes = 0
        self._resizing = asyncio.Semaphore(2)

    async def sized(self, item_id: int, size: str, picture: bytes) -> bytes:
        """The picture in a named size; the whole one for a size named ``""``."""
        if not size:
            return picture
        key = (item_id, size, hash(picture))
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        async with self._resizing:
            made = await asyncio.to_thread(resize, picture, SIZES[size])
        if key not in self._held:
            self._held[key] = made
            self._bytes += len(made)
        while self._bytes > self._limit_bytes:
            _, dropped = self._held.popitem(last=False)
            self._bytes -= len(dropped)
        return made


def resize(picture: bytes, pixels: tuple[int, int]) -> bytes:
    """A JPEG that fills ``pixels``, its edges cut where the shapes differ.

    Raises:
        NotFound: the kept bytes are no picture.
    """
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > _LARGEST_PIXELS:
                raise NotFound("the picture is too large")
            fitted = ImageOps.fit(image.convert("RGB"), pixels, Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise NotFound("this item has no picture that can be read") from error
    out = io.BytesIO()
    fitted.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()


async def send_art(request: web.Request) -> web.Response:
    """The item's picture; ``s`` names a size, ``tile`` its squares of colour."""
    check_token(request)
    item_id = item_of(request)
    size = request.query.get("s", "")
    parts = request.app[PARTS]
    if size == "tile":
        tile = (await parts.catalogue.item(item_id)).tile
        if tile is None:
            raise NotFound(f"item {item_id} has no tile")
        return _picture(tile)
    if size and size not in SIZES:
        raise BadArgument(f"no picture size {size[:20]!r}; there are {', '.join(SIZES)}, tile")
    await parts.catalogue.item(item_id)
    picture = await parts.catalogue.art(item_id)
    if picture is None:
        raise NotFound(f"item {item_id} has no picture")
    return _picture(await request.app[ART].sized(item_id, size, picture))


def _picture(body: bytes) -> web.Response:
    mime = "image/png" if body.startswith(b"\x89PNG") else "image/jpeg"
    return web.Response(body=body, content_type=mime)


ART: web.AppKey[ArtCache] = web.AppKey("art", ArtCache)


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    return [web.get(r"/art/{token}/{item:\d+}.jpg", send_art)]
