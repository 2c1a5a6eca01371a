"""A WebDAV server as a host: PROPFIND read as a stream, ranged GET.

The XML comes from a stranger: a document type or an entity ends the parse at once.
Source: RFC 4918 sections 9.1 (PROPFIND), 14.7 (href), 14.22 (propstat).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit
from xml.parsers import expat

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

_ASK = (
    b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>'
    b"<resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>"
)
_LIST_LIMIT_BYTES = 512 << 20
_FIELD_LIMIT = 64 << 10
_FIELDS = frozenset(
    {"DAV: href", "DAV: status", "DAV: getcontentlength", "DAV: getlastmodified", "DAV: getetag"}
)


@dataclass(frozen=True, slots=True)
class WebDavSettings:
    """Where and as whom.

    Attributes:
        url: base address, percent-encoded, without user and password.
        user: empty for none.
        password: of the user.
        bearer: a token instead of user and password.
        trust: which certificates to accept.
        headers: sent with every request.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    bearer: str | None = field(default=None, repr=False)
    trust: Trust = field(default_factory=Trust)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def login(self) -> Login:
        """The login these settings describe, with its own memory of the scheme."""
        return Login(self.user, self.password, bearer=self.bearer, headers=dict(self.headers))


class WebDavHost:
    """One folder of a WebDAV server."""

    def __init__(self, settings: WebDavSettings, outbound: Outbound) -> None:
        self._site = Site(settings.url, outbound, settings.login(), settings.trust)

    @property
    def label(self) -> str:
        """The server's name."""
        return self._site.label

    async def stat(self, path: str) -> Stored:
        """One entry by a PROPFIND of depth 0."""
        answers = await self._ask(path, depth=0, is_folder=not path)
        for answer in answers:
            return answer.as_stored(path)
        raise NotFound(f"{path} does not exist on {self.label}")

    async def list(self, folder: str) -> Entries:
        """Entries directly inside by one PROPFIND of depth 1."""
        answers = await self._ask(folder, depth=1, is_folder=True)
        own = self._own_path(answers, folder)
        found: dict[str, Stored] = {}
        for answer in answers:
            above, _, name = answer.path.rpartition("/")
            if answer.path == own:
                if not answer.is_folder:
                    raise NotFound(f"{folder} on {self.label} is a file, not a folder")
            elif above == own and is_name(name):
                path = f"{folder}/{name}" if folder else name
                found[path] = answer.as_stored(path)
        return list(found.values())

    def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        """One ranged GET."""
        return self._site.read(item, span)

    async def close(self) -> None:
        """Connections belong to ``Outbound``."""

    def _own_path(self, answers: _Answers, folder: str) -> str:
        """The folder's own path as this server spells it; behind a proxy it may be another."""
        asked = "/".join(part for part in (self._site.root, folder) if part)
        paths = [answer.path for answer in answers]
        if asked in paths:
            return asked
        own = min(paths, key=len, default=None)
        if own is None or any(path != own and not path.startswith(own + "/") for path in paths):
            raise HostNonsense(f"{self.label} listed another folder than {folder or 'the root'}")
        return own

    async def _ask(self, path: str, *, depth: int, is_folder: bool) -> _Answers:
        what = path or "the folder"
        async with self._site.outbound.request(
            "PROPFIND",
            self._site.address(path, is_folder=is_folder),
            purpose="list",
            headers={"Depth": str(depth), "Content-Type": "application/xml; charset=utf-8"},
            data=_ASK,
            login=self._site.login,
            trust=self._site.trust,
        ) as reply:
            check_status(reply, what, self.label)
            if reply.status != 207:
                raise HostNonsense(
                    f"{self.label} answered {reply.status} to a WebDAV listing, not 207; "
                    "is the address the WebDAV one?"
                )
            parser = _MultiStatus(self.label)
            seen = 0
            async for chunk in reply.chunks():
                seen += len(chunk)
                if seen > _LIST_LIMIT_BYTES:
                    raise HostNonsense(
                        f"{self.label} sent a listing over {_LIST_LIMIT_BYTES} bytes"
                    )
                parser.feed(chunk)
            return parser.finish()


@dataclass(slots=True)
class _Answer:
    """One ``response`` element; ``path`` is decoded, without slashes at its ends."""

    path: str = ""
    is_folder: bool = False
    size_bytes: int | None = None
    modified: str | None = None
    tag: str | None = None

    def as_stored(self, path: str) -> Stored:
        size_bytes = 0 if self.is_folder else self.size_bytes
        if size_bytes is None:
            raise HostNonsense(f"the listing gives no size for {path}")
        return Stored(
            path=path,
            is_folder=self.is_folder,
            size_bytes=size_bytes,
            version=entity_version(self.tag) or dated_version(size_bytes, self.modified),
            modified_s=parse_date(self.modified),
        )


_Answers: TypeAlias = list[_Answer]


class _MultiStatus:
    """Parser of one ``multistatus`` document, fed piece by piece."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._answers: _Answers = []
        self._answer: _Answer | None = None
        self._found: dict[str, str] = {}
        self._in_propstat = False
        self._text: list[str] | None = None
        self._text_length = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        self._parser = parser

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._parse(chunk, last=False)

    def finish(self) -> _Answers:
        """End of the document: everything it listed."""
        self._parse(b"", last=True)
        return self._answers

    def _parse(self, chunk: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise HostNonsense(f"the listing of {self._label} is no XML: {error}") from error

    def _refuse(self, *_: object) -> None:
        raise HostNonsense(f"the listing of {self._label} holds a document type: refused")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        if name == "DAV: response":
            self._answer = _Answer()
        elif name == "DAV: propstat":
            self._found, self._in_propstat = {}, True
        elif name == "DAV: collection":
            self._found[name] = ""
        elif name in _FIELDS:
            self._text, self._text_length = [], 0

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text_length += len(text)
            if self._text_length > _FIELD_LIMIT:
                raise HostNonsense(f"the listing of {self._label} holds an endless field")
            self._text.append(text)

    def _end(self, name: str) -> None:
        answer = self._answer
        if answer is None:
            return
        if name == "DAV: response":
            self._answers.append(answer)
            self._answer = None
        elif name == "DAV: propstat":
            self._in_propstat = False
            # Properties a server lacks come in a propstat of their own with status 404.
            if " 2" in self._found.get("DAV: status", " 200"):
                self._take(answer)
        elif name in _FIELDS and self._text is not None:
            text, self._text = "".join(self._text).strip(), None
            if self._in_propstat:
                self._found[name] = text
            elif name == "DAV: href":
                answer.path = decode_path(urlsplit(text).path).strip("/")

    def _take(self, answer: _Answer) -> None:
        found = self._found
        answer.is_folder |= "DAV: collection" in found
        length = found.get("DAV: getcontentlength", "")
        if length.isascii() and length.isdigit():
            answer.size_bytes = int(length)
        answer.modified = found.get("DAV: getlastmodified") or answer.modified
        answer.tag = found.get("DAV: getetag") or answer.tag
