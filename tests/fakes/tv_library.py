"""A made-up house for the pages: items, gradient pictures, one real film, and the server around it.

Runs alone for looking at the pages: ``python -m tests.fakes.tv_library FOLDER [ITEMS] [PORT]``.
"""

from __future__ import annotations

import asyncio
import io
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
from aiohttp import web
from PIL import Image, ImageDraw

from gateway.bus import Bus
from gateway.clock import SystemClock
from gateway.errors import NotFound
from gateway.library.records import (
    Group,
    Item,
    Kind,
    Page,
    Position,
    ProbeState,
    Query,
    Sort,
    SourceRecord,
    SourceState,
)
from gateway.playback.screens import Screens
from gateway.security.devices import Devices
from gateway.security.grants import Grants
from gateway.security.host_check import HostCheck
from gateway.security.owner import OwnerLink
from gateway.security.pairing import PairingCodes
from gateway.spans import Span
from gateway.web import page_visits, pages
from gateway.web.page_words import SourceWay
from gateway.web.parts import Parts, WebSettings
from gateway.web.server import build_app
from tests.fakes.keep import MemoryKeep
from transcode.decision import Plan, Wishes, decide
from transcode.facts import AudioFacts, Chapter, MediaFacts, SubtitleFacts, VideoFacts
from transcode.profiles import load
from transcode.screens import Screen
from transcode.source import Media
from transcode.variant import Variant

FILM_S = 60.0
_GRID_S = 4.0
_FIRST = "Quiet Last Northern Paper Glass Hollow Amber Second Winter Salt Iron Long Blue Open Small"
_LAST = "Harbour Signal Garden Orchard Station Meridian Letters Tide Archive Road Lantern Summer"
_SKIES = (
    ("#f2a65a", "#772f1a"),
    ("#335c67", "#0b132b"),
    ("#9e2a2b", "#240115"),
    ("#84a98c", "#1b3a2f"),
    ("#6d597a", "#1a1423"),
    ("#e5989b", "#4a2545"),
    ("#8ecae6", "#023047"),
    ("#ffb703", "#7f4f24"),
)


def _facts(number: int) -> MediaFacts:
    hevc = number % 5 == 3
    return MediaFacts(
        container="matroska" if number % 3 else "mp4",
        duration_s=FILM_S,
        bitrate_kbps=4200,
        video=(
            VideoFacts(
                0,
                "hevc" if hevc else "h264",
                3840 if number % 7 == 2 else 1920,
                2160 if number % 7 == 2 else 1080,
                25,
                "main 10" if hevc else "high",
                120 if hevc else 40,
                bit_depth=10 if hevc else 8,
            ),
        ),
        audio=(
            AudioFacts(1, "ac3" if hevc else "aac", 6 if number % 2 else 2, 48000, "eng"),
            AudioFacts(2, "aac", 2, 48000, "deu", "Commentary"),
        ),
        subtitles=(SubtitleFacts(3, "subrip", is_text=True, language="eng", title="English"),),
        chapters=(
            Chapter(0, 14, "The Surveyor"),
            Chapter(14, 31, "Low Water"),
            Chapter(31, 48, "The Logbook"),
            Chapter(48, 60, "Home"),
        ),
    )


def picture(number: int, size: tuple[int, int] = (640, 400)) -> bytes:
    """A sky, a sun and two ridges; the same for the same number."""
    rng = random.Random(number)
    top, low = _SKIES[number % len(_SKIES)]
    strip = Image.new("RGB", (1, 2))
    strip.putpixel((0, 0), Image.new("RGB", (1, 1), low).getpixel((0, 0)))
    strip.putpixel((0, 1), Image.new("RGB", (1, 1), top).getpixel((0, 0)))
    image = strip.resize(size, Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    wide, high = size
    x, y, r = rng.randrange(wide // 4, wide * 3 // 4), high // 3, high // 9
    draw.ellipse((x - r, y - r, x + r, y + r), fill="#fdf6e3")
    for layer in range(2):
        points = [(0, high)]
        base = high * (0.62 + 0.17 * layer)
        for step in range(13):
            points.append((wide * step / 12, base - rng.random() * high * 0.18))
        points.append((wide, high))
        shade = Image.new("RGB", (1, 1), low).getpixel((0, 0))
        draw.polygon(points, fill=tuple(int(one * (0.8 - 0.4 * layer)) for one in shade))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def tile_of(number: int) -> bytes:
    with Image.open(io.BytesIO(picture(number % 64))) as image:
        return image.resize((8, 12), Image.Resampling.BOX).convert("RGB").tobytes()


def _title(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST.split())} {rng.choice(_LAST.split())}"


def make_items(count: int = 240) -> list[Item]:
    """Films, three series, two albums, photos; ids from 1 on."""
    rng = random.Random(7)
    tiles = [tile_of(number) for number in range(64)]
    base = Item(
        id=0, source="nas", path="", kind=Kind.FILM, mime="video/mp4", title="", size_bytes=9,
        version="1", added_s=0.0, probe=ProbeState.DONE, has_art=True,
    )  # fmt: skip
    items: list[Item] = []

    def add(kind: Kind, title: str, **fields: object) -> None:
        number = len(items) + 1
        facts = _facts(number)
        made = replace(
            base, id=number, kind=kind, title=title, added_s=float(number),
            tile=tiles[number % 64], path=f"{kind}/{title} {number}.mp4",
            duration_s=FILM_S * (1 + number % 60) if kind is Kind.FILM else 2400.0, **fields,
        )  # fmt: skip
        if kind in (Kind.FILM, Kind.EPISODE):
            made = replace(
                made, facts_json=facts.to_json(), width=facts.video[0].width,
                height=facts.video[0].height, bitrate_kbps=4200,
            )  # fmt: skip
        items.append(made)

    for _ in range(count):
        add(Kind.FILM, _title(rng), year=rng.randrange(1950, 2026))
    for series in ("Copper Tide", "Open Lantern", "Iron Meridian"):
        for season in (1, 2):
            for episode in range(1, 9):
                add(Kind.EPISODE, _title(rng), series=series, season=season, episode=episode)
    for album in ("Salt Songs", "Winter Machines"):
        for track in range(1, 12):
            add(
                Kind.TRACK, _title(rng), album=album, artist="The Paper Orchestra",
                track_number=track, year=1998,
            )  # fmt: skip
            items[-1] = replace(items[-1], mime="audio/mpeg", duration_s=200.0 + track)
    for number in range(30):
        add(Kind.PHOTO, f"Harbour {number + 1}", taken_s=1.6e9 + number * 86400)
        items[-1] = replace(items[-1], mime="image/jpeg", path=f"p/{number}.jpg", duration_s=None)
    return items


class FakeCatalogue:
    """A library in a list; sorts once, pages by slicing."""

    def __init__(self, items: list[Item], sources: list[SourceRecord]) -> None:
        self.items = {one.id: one for one in items}
        self.all_sources = sources
        self.positions: dict[int, Position] = {}
        self._sorted: dict[tuple[object, ...], list[Item]] = {}

    async def item(self, item_id: int) -> Item:
        try:
            return self.items[item_id]
        except KeyError:
            raise NotFound(f"no item {item_id}") from None

    async def list_items(self, query: Query) -> Page:
        key = (
            query.kind, query.series, query.season, query.album, query.text, query.folder,
            query.sort, query.descending,
        )  # fmt: skip
        if key not in self._sorted:
            found = [one for one in self.items.values() if self._fits(one, query)]
            orders = {
                Sort.ADDED: lambda one: one.added_s,
                Sort.DATE: lambda one: one.taken_s or one.year or 0,
                Sort.EPISODE: lambda one: (one.season or 0, one.episode or 0),
                Sort.ALBUM: lambda one: (one.album or "", one.track_number or 0),
            }
            found.sort(key=orders.get(query.sort, lambda one: one.title), reverse=query.descending)
            self._sorted[key] = found
        listed = self._sorted[key]
        shown = tuple(listed[query.start : query.start + query.count])
        return Page(shown, len(listed), query.start)

    def _fits(self, item: Item, query: Query) -> bool:
        pairs = (
            (query.kind, item.kind), (query.series, item.series), (query.season, item.season),
            (query.album, item.album), (query.folder, str(item.kind)),
        )  # fmt: skip
        is_named = query.text is None or query.text.lower() in item.title.lower()
        return is_named and all(want is None or want == has for want, has in pairs)

    async def groups(
        self, what: str, parent: str | None = None, start: int = 0, count: int = 200
    ) -> tuple[list[Group], int]:
        found: dict[str, list[Item]] = {}
        if what == "folders" and parent is not None:
            return [], 0
        for item in self.items.values():
            key = {"series": item.series, "albums": item.album, "folders": str(item.kind)}[what]
            if key:
                found.setdefault(key, []).append(item)
        made = [
            Group(key, key, len(of), of[0].id, of[0].artist) for key, of in sorted(found.items())
        ]
        return made[start : start + count], len(made)

    async def continue_watching(self, profile: str, count: int) -> list[tuple[Item, Position]]:
        begun = sorted(self.positions.values(), key=lambda one: -one.updated_s)
        return [(self.items[one.item], one) for one in begun if one.position_s > 0][:count]

    async def recently_added(self, count: int) -> list[Item]:
        return sorted(self.items.values(), key=lambda one: -one.added_s)[:count]

    async def counts(self) -> dict[Kind, int]:
        out: dict[Kind, int] = {}
        for one in self.items.values():
            out[one.kind] = out.get(one.kind, 0) + 1
        return out

    async def art(self, item_id: int) -> bytes | None:
        return picture(item_id % 64)

    async def sources(self) -> list[SourceRecord]:
        return self.all_sources

    async def report(
        self, item_id: int, profile: str, position_s: float, duration_s: float | None
    ) -> None:
        made = Position(item_id, profile, position_s, duration_s, False, len(self.positions) + 1.0)
        self.positions[item_id] = made

    async def where(self, item_id: int, profile: str) -> Position | None:
        return self.positions.get(item_id)


class FilmFiles:
    """One minute of moving picture with a tone, as a file, as segments, and as sound alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / "index.m3u8").exists():
            return
        source = ["-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={FILM_S}"]
        source += ["-f", "lavfi", "-i", f"sine=frequency=330:duration={FILM_S}"]
        coded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "100", "-keyint_min", "100"]
        coded += ["-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2"]
        base = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
        hls = ["-f", "hls", "-hls_time", str(_GRID_S), "-hls_playlist_type", "vod"]
        hls += ["-hls_segment_type", "fmp4", "-hls_segment_filename"]
        for arguments in (
            [*source, *coded, "-movflags", "+faststart", "film.mp4"],
            ["-i", "film.mp4", "-c", "copy", *hls, "%d.m4s", "index.m3u8"],
            ["-i", "film.mp4", "-vn", "-t", "6", "sound.mp3"],
        ):
            subprocess.run([*base, *arguments], cwd=self.folder, check=True)


class FakeReader:
    """A file of the folder as an opened item."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size_bytes = path.stat().st_size
        self.etag = f'"{path.name}"'
        self.identity = None

    async def read(self, span: Span) -> AsyncIterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(span.start)
            left = span.stop - span.start
            while left > 0:
                piece = file.read(min(65536, left))
                left -= len(piece)
                yield piece


class FakeOpened:
    def __init__(self, item: Item, reader: FakeReader) -> None:
        self.item = item
        self.reader = reader


class FakePlayback:
    """Opener and deliverer over the one film."""

    def __init__(self, catalogue: FakeCatalogue, files: FilmFiles) -> None:
        self._catalogue = catalogue
        self._files = files
        self.segment_delay_s = 0.0
        self.broken = False
        self.asked: list[int] = []
        self.released: list[str] = []

    async def open(self, item_id: int) -> FakeOpened:
        item = await self._catalogue.item(item_id)
        path = self._files.folder / "film.mp4"
        if item.kind is Kind.TRACK:
            path = self._files.folder / "sound.mp3"
        if item.kind is Kind.PHOTO:
            path = self._files.folder / f"photo{item_id % 8}.jpg"
            if not path.exists():
                path.write_bytes(picture(item_id % 64, (1600, 1067)))
        return FakeOpened(item, FakeReader(path))

    def facts(self, item: Item) -> MediaFacts:
        if item.kind is Kind.TRACK:
            return MediaFacts("mp3", 6.0, 128, audio=(AudioFacts(0, "mp3", 2, 44100),))
        # The bytes are those of one film, whatever the item says of itself.
        video = VideoFacts(0, "h264", 640, 360, 25, "high", 30)
        sound = replace(_facts(item.id).audio[0], codec="aac", channels=2)
        container = "mp4" if item.id % 2 else "matroska"
        others = _facts(item.id).audio[1:]
        return replace(_facts(item.id), container=container, video=(video,), audio=(sound, *others))

    async def media(self, item_id: int) -> Media:
        item = await self._catalogue.item(item_id)
        return Media(str(item_id), "mp4", None, self.facts(item))  # type: ignore[arg-type]

    async def plan(self, item_id: int, screen: Screen, wishes: Wishes) -> Plan:
        item = await self._catalogue.item(item_id)
        wide = replace(screen, containers=screen.containers - {"matroska"})
        return decide(self.facts(item), wide, wishes)

    async def playlist(self, item_id: int, variant: Variant) -> str:
        return (self._files.folder / "index.m3u8").read_text()

    async def master(self, item_id: int, variant: Variant) -> str:
        return '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.640016,mp4a.40.2"\nindex.m3u8\n'

    async def init(self, item_id: int, variant: Variant) -> bytes:
        return (self._files.folder / "init.mp4").read_bytes()

    async def release(self, viewer: str) -> None:
        self.released.append(viewer)

    async def segment(self, item_id: int, variant: Variant, number: int, viewer: str) -> bytes:
        self.asked.append(number)
        if self.broken:
            raise NotFound("the segment is gone")
        await asyncio.sleep(self.segment_delay_s)
        path = self._files.folder / f"{number}.m4s"
        if not path.exists():
            raise NotFound(f"no segment {number}")
        return path.read_bytes()

    async def cues(self, item_id: int, track: int, number: int) -> str:
        start = number * int(_GRID_S)
        return (
            "WEBVTT\n\n"
            f"00:00:{start:02d}.000 --> 00:00:{start + 3:02d}.900\n"
            f"Someone has <i>kept</i> the lamp burning.\nPiece {number} &amp; no more\n"
        )

    def stream(self, item_id: int, screen: Screen, start_s: float) -> AsyncIterator[bytes]:
        raise NotFound("no page of these tests asks for a transport stream")


class House:
    """The running server; ``base`` is its address."""

    def __init__(self, parts: Parts, catalogue: FakeCatalogue, playback: FakePlayback) -> None:
        self.parts = parts
        self.catalogue = catalogue
        self.playback = playback
        self.base = ""


@asynccontextmanager
async def running_house(
    folder: Path, *, films: int = 240, is_open: bool = True, port: int = 0, locked: bool = True
) -> AsyncIterator[House]:
    """The whole web room with made-up items on loopback."""
    files = FilmFiles(folder / "film")
    await asyncio.to_thread(files.make)
    items = make_items(films) if films else []
    sources = [SourceRecord("nas", "rclone:nas", SourceState.READY, item_count=len(items))]
    if locked:
        sources.append(SourceRecord("family", "rclone:f", SourceState.LOCKED, item_count=214))
    catalogue = FakeCatalogue(items, sources if items else [])
    for number, at in ((4, 30), (9, 10), (12, 44), (20, 51), (31, 20)):
        if number in catalogue.items:
            length = catalogue.items[number].duration_s or FILM_S
            await catalogue.report(number, "home", length * at / 60, length)
    playback = FakePlayback(catalogue, files)
    clock, keep, bus = SystemClock(), MemoryKeep(), Bus()
    async with AsyncExitStack() as stack:
        grants = await stack.enter_async_context(Grants(keep, clock))
        devices = await stack.enter_async_context(
            Devices(keep, clock, bus, grants, is_open=is_open)
        )
        parts = Parts(
            settings=WebSettings("Vaultcast", "0.0", "test"),
            clock=clock,
            bus=bus,
            catalogue=catalogue,
            opener=playback,
            delivery=playback,
            positions=catalogue,
            sources=None,  # type: ignore[arg-type]
            devices=devices,
            grants=grants,
            codes=PairingCodes(clock),
            owner_link=OwnerLink(clock),
            local_secret="none",
            host_check=HostCheck(["127.0.0.1"]),
            screens=Screens(clock),
            stream_screen=lambda _device: load("generic_dlna"),
            features=lambda _item: "",
            addresses=tuple,
        )
        app = build_app(parts)
        known = {str(one.resource.canonical) for one in app.router.routes() if one.resource}
        if "/tv" not in known:
            app.add_routes(pages.routes())
        app[page_visits.SOURCE_WAYS] = lambda name: SourceWay("nas.local", is_encrypted=True)
        house = House(parts, catalogue, playback)
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            bound = runner.addresses[0][1]
            house.base = f"http://127.0.0.1:{bound}"
            yield house
        finally:
            await runner.cleanup()


async def _serve(folder: Path, films: int, port: int) -> None:
    async with running_house(folder, films=films, port=port) as house:
        print(house.base, flush=True)
        print(f"owner: {house.base}/remote#own.{house.parts.owner_link.make()}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(
        _serve(
            Path(sys.argv[1]),
            int(sys.argv[2]) if len(sys.argv) > 2 else 240,
            int(sys.argv[3]) if len(sys.argv) > 3 else 0,
        )
    )
