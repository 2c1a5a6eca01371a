"""The HTTP addresses of the DLNA server, all under ``/upnp/``."""

from __future__ import annotations

import logging
from importlib import resources

from aiohttp import web

from gateway.dlna import errors
from gateway.dlna.server import ICONS, LEASE_TEXT, DlnaServer
from gateway.dlna.visit import Visit
from gateway.errors import NotFound, Refused
from gateway.upnp import gena, soap
from gateway.upnp.description import SERVICES
from gateway.upnp.xml import MAX_BYTES

_log = logging.getLogger(__name__)

_XML = 'text/xml; charset="utf-8"'


def routes(server: DlnaServer) -> list[web.RouteDef]:
    """Everything the server answers."""
    handlers = _Handlers(server)
    return [
        web.get("/upnp/description.xml", handlers.description),
        web.get("/upnp/icons/{name}", handlers.icon),
        web.get("/upnp/{service}.xml", handlers.service_description),
        web.post("/upnp/control/{service}", handlers.control),
        web.route("SUBSCRIBE", "/upnp/events/{service}", handlers.subscribe),
        web.route("UNSUBSCRIBE", "/upnp/events/{service}", handlers.unsubscribe),
    ]


class _Handlers:
    def __init__(self, server: DlnaServer) -> None:
        self._server = server
        upnp = resources.files("gateway.upnp.services")
        self._services = {one.key: upnp.joinpath(f"{one.key}.xml").read_bytes() for one in SERVICES}
        self._types = {one.key: one.type for one in SERVICES}
        folder = resources.files("gateway.dlna.icons")
        self._icons = {
            one.name: (folder.joinpath(one.name).read_bytes(), one.mime) for one in ICONS
        }

    async def description(self, request: web.Request) -> web.StreamResponse:
        if self._is_strange(request):
            return self._plain(403)
        return self._answer(self._server.describe().encode(), _XML)

    async def service_description(self, request: web.Request) -> web.StreamResponse:
        data = self._services.get(request.match_info["service"])
        return self._plain(404) if data is None else self._answer(data, _XML)

    async def icon(self, request: web.Request) -> web.StreamResponse:
        found = self._icons.get(request.match_info["name"])
        return self._plain(404) if found is None else self._answer(*found)

    async def control(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["service"]
        if key not in self._types:
            return self._plain(404)
        if (request.content_length or 0) > MAX_BYTES:
            return self._plain(413)
        try:
            visit = self._visit(request)
        except Refused:
            return self._plain(403)
        body = await request.read()
        try:
            text = await self._call(key, visit, request.headers.get("SOAPACTION"), body)
        except soap.BadSoap as fault:
            return self._fault(fault, status=400)
        except errors.ANSWERABLE as fault:
            return self._fault(fault, status=500)
        except Exception as fault:  # noqa: BLE001 - top of a request: a player needs its fault
            _log.exception("a control request to %s failed", key)
            return self._fault(fault, status=500)
        return self._answer(text.encode(), _XML)

    async def _call(self, key: str, visit: Visit, soapaction: str | None, body: bytes) -> str:
        call = soap.parse_call(soapaction, body)
        if call.service != self._types[key]:
            raise errors.InvalidAction(f"{key} is not {call.service[:80]!r}")
        out = await self._server.service(key).call(visit, call.action, call.arguments)
        return soap.render_answer(call.service, call.action, out)

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["service"]
        if key not in self._types:
            return self._plain(404)
        try:
            visit = self._visit(request)
            wanted = gena.parse_subscribe(request.headers, visit.peer)
            subscriptions = self._server.subscriptions
            if isinstance(wanted, gena.Renew):
                subscription = subscriptions.renew(key, wanted.sid, visit.peer)
            else:
                device = visit.device.id
                subscription = subscriptions.add(key, wanted.callback, visit.peer, device)
        except Refused:
            return self._plain(403)
        except gena.BadSubscription as refused:
            return self._plain(refused.status)
        answer = self._plain(200)
        answer.headers["SID"] = subscription.sid
        answer.headers["TIMEOUT"] = LEASE_TEXT
        # The initial event may only follow the answer.
        await answer.prepare(request)
        await answer.write_eof()
        self._server.begin_events(subscription, visit)
        return answer

    async def unsubscribe(self, request: web.Request) -> web.StreamResponse:
        peer, _ = _ends(request)
        try:
            self._server.refuse_strangers(peer)
            sid = gena.parse_unsubscribe(request.headers)
            self._server.subscriptions.remove(request.match_info["service"], sid, peer)
        except Refused:
            return self._plain(403)
        except gena.BadSubscription as refused:
            return self._plain(refused.status)
        return self._plain(200)

    def _visit(self, request: web.Request) -> Visit:
        peer, base = _ends(request)
        return self._server.visit(request.headers, peer, base)

    def _is_strange(self, request: web.Request) -> bool:
        try:
            self._server.refuse_strangers(_ends(request)[0])
        except Refused:
            return True
        return False

    def _answer(self, body: bytes, content_type: str, status: int = 200) -> web.Response:
        headers = {"Content-Type": content_type, "Server": self._server.settings.server, "EXT": ""}
        return web.Response(status=status, body=body, headers=headers)

    def _plain(self, status: int) -> web.Response:
        headers = {"Server": self._server.settings.server, "Content-Length": "0"}
        return web.Response(status=status, headers=headers)

    def _fault(self, error: Exception, *, status: int) -> web.Response:
        return self._answer(soap.render_fault(*errors.fault_of(error)).encode(), _XML, status)


def _ends(request: web.Request) -> tuple[str, str]:
    """The player's address, and ours as it reached it (never the Host header's word)."""
    transport = request.transport
    if transport is None:
        raise NotFound("the player has gone")
    peer = transport.get_extra_info("peername")
    own = transport.get_extra_info("sockname")
    return str(peer[0]), f"http://{own[0]}:{own[1]}"
