"""The converter's input server: only its address opens it, only while it is lent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.errors import HostDown
from gateway.web.loopback import LoopbackInput
from tests.fakes.house import DATA


class Source:
    """Clear bytes by span; breaks or hangs on demand."""

    size_bytes = len(DATA)

    def __init__(self) -> None:
        self.open = 0
        self.mode = ""

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            for at in range(start, stop, 65536):
                if self.mode == "fail" and at:
                    raise HostDown("cut")
                yield DATA[at : min(at + 65536, stop)]
                if self.mode == "hang":
                    await asyncio.sleep(3600)
        finally:
            self.open -= 1


@pytest.fixture
async def loopback():
    async with LoopbackInput() as made:
        yield made


@pytest.fixture
async def client():
    async with aiohttp.ClientSession() as session:  # noqa: TID251 - the other side
        yield session


async def test_ranges_work_at_the_lent_address(loopback, client) -> None:
    async with loopback.publish(Source(), "mkv") as url:
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith(".mkv")
        async with client.get(url, headers={"Range": "bytes=70000-"}) as reply:
            assert (reply.status, await reply.read()) == (206, DATA[70000:])
        async with client.head(url) as reply:
            assert reply.headers["Content-Length"] == str(len(DATA))
        async with client.get(url, headers={"Range": "bytes=900000-"}) as reply:
            assert reply.status == 416
        async with client.post(url) as reply:
            assert reply.status == 404


async def test_an_address_ends_with_its_loan_and_no_other_opens(loopback, client) -> None:
    async with loopback.publish(Source(), "../evil") as url:
        assert "evil" not in url
        async with client.get(url + "x") as reply:
            assert reply.status == 404
        async with client.get(url.rpartition("/")[0] + "/") as reply:
            assert reply.status == 404
    async with client.get(url) as reply:
        assert reply.status == 404


async def test_a_reader_is_cut_when_the_loan_ends(loopback, client) -> None:
    source = Source()
    source.mode = "hang"
    async with loopback.publish(source, "mkv") as url:
        reply = await client.get(url)
        assert source.open == 1
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
        await reply.read()
    async with asyncio.timeout(1):
        while source.open:
            await asyncio.sleep(0.005)


async def test_a_failed_read_is_never_a_clean_end(loopback, client) -> None:
    source = Source()
    source.mode = "fail"
    async with loopback.publish(source, "mkv") as url, client.get(url) as reply:
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
            await reply.read()
    assert source.open == 0
