"""What every host promises; a further one joins with one line in ``HOSTS``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from aiohttp import web

from gateway.errors import HostChanged, NotFound
from gateway.hosts.base import Host, Stored
from gateway.hosts.http_listing import HttpListingHost, HttpListingSettings
from gateway.hosts.layers.limit import LimitHost
from gateway.hosts.layers.retry import RetryHost
from gateway.hosts.local import LocalHost
from gateway.hosts.webdav import WebDavHost, WebDavSettings
from gateway.outbound import Outbound
from gateway.spans import Span
from tests.fakes.web_host import WebHost

BIG = os.urandom(700_001)
FILES = {
    "film.mkv": BIG,
    "empty": b"",
    "Ordner/Übung #1 100% ?.txt": b"sub",
    "Ordner/tief/a+b&c;d'e.bin": b"deep",
}


async def serve(fake: WebHost, stack: AsyncExitStack) -> str:
    runner = web.AppRunner(fake.app(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/dav/"


async def local(folder: Path, stack: AsyncExitStack) -> Host:
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return LocalHost(folder)


async def webdav(folder: Path, stack: AsyncExitStack) -> Host:
    url = await serve(WebHost(FILES), stack)
    return WebDavHost(WebDavSettings(url), await stack.enter_async_context(Outbound()))


async def listing(folder: Path, stack: AsyncExitStack) -> Host:
    url = await serve(WebHost(FILES), stack)
    return HttpListingHost(HttpListingSettings(url), await stack.enter_async_context(Outbound()))


async def layered(folder: Path, stack: AsyncExitStack) -> Host:
    return RetryHost(LimitHost(await webdav(folder, stack)))


Factory = Callable[[Path, AsyncExitStack], Awaitable[Host]]
HOSTS: dict[str, Factory] = {
    "local": local,
    "webdav": webdav,
    "http_listing": listing,
    "webdav behind its layers": layered,
}


@pytest.fixture(params=HOSTS.values(), ids=HOSTS.keys())
async def host(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Host]:
    async with AsyncExitStack() as stack:
        made = await request.param(tmp_path, stack)
        yield made
        await made.close()


async def read(host: Host, item: Stored, span: Span) -> bytes:
    async with aclosing(host.read(item, span)) as pieces:
        return b"".join([bytes(piece) async for piece in pieces])


async def test_a_folder_lists_what_is_directly_inside(host: Host) -> None:
    root = {entry.path: entry for entry in await host.list("")}
    assert set(root) == {"film.mkv", "empty", "Ordner"}
    assert root["Ordner"].is_folder
    assert root["Ordner"].size_bytes == 0
    assert root["film.mkv"].size_bytes == len(BIG)
    inside = {entry.path for entry in await host.list("Ordner")}
    assert inside == {"Ordner/Übung #1 100% ?.txt", "Ordner/tief"}


async def test_stat_says_the_same_as_the_listing(host: Host) -> None:
    for folder in ("", "Ordner", "Ordner/tief"):
        for entry in await host.list(folder):
            facts = await host.stat(entry.path)
            assert (facts.path, facts.is_folder, facts.size_bytes) == (
                entry.path,
                entry.is_folder,
                entry.size_bytes,
            )
            assert facts.version == entry.version


async def test_names_with_any_character_are_read(host: Host) -> None:
    for path in ("Ordner/Übung #1 100% ?.txt", "Ordner/tief/a+b&c;d'e.bin"):
        item = await host.stat(path)
        assert await read(host, item, Span(0, item.size_bytes)) == FILES[path]


async def test_spans_are_exact(host: Host) -> None:
    item = await host.stat("film.mkv")
    size = len(BIG)
    for start, stop in ((0, size), (0, 1), (1, 65537), (size - 1, size), (300_000, 300_000)):
        assert await read(host, item, Span(start, stop)) == BIG[start:stop]


async def test_many_readers_at_once(host: Host) -> None:
    item = await host.stat("film.mkv")
    spans = [Span(n * 1000, n * 1000 + 100_000) for n in range(20)]
    got = await asyncio.gather(*(read(host, item, span) for span in spans))
    assert got == [BIG[span.start : span.stop] for span in spans]


async def test_an_empty_file_gives_nothing(host: Host) -> None:
    assert await read(host, await host.stat("empty"), Span(0, 0)) == b""


async def test_what_does_not_exist_is_not_found(host: Host) -> None:
    with pytest.raises(NotFound):
        await host.stat("nothing")
    with pytest.raises(NotFound):
        await host.list("nothing/here")
    with pytest.raises(NotFound):
        await read(host, Stored("nothing", False, 5, "v"), Span(0, 5))


async def test_another_size_than_listed_is_a_change(host: Host) -> None:
    item = await host.stat("film.mkv")
    longer = Stored(item.path, False, item.size_bytes + 1, item.version, item.modified_s)
    if isinstance(host, LocalHost):
        longer = Stored(item.path, False, item.size_bytes + 1, "other", item.modified_s)
    with pytest.raises(HostChanged):
        await read(host, longer, Span(0, 10))


async def test_closing_early_ends_the_read_at_once(host: Host) -> None:
    item = await host.stat("film.mkv")
    pieces = host.read(item, Span(0, item.size_bytes))
    await anext(pieces)
    async with asyncio.timeout(0.1):
        await pieces.aclose()
