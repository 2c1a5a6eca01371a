"""``/api/v1/openapi.json``: the description of this API, a data file beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from aiohttp import web


@cache
def document() -> bytes:
    """The description as it is sent."""
    return files("gateway.web.api").joinpath("openapi.json").read_bytes()


async def send_document(request: web.Request) -> web.Response:
    """Open to all: it names no title and no device."""
    return web.Response(body=document(), content_type="application/json", charset="utf-8")


def routes() -> list[web.AbstractRouteDef]:
    """The addresses of this module."""
    return [web.get("/api/v1/openapi.json", send_document)]
