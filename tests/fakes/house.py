"""A whole gateway for the web: real security and routes, a library and media out of memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from gateway.bus import Bus
from gateway.drives.base import Entry, Listing
from gateway.errors import Corrupt, NotFound, WrongKey
from gateway.hosts.base import Stored
from gateway.library.records import (
    Group,
    Item,
    Kind,
    Page,
    Position,
    Query,
    SourceRecord,
    SourceState,
)
from gateway.playback.screens import Screens
from gateway.security.devices import DeviceKind, Devices, Role
from gateway.security.grants import Grants
from gateway.security.host_check import HostCheck
from gateway.security.owner import OwnerLink
from gateway.security.pairing import PairingCodes
from gateway.spans import Span
from gateway.web.parts import Parts, WebSettings
from gateway.web.server import Listener, build_app
from tests.fakes.clock import FakeClock
from tests.fakes.keep import MemoryKeep
from transcode.decision import Plan
from transcode.facts import AudioFacts, Chapter, MediaFacts, SubtitleFacts, VideoFacts
from transcode.source import Media
from transcode.variant import Package, Variant

TITLE = "Secret Film"
DATA = bytes(number * 7 % 251 for number in range(300_000))
REMUX = Variant(Package.FMP4, 0, None, 1, audio_copy=True)
FACTS = MediaFacts(
    container="matroska",
    duration_s=10.0,
    bitrate_kbps=8000,
    video=(VideoFacts(0, "h264", 1280, 720, codec_string="avc1.640028"),),
    audio=(AudioFacts(1, "aac", 2, 48000, language="en", codec_string="mp4a.40.2"),),
    subtitles=(SubtitleFacts(2, "subrip", True, language="en"),),
    chapters=(Chapter(0.0, 5.0, "One"),),
)


class MemoryReader:
    """Bytes at hand; counts readers, can break at a byte or never go on."""

    def __init__(self, data: bytes, *, chunk: int = 65536) -> None:
        self.data = data
        self.etag = '"fake-1"'
        self.identity = None
        self.chunk = chunk
        self.fail_at: int | None = None
        self.endless = False
        self.open = 0
        self.started = 0

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    async def read(self, span: Span) -> AsyncIterator[memoryview]:
        self.open += 1
        self.started += 1
        view = memoryview(self.data)
        try:
            for at in range(span.start, span.stop, self.chunk):
                if self.fail_at is not None and at >= self.fail_at:
                    raise Corrupt(f"block {at // self.chunk} is damaged", block=at // self.chunk)
                yield view[at : min(at + self.chunk, span.stop)]
                while self.endless:
                    await asyncio.sleep(3600)
        finally:
            self.open -= 1


@dataclass(frozen=True)
class FakeOpened:
    item: Item
    reader: MemoryReader


@dataclass
class FakeRooms:
    """Catalogue, opener, delivery, positions and sources in one."""

    reader: MemoryReader = field(default_factory=lambda: MemoryReader(DATA))
    positions: dict[int, Position] = field(default_factory=dict)
    locked: bool = False
    plan_mode: str = "remux"
    released: list[str] = field(default_factory=list)
    film: Item = field(
        default_factory=lambda: Item(
            id=7,
            source="films",
            path=f"{TITLE}.mkv",
            kind=Kind.FILM,
            mime="video/x-matroska",
            title=TITLE,
            size_bytes=len(DATA),
            version="1",
            added_s=1.0,
            duration_s=10.0,
            modified_s=1_700_000_000.0,
            has_art=True,
            tile=b"\x89PNG tile",
        )
    )

    async def item(self, item_id: int) -> Item:
        if item_id != self.film.id or self.locked:
            raise NotFound(f"no item {item_id}")
        return self.film

    async def list_items(self, query: Query) -> Page:
        found = (self.film,) if (query.text or "").lower() in TITLE.lower() else ()
        return Page(found, len(found), query.start)

    async def groups(
        self, what: str, parent: str | None = None, start: int = 0, count: int = 200
    ) -> tuple[list[Group], int]:
        return [Group("g1", TITLE, 1, 7)], 1

    async def continue_watching(self, profile: str, count: int) -> list[tuple[Item, Position]]:
        return [(self.film, one) for one in self.positions.values()]

    async def recently_added(self, count: int) -> list[Item]:
        return [self.film]

    async def counts(self) -> dict[Kind, int]:
        return {Kind.FILM: 1}

    async def art(self, item_id: int) -> bytes | None:
        import io

        from PIL import Image

        out = io.BytesIO()
        Image.new("RGB", (640, 480), (200, 30, 30)).save(out, "JPEG")
        return out.getvalue()

    async def sources(self) -> list[SourceRecord]:
        return [SourceRecord("films", "rclone:secret", SourceState.READY)]

    async def open(self, item_id: int) -> FakeOpened:
        return FakeOpened(await self.item(item_id), self.reader)

    async def media(self, item_id: int) -> Media:
        await self.item(item_id)
        return Media("k", "mkv", None, FACTS)

    async def plan(self, item_id: int, screen: object, wishes: object) -> Plan:
        from transcode.decision import decide
        from transcode.profiles import load

        await self.item(item_id)
        return decide(FACTS, load("generic_dlna"), wishes)

    async def playlist(self, item_id: int, variant: Variant) -> str:
        await self.item(item_id)
        return (
            '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n'
            "#EXTINF:4.004000,\n0.m4s\n#EXTINF:5.996000,\n1.m4s\n#EXT-X-ENDLIST\n"
        )

    async def master(self, item_id: int, variant: Variant) -> str:
        await self.item(item_id)
        return '#EXTM3U\n#EXT-X-STREAM-INF:CODECS="avc1.640028,mp4a.40.2"\nindex.m3u8\n'

    async def init(self, item_id: int, variant: Variant) -> bytes:
        await self.item(item_id)
        return b"INIT"

    async def release(self, viewer: str) -> None:
        self.released.append(viewer)

    async def segment(self, item_id: int, variant: Variant, number: int, viewer: str) -> bytes:
        await self.item(item_id)
        if number > 1:
            raise NotFound(f"no segment {number}")
        return b"SEGMENT%d" % number

    async def cues(self, item_id: int, track: int, number: int) -> str:
        await self.item(item_id)
        over = "00:03.000 --> 00:05.000\nover the border\n\n"
        own = f"00:0{number * 4}.500 --> 00:0{number * 4 + 1}.000\ncue {number}\n"
        return f"WEBVTT\nX-TIMESTAMP-MAP=LOCAL:0,MPEGTS:0\n\n{over}{own}"

    async def stream(self, item_id: int, screen: object, start_s: float) -> AsyncIterator[bytes]:
        await self.item(item_id)
        yield b"TS from %.1f" % start_s
        async for piece in self.reader.read(Span(0, 1000)):
            yield bytes(piece)

    async def report(
        self, item_id: int, profile: str, position_s: float, duration_s: float | None
    ) -> None:
        self.positions[item_id] = Position(item_id, profile, position_s, duration_s, False, 0.0)

    async def where(self, item_id: int, profile: str) -> Position | None:
        return self.positions.get(item_id)

    async def add(self, name: str | None, spec: str) -> SourceRecord:
        return SourceRecord(name or "new", spec, SourceState.SCANNING)

    async def remove(self, name: str) -> None:
        self.locked = True

    async def lock(self, name: str) -> None:
        self.locked = True

    async def unlock(self, name: str, secret: str) -> None:
        if secret != "right":
            raise WrongKey("the passphrase does not open films")
        self.locked = False

    async def rescan(self, name: str) -> None:
        return None

    async def list_folder(self, name: str, path: str) -> Listing:
        stored = Stored("x", False, 3, "1")
        entry = Entry("a b/ä.txt", False, len(DATA), "1", None, stored)
        return Listing((entry,), 0)

    async def open_file(self, name: str, path: str) -> MemoryReader:
        if (name, path) != ("films", "a b/ä.txt"):
            raise NotFound(f"no file {path}")
        return self.reader


class House:
    """The gateway, listening on 127.0.0.1; ``owner`` is a Bearer token."""

    def __init__(self, *, is_open: bool = False, per_address: int = 64) -> None:
        self.clock = FakeClock()
        self.keep = MemoryKeep()
        self.bus = Bus()
        self.rooms = FakeRooms()
        self.grants = Grants(self.keep, self.clock)
        self.devices = Devices(self.keep, self.clock, self.bus, self.grants, is_open=is_open)
        self.link = OwnerLink(self.clock)
        self.codes = PairingCodes(self.clock)
        self.screens = Screens(self.clock)
        self.parts = Parts(
            settings=WebSettings(
                name="Test",
                version="1.2.3",
                server_token="Linux/6 UPnP/1.0 DLNADOC/1.50 Vaultcast/1.2.3",
                connections_per_address=per_address,
                stop_within_s=2.0,
            ),
            clock=self.clock,
            bus=self.bus,
            catalogue=self.rooms,
            opener=self.rooms,
            delivery=self.rooms,
            positions=self.rooms,
            sources=self.rooms,
            devices=self.devices,
            grants=self.grants,
            codes=self.codes,
            owner_link=self.link,
            local_secret="local-secret",
            host_check=HostCheck(["127.0.0.1"]),
            screens=self.screens,
            stream_screen=lambda device: None,
            features=lambda item: "DLNA.ORG_OP=01",
            addresses=lambda: (self.base,),
        )
        self.base = ""
        self.owner = ""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> House:
        await self._stack.enter_async_context(self.grants)
        await self._stack.enter_async_context(self.devices)
        self.app = build_app(self.parts)
        self.listener = Listener(self.app, ("127.0.0.1",), 0)
        await self._stack.enter_async_context(self.listener)
        [self.base] = self.listener.bases
        _, self.owner = await self.devices.admit(
            DeviceKind.PROGRAM, "127.0.0.1", "test", Role.OWNER
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
