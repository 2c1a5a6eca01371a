"""An opened library in a folder of the test, and short ways to fill it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.bus import Bus
from gateway.library.library import Library
from gateway.library.records import Found, Kind, Query, ScanDiff
from tests.fakes.clock import FakeClock
from tests.fakes.fragments import PlainFragments

KEY = bytes(range(32))


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    key: bytes = KEY,
    clock: FakeClock | None = None,
    bus: Bus | None = None,
    fragments: PlainFragments | None = None,
) -> AsyncIterator[Library]:
    """A library that is closed at the end."""
    library = await Library.open(
        folder, key, clock or FakeClock(), bus or Bus(), fragments or PlainFragments()
    )
    try:
        yield library
    finally:
        await library.close()


def film(path: str, *, source: str = "home", size: int = 1000, version: str = "") -> Found:
    """A film whose title is its name without the suffix; its version is its name's, once."""
    title = path.rpartition("/")[2].rpartition(".")[0]
    return Found(source, path, size, version or f"v-{title}", 1e9, Kind.FILM, "video/mp4", title)


def track(path: str, number: int, album: str = "Waves", artist: str = "Sea") -> Found:
    """A track of an album."""
    title = path.rpartition("/")[2].rpartition(".")[0]
    return Found(
        "home", path, 500 + number, f"v-{path}", 1e9, Kind.TRACK, "audio/mpeg", title,
        artist=artist, album=album, track_number=number,
    )  # fmt: skip


def episode(path: str, series: str, season: int, number: int) -> Found:
    """An episode of a series."""
    return Found(
        "home", path, 700, f"v-{path}", 1e9, Kind.EPISODE, "video/mp4", f"Part {number}",
        series=series, season=season, episode=number,
    )  # fmt: skip


async def scanned(library: Library, found: list[Found], source: str = "home") -> ScanDiff:
    """A complete listing of a source that may be new."""
    await library.add_source(source, f"/{source}")
    scan = await library.begin_scan(source)
    await scan.put(found)
    return await scan.finish(True)


async def names(library: Library, container: str, start: int = 0, count: int = 0) -> list[str]:
    """Titles of a container's page, in order."""
    page = await library.browse_children(container, "generic", "http://a:1", "T", start, count)
    return [line.partition(">")[2].partition("<")[0].partition("|")[0]
            for line in page.result.splitlines()]  # fmt: skip


async def id_of(library: Library, title: str) -> int:
    """Id of the newest item with a title."""
    found = (await library.list_items(Query(text=title, count=500))).items
    return max(one.id for one in found if one.title == title)
