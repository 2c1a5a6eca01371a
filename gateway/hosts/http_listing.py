"""An open directory listing (nginx, Apache, Caddy, rclone, python) as a host.

JSON listings are asked for and used where the server has them; else every link of the page that
leads exactly one step down is an entry. Sizes that the page does not tell exactly come from HEAD.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urljoin, urlsplit

from gateway.errors import HostNonsense, NotFound
from gateway.hosts.answers import (
    Site,
    check_status,
    dated_version,
    decode_path,
    entity_version,
    is_name,
    parse_date,
)
from gateway.hosts.base import Entries, Stored
from gateway.outbound import Login, Outbound, Trust
from gateway.spans import Span

_PAGE_LIMIT_BYTES = 64 << 20
_HEADS_AT_ONCE = 4
_LINK = re.compile(
    r"""<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))[^>]*>.*?</a>([^<]*)""",
    re.IGNORECASE | re.DOTALL,
)
# nginx tells whole numbers of bytes, but "12K" with autoindex_exact_size off.
# Source: nginx src/http/modules/ngx_http_autoindex_module.c, ngx_http_autoindex_html.
_NGINX_FACTS = re.compile(r"^\s+(\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d)\s+(\d+)\s*$")


@dataclass(frozen=True, slots=True)
class HttpListingSettings:
    """Where, as whom (user and password may be empty) and which certificates to accept."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    trust: Trust = field(default_factory=Trust)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a listing; ``size_bytes`` None means: ask."""

    name: str
    is_folder: bool
    size_bytes: int | None = None
    modified: str | None = None


_Rows: TypeAlias = list[_Row]


class HttpListingHost:
    """One folder of a web server that shows its folders."""

    def __init__(self, settings: HttpListingSettings, outbound: Outbound) -> None:
        login = Login(settings.user, settings.password, headers=dict(settings.headers))
        self._site = Site(settings.url, outbound, login, settings.trust)
        self._heads = asyncio.Semaphore(_HEADS_AT_ONCE)

    @property
    def label(self) -> str:
        """The server's name."""
        return self._site.label

    async def list(self, folder: str) -> Entries:
        """Entries directly inside; one request, and one more per file without an exact size."""
        rows = await self._rows(folder)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._measure(folder, row)) for row in rows]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def stat(self, path: str) -> Stored:
        """One entry, found in its folder's listing so that both tell the same."""
        if not path:
            await self._rows("")
            return Stored(path="", is_folder=True, size_bytes=0, version="")
        folder, _, name = path.rpartition("/")
        for row in await self._rows(folder):
            if row.name == name:
                return await self._measure(folder, row)
        raise NotFound(f"{path} does not exist on {self.label}")

    def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        """One ranged GET."""
        return self._site.read(item, span)

    async def close(self) -> None:
        """Connections belong to ``Outbound``."""

    async def _rows(self, folder: str) -> _Rows:
        what = folder or "the folder"
        async with self._site.outbound.request(
            "GET",
            self._site.address(folder, is_folder=True),
            purpose="list",
            headers={"Accept": "application/json, text/html;q=0.9"},
            login=self._site.login,
            trust=self._site.trust,
        ) as reply:
            check_status(reply, what, self.label)
            kind = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind not in ("application/json", "text/html", "application/xhtml+xml"):
                raise HostNonsense(
                    f"{self.label} shows no listing for {what} but {kind or 'bytes'}"
                )
            body = await reply.read(_PAGE_LIMIT_BYTES)
            base = reply.url
        # A page of 10 000 entries takes tens of milliseconds: not on the event loop.
        parse = _json_rows if kind == "application/json" else _page_rows
        rows = await asyncio.to_thread(lambda: list(parse(body, base)))
        return list({row.name: row for row in rows if is_name(row.name)}.values())

    async def _measure(self, folder: str, row: _Row) -> Stored:
        path = f"{folder}/{row.name}" if folder else row.name
        if row.is_folder:
            modified_s = parse_date(row.modified)
            return Stored(path, is_folder=True, size_bytes=0, version="", modified_s=modified_s)
        if row.size_bytes is not None:
            version = dated_version(row.size_bytes, row.modified)
            return Stored(
                path,
                is_folder=False,
                size_bytes=row.size_bytes,
                version=version,
                modified_s=parse_date(row.modified),
            )
        async with (
            self._heads,
            self._site.outbound.request(
                "HEAD",
                self._site.address(path, is_folder=False),
                purpose="list",
                login=self._site.login,
                trust=self._site.trust,
            ) as reply,
        ):
            check_status(reply, path, self.label)
            length = reply.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()):
                raise HostNonsense(f"{self.label} does not tell the size of {path}")
            modified = reply.headers.get("Last-Modified")
            return Stored(
                path,
                is_folder=False,
                size_bytes=int(length),
                version=entity_version(reply.headers.get("ETag"))
                or dated_version(int(length), modified),
                modified_s=parse_date(modified),
            )


def _page_rows(body: bytes, base: str) -> Iterator[_Row]:
    """Entries of an HTML page that was answered for the folder at ``base``."""
    page = body.decode("utf-8", "surrogateescape")
    origin = urlsplit(base)
    own = decode_path(origin.path).rstrip("/")
    for double, single, bare, facts in _LINK.findall(page):
        try:
            link = urlsplit(urljoin(base, html.unescape(double or single or bare)))
        except ValueError:
            continue
        if link.query or (link.scheme, link.netloc) != (origin.scheme, origin.netloc):
            continue  # links that sort the page, links to elsewhere
        coded = link.path.rstrip("/")
        # Compare decoded, split coded: a name may hold an encoded slash, which is no entry.
        above, _, name = coded.rpartition("/")
        if decode_path(above) != own or not name:
            continue
        told = _NGINX_FACTS.match(facts)
        yield _Row(
            name=decode_path(name),
            is_folder=link.path.endswith("/"),
            size_bytes=int(told[2]) if told else None,
            modified=told[1] if told else None,
        )


def _json_rows(body: bytes, base: str) -> Iterator[_Row]:
    """Entries of nginx's ``autoindex_format json`` or of Caddy's browse.

    Source: nginx ngx_http_autoindex_json; Caddy modules/caddyhttp/fileserver/browsetplcontext.go.
    """
    place = urlsplit(base).hostname
    try:
        rows: Any = json.loads(body)
    except ValueError as error:
        raise HostNonsense(f"the listing of {place} is no JSON") from error
    if not isinstance(rows, list):
        raise HostNonsense(f"the JSON of {place} is no listing")
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("name"), str):
            raise HostNonsense(f"the JSON of {place} is no listing")
        size = row.get("size")
        modified = row.get("mtime") or row.get("mod_time")
        yield _Row(
            name=row["name"].rstrip("/"),
            is_folder=row.get("type") == "directory" or row.get("is_dir") is True,
            size_bytes=size if isinstance(size, int) and size >= 0 else None,
            modified=modified if isinstance(modified, str) else None,
        )
