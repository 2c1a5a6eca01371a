"""Servers that misbehave: each fault becomes the right error, or the reader never notices."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from aiohttp import web

from gateway.errors import HostChanged, HostDown, HostNonsense, HostRefused, QuotaSpent
from gateway.hosts.base import Host
from gateway.hosts.http_listing import HttpListingHost, HttpListingSettings
from gateway.hosts.layers.retry import RetryHost
from gateway.hosts.webdav import WebDavHost, WebDavSettings
from gateway.outbound import Outbound
from gateway.spans import Span
from tests.fakes.web_host import WebHost

DATA = os.urandom(900_000)


class World:
    """One fake server and the way to it."""

    def __init__(self, fake: WebHost, url: str, outbound: Outbound) -> None:
        self.fake = fake
        self.url = url
        self.outbound = outbound
        self.waits: list[float] = []

    def dav(self, **settings: str) -> WebDavHost:
        return WebDavHost(WebDavSettings(self.url, **settings), self.outbound)

    def patient(self) -> RetryHost:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        return RetryHost(self.dav(), sleep=sleep, chance=lambda: 1.0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    fake = WebHost({"film.mkv": DATA, "other": b"x" * 10})
    runner = web.AppRunner(fake.app(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/dav/"
    async with Outbound(silence_s=0.3) as outbound:
        yield World(fake, url, outbound)
    await runner.cleanup()


async def read(host: Host, span: Span | None = None) -> bytes:
    item = await host.stat("film.mkv")
    async with aclosing(host.read(item, span or Span(0, item.size_bytes))) as pieces:
        return b"".join([bytes(piece) async for piece in pieces])


async def test_a_body_cut_in_the_middle_is_resumed_at_the_right_byte(world: World) -> None:
    world.fake.cut_at = [100_000, 1, 0]
    assert await read(world.patient(), Span(17, 800_017)) == DATA[17:800_017]
    assert [method for method, _ in world.fake.requests].count("GET") == 4


async def test_a_cut_body_without_the_retry_layer_is_an_error(world: World) -> None:
    world.fake.cut_at = [100_000]
    with pytest.raises(HostDown):
        await read(world.dav())


async def test_503_twice_is_waited_for(world: World) -> None:
    host = world.patient()
    await host.stat("film.mkv")
    world.fake.statuses = [(503, {}), (503, {"Retry-After": "2"})]
    assert await read(host) == DATA
    assert world.waits == [0.25, 2.0]


async def test_a_silent_server_is_given_up_in_time(world: World) -> None:
    world.fake.stalls = True
    begun = time.monotonic()
    with pytest.raises(HostDown, match="silent"):
        await read(world.dav())
    assert time.monotonic() - begun < 3


async def test_a_server_that_ignores_ranges_is_told_in_a_sentence(world: World) -> None:
    world.fake.ignores_range = True
    with pytest.raises(HostNonsense, match="ignores ranges"):
        await read(world.dav(), Span(5, 10))
    assert await read(world.dav()) == DATA  # the whole file is what was asked


async def test_an_etag_that_moves_is_a_change(world: World) -> None:
    item = await world.dav().stat("film.mkv")
    world.fake.moves_etag = True
    with pytest.raises(HostChanged):
        await anext(world.patient().read(item, Span(0, 10)))
    assert world.waits == []


async def test_a_spent_quota_says_when_to_come_again(world: World) -> None:
    host = world.patient()
    for status in (429, 509):
        world.fake.statuses = [(status, {"Retry-After": "90"})]
        with pytest.raises(QuotaSpent) as caught:
            await host.stat("film.mkv")
        assert caught.value.retry_after_s == 90
    assert world.waits == []


async def test_no_permission_is_not_tried_again(world: World) -> None:
    world.fake.statuses = [(403, {})]
    with pytest.raises(HostRefused):
        await world.patient().list("")
    assert len(world.fake.requests) == 1


async def test_a_host_that_stays_down_is_given_up(world: World) -> None:
    world.fake.statuses = [(500, {})] * 50
    with pytest.raises(HostDown):
        await world.patient().list("")
    assert len(world.fake.requests) == 5
    assert world.waits == [0.25, 0.5, 1.0, 2.0]


async def test_nobody_listening_is_down() -> None:
    async with Outbound() as outbound:
        host = WebDavHost(WebDavSettings("http://127.0.0.1:9/"), outbound)
        with pytest.raises(HostDown, match="cannot be reached"):
            await host.list("")


async def test_leaving_closes_the_transfer_at_the_server(world: World) -> None:
    host = world.dav()
    item = await host.stat("film.mkv")
    world.fake.stalls = True
    pieces = host.read(item, Span(0, item.size_bytes))
    await anext(pieces)
    begun = time.monotonic()
    await pieces.aclose()
    async with asyncio.timeout(1):
        await world.fake.gone.wait()
    assert time.monotonic() - begun < 0.1


@pytest.mark.parametrize("digest", [False, True])
async def test_the_login_the_server_asks_for_is_given(world: World, digest: bool) -> None:
    world.fake.login, world.fake.digest = ("anna", "g&heim"), digest
    host = world.dav(user="anna", password="g&heim")
    assert await read(host, Span(7, 70_000)) == DATA[7:70_000]
    before = len(world.fake.requests)
    await read(host, Span(0, 5))
    assert len(world.fake.requests) - before == 2  # no further 401
    with pytest.raises(HostRefused, match="login"):
        await world.dav(user="anna", password="no").stat("film.mkv")


async def test_a_password_is_not_sent_before_it_is_asked_for(world: World) -> None:
    world.fake.login, world.fake.digest = ("anna", "secret"), True
    seen: list[str] = []
    refuse = world.fake._refuse
    world.fake._refuse = lambda request: (  # type: ignore[method-assign]
        seen.append(request.headers.get("Authorization", "")) or refuse(request)
    )
    await world.dav(user="anna", password="secret").stat("film.mkv")
    assert not any(sent.startswith("Basic") for sent in seen)


async def test_a_bearer_token_is_sent(world: World) -> None:
    world.fake.bearer = "tok"
    assert (await world.dav(bearer="tok").stat("other")).size_bytes == 10


async def test_absolute_hrefs_are_understood(world: World) -> None:
    world.fake.absolute_hrefs = True
    assert {entry.path for entry in await world.dav().list("")} == {"film.mkv", "other"}


async def test_a_document_type_in_a_listing_is_refused(world: World) -> None:
    world.fake.document_type = True
    with pytest.raises(HostNonsense, match="document type"):
        await world.dav().list("")


async def test_a_date_that_is_none_is_no_fault(world: World) -> None:
    assert (await world.dav().stat("other")).modified_s is None


async def test_a_failing_head_fails_the_whole_listing(world: World) -> None:
    host = HttpListingHost(HttpListingSettings(world.url), world.outbound)
    world.fake.statuses = []
    await host.list("")
    fail_second = world.fake.statuses
    original = world.fake._page
    world.fake._page = lambda path: (  # type: ignore[method-assign]
        fail_second.append((503, {})) or original(path)
    )
    with pytest.raises(HostDown):
        await host.list("")


async def test_the_ledger_knows_host_purpose_and_bytes(world: World) -> None:
    await read(world.dav(), Span(0, 50_000))
    assert world.outbound.ledger["127.0.0.1", "read"].received_bytes == 50_000
    assert world.outbound.ledger["127.0.0.1", "list"].requests == 1
