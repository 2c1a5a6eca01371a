"""A WebDAV and listing server with use cases: cut bodies, 503, stalls, ignored ranges, quota."""

from __future__ import annotations

import asyncio
import email.utils
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.sax.saxutils import escape

from aiohttp import encode_basic_auth, web


@dataclass
class WebHost:
    """Files by path (``a/b``), folders implied. Flags may be set at any time."""

    files: dict[str, bytes]
    cut_at: list[int] = field(default_factory=list)
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    stalls: bool = False
    ignores_range: bool = False
    moves_etag: bool = False
    absolute_hrefs: bool = False
    document_type: bool = False
    login: tuple[str, str] | None = None
    digest: bool = False
    bearer: str | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/dav/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        if self.statuses:
            status, headers = self.statuses.pop(0)
            return web.Response(status=status, headers=headers)
        if (refusal := self._refuse(request)) is not None:
            return refusal
        path = request.match_info["path"].strip("/")
        is_folder = not path or any(one.startswith(path + "/") for one in self.files)
        if path not in self.files and not is_folder:
            return web.Response(status=404)
        if request.method == "PROPFIND":
            return self._propfind(request, path, is_folder)
        if is_folder:
            return self._page(path)
        return await self._file(request, self.files[path])

    def _refuse(self, request: web.Request) -> web.Response | None:
        sent = request.headers.get("Authorization", "")
        if self.bearer is not None:
            return None if sent == f"Bearer {self.bearer}" else web.Response(status=401)
        if self.login is None:
            return None
        if self.digest:
            if sent.startswith("Digest ") and self._digest_fits(request, sent):
                return None
            challenge = 'Digest realm="r", nonce="abc123", qop="auth", algorithm=MD5'
        else:
            if sent == encode_basic_auth(*self.login):
                return None
            challenge = 'Basic realm="r"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    def _digest_fits(self, request: web.Request, sent: str) -> bool:
        told = {k: a or b for k, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', sent)}
        user, password = self.login or ("", "")

        def h(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        a1, a2 = h(f"{user}:r:{password}"), h(f"{request.method}:{told['uri']}")
        parts = (a1, "abc123", told["nc"], told["cnonce"], "auth", a2)
        return told["response"] == h(":".join(parts)) and told["uri"] == request.raw_path

    def _propfind(self, request: web.Request, path: str, is_folder: bool) -> web.Response:
        rows = [(path, is_folder)]
        if request.headers.get("Depth") == "1":
            prefix = f"{path}/" if path else ""
            inside = sorted({p[len(prefix) :] for p in self.files if p.startswith(prefix)})
            seen = {}
            for rest in inside:
                name, _, below = rest.partition("/")
                seen[prefix + name] = bool(below)
            rows += seen.items()
        base = str(request.url.origin()) if self.absolute_hrefs else ""
        head = '<!DOCTYPE x [<!ENTITY e "b">]>' if self.document_type else ""
        text = f'<?xml version="1.0"?>{head}<D:multistatus xmlns:D="DAV:">'
        for one, folder in rows:
            href = f"{base}/dav/{quote(one)}" + ("/" if folder and one else "")
            kind = "<D:collection/>" if folder else ""
            text += f"<D:response><D:href>{escape(href)}</D:href><D:propstat><D:prop>"
            text += f"<D:resourcetype>{kind}</D:resourcetype>"
            if not folder:
                data = self.files[one]
                text += f"<D:getcontentlength>{len(data)}</D:getcontentlength>"
                text += f"<D:getetag>{escape(self._tag(data))}</D:getetag>"
            text += "<D:getlastmodified>gestern</D:getlastmodified></D:prop>"
            text += "<D:status>HTTP/1.1 200 OK</D:status></D:propstat><D:propstat><D:prop>"
            text += "<D:quota/></D:prop><D:status>HTTP/1.1 404 No</D:status></D:propstat>"
            text += "</D:response>"
        return web.Response(status=207, text=text + "</D:multistatus>", content_type="text/xml")

    def _tag(self, data: bytes) -> str:
        return f'"{hashlib.md5(data).hexdigest()[:8]}"'

    def _page(self, path: str) -> web.Response:
        prefix = f"{path}/" if path else ""
        names = {}
        for one in self.files:
            if one.startswith(prefix):
                name, _, below = one[len(prefix) :].partition("/")
                names[name] = bool(below)
        rows = '<a href="../">..</a><a href="?C=N;O=D">Name</a><a href="https://x.test/y">y</a>'
        for name, folder in names.items():
            rows += f'<li><a class=x href="{quote(name)}{"/" if folder else ""}">{name}</a></li>'
        return web.Response(text=f"<html><body>{rows}</body></html>", content_type="text/html")

    async def _file(self, request: web.Request, data: bytes) -> web.StreamResponse:
        headers = {"ETag": '"moved"' if self.moves_etag else self._tag(data)}
        if not self.moves_etag:
            headers["Last-Modified"] = email.utils.formatdate(1700000000, usegmt=True)
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(len(data))})
        start, stop, status = 0, len(data), 200
        match = re.match(r"bytes=(\d+)-(\d+)$", request.headers.get("Range", ""))
        if match and not self.ignores_range:
            start, stop, status = int(match[1]), min(int(match[2]) + 1, len(data)), 206
            if start >= len(data):
                return web.Response(status=416)
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = stop - start
        await response.prepare(request)
        body = data[start:stop]
        try:
            if self.stalls:
                await response.write(body[:1])
                await asyncio.sleep(3600)
            if self.cut_at:
                await response.write(body[: self.cut_at.pop(0)])
                assert request.transport is not None
                request.transport.close()
                return response
            await response.write(body)
        except (ConnectionError, asyncio.CancelledError):
            self.gone.set()
            raise
        return response
