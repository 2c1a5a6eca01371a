"""Retry and limit without a network."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from gateway.errors import HostDown, HostRefused
from gateway.hosts.base import Stored
from gateway.hosts.layers.limit import LimitHost, Priority, Slots, at_priority
from gateway.hosts.layers.retry import RetryHost, RetryPolicy
from gateway.spans import Span
from tests.fakes.clock import FakeClock
from tests.fakes.memory_host import MemoryHost

DATA = os.urandom(400_000)


async def at_once(seconds: float) -> None:
    del seconds


async def collect(host: RetryHost | LimitHost, span: Span) -> bytes:
    item = await host.stat("f")
    async with aclosing(host.read(item, span)) as pieces:
        return b"".join([bytes(piece) async for piece in pieces])


async def test_every_cut_is_resumed_where_it_happened() -> None:
    memory = MemoryHost({"f": DATA})
    memory.cut_at(70_000, 70_000, 70_000, 70_000, 70_000)
    assert await collect(RetryHost(memory, sleep=at_once), Span(3, 399_999)) == DATA[3:399_999]
    assert [span.start for _, span in memory.reads] == [3 + 70_000 * n for n in range(6)]


async def test_cuts_without_progress_are_given_up() -> None:
    memory = MemoryHost({"f": DATA})
    memory.cut_at(*[10] * 9)
    with pytest.raises(HostDown):
        await collect(RetryHost(memory, RetryPolicy(tries=3), sleep=at_once), Span(0, 400_000))
    assert len(memory.reads) == 3


class SilentHost(MemoryHost):
    """Each read after the first waits 20 s for nothing."""

    def __init__(self, files: dict[str, bytes], clock: FakeClock) -> None:
        super().__init__(files)
        self.clock = clock

    async def read(self, item: Stored, span: Span) -> AsyncGenerator[memoryview, None]:
        async with aclosing(super().read(item, span)) as pieces:
            async for piece in pieces:
                if len(self.reads) > 1:
                    self.clock.move(20)
                    raise HostDown("fell silent")
                yield piece


async def test_a_silence_is_not_waited_for_again_and_again() -> None:
    clock = FakeClock()
    memory = SilentHost({"f": DATA}, clock)
    memory.cut_at(100_000)
    host = RetryHost(memory, RetryPolicy(patience_s=15), sleep=at_once, now=clock.monotonic_s)
    got = bytearray()

    async def watch() -> None:
        async with aclosing(host.read(await host.stat("f"), Span(0, 400_000))) as pieces:
            async for piece in pieces:
                got.extend(piece)
                clock.move(20)  # a viewer's pause is no silence of the host

    with pytest.raises(HostDown, match="silent"):
        await watch()
    assert bytes(got) == DATA[:100_000]
    assert len(memory.reads) == 2


async def test_an_error_that_lasts_is_raised_at_once() -> None:
    memory = MemoryHost({"f": DATA})
    memory.fail_next(HostRefused("no"))
    with pytest.raises(HostRefused):
        await RetryHost(memory, sleep=at_once).stat("f")
    assert (await RetryHost(memory, sleep=at_once).stat("f")).size_bytes == 400_000


async def test_a_long_wait_the_host_asks_for_is_passed_on() -> None:
    memory = MemoryHost({"f": DATA})
    memory.fail_next(HostDown("later", retry_after_s=3600))
    with pytest.raises(HostDown) as caught:
        await RetryHost(memory, sleep=at_once).list("")
    assert caught.value.retry_after_s == 3600


async def test_waiting_places_go_by_priority_then_arrival() -> None:
    slots, order = Slots(1), []

    async def work(name: str, priority: Priority) -> None:
        async with slots.take(priority):
            order.append(name)

    async with asyncio.TaskGroup() as group, slots.take(Priority.PREFETCH):
        for name, priority in (("c", Priority.PREFETCH), ("b", Priority.PROBING)):
            group.create_task(work(name, priority))
        group.create_task(work("a", Priority.PLAYBACK))
        group.create_task(work("d", Priority.PREFETCH))
        await asyncio.sleep(0)
        assert order == []
    assert order == ["a", "b", "c", "d"]


async def test_who_stops_waiting_gives_its_place_on() -> None:
    slots = Slots(1)

    async def hold() -> None:
        async with slots.take(Priority.PROBING):
            pass

    async with slots.take(Priority.PROBING):
        waiting = [asyncio.get_running_loop().create_task(hold()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting[1:])
    assert waiting[0].cancelled()
    async with asyncio.timeout(1), slots.take(Priority.PREFETCH):
        pass


async def test_at_most_four_probes_run_and_playback_does_not_wait_for_them() -> None:
    memory = MemoryHost({"f": DATA})
    gate = memory.stall()
    host = LimitHost(memory)
    with at_priority(Priority.PROBING):
        probes = [
            asyncio.get_running_loop().create_task(collect(host, Span(0, 100))) for _ in range(9)
        ]
    for _ in range(20):
        await asyncio.sleep(0)
    assert memory.running == 4
    playing = asyncio.get_running_loop().create_task(
        anext(host.read(memory.stored("f"), Span(0, 5)))
    )
    for _ in range(5):
        await asyncio.sleep(0)
    assert memory.running == 5
    gate.set()
    assert await asyncio.gather(*probes) == [DATA[:100]] * 9
    assert bytes(await playing) == DATA[:5]
