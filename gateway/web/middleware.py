"""What every request passes: the peer, the Host, the Origin; and what every reply carries."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.security.host_check import is_same_origin
from gateway.web.asker import bearer_of
from gateway.web.errors import Known, error_reply, http_reply
from gateway.web.keys import PARTS

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
"""Source: tv_browsers.md 10."""

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_DLNA = "/upnp/"


GREETED: web.AppKey[weakref.WeakSet[asyncio.Transport]] = web.AppKey("greeted", weakref.WeakSet)
"""The connections that sent a whole request; the listener ends those that never do."""


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from the house; turn errors into replies."""
    if request.transport is not None:
        request.app[GREETED].add(request.transport)
    refusal = _refuse(request)
    if refusal is not None:
        return refusal
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return http_reply(error)
    except Known as error:
        return error_reply(error)
    except ConnectionError:
        raise  # the client left before its answer began: nothing failed, nobody is there
    except Exception as error:  # noqa: BLE001 - the top of a request, see style.md 5
        # The path may hold a token: only the route's pattern goes into the log.
        resource = request.match_info.route.resource
        _log.exception("%s %s failed", request.method, resource and resource.canonical)
        return error_reply(error)


def _refuse(request: web.Request) -> web.Response | None:
    """A refusal for a foreign peer, a foreign name or a foreign page; None lets it pass."""
    parts = request.app[PARTS]
    host = request.headers.get("Host")
    if not parts.host_check.is_near(request.remote):
        return http_reply(web.HTTPForbidden(text="only devices of this network are answered"))
    if not parts.host_check.is_ours(host, is_page=not request.path.startswith(_DLNA)):
        return http_reply(
            web.HTTPMisdirectedRequest(text="use the address this gateway printed at its start")
        )
    is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
    if request.method in _SAFE and not is_socket:
        return None
    origin = request.headers.get("Origin")
    if origin is not None:
        if is_same_origin(origin, host):
            return None
    elif not request.path.startswith("/api/") or _cannot_be_a_foreign_form(request):
        return None
    return http_reply(web.HTTPForbidden(text="this page is not one of this gateway"))


def _cannot_be_a_foreign_form(request: web.Request) -> bool:
    """Whether a foreign page could not have sent this without asking us before (a preflight).

    Programs send no Origin; nor do some old browsers, whose forms cannot say JSON.
    """
    return (
        bearer_of(request) is not None
        or request.content_type == "application/json"
        or request.headers.get("Upgrade", "").lower() == "websocket"
        or request.method == "DELETE"
    )


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What every reply carries; a handler's own value wins."""
    headers = response.headers
    headers["Server"] = request.app[PARTS].settings.server_token
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if response.content_type == "text/html":
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
