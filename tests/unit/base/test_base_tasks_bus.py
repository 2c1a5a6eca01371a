from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.bus import Bus, LibraryChanged, SourceChanged
from gateway.tasks import Tasks


async def test_no_task_outlives_its_owner():
    ended = asyncio.Event()

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Tasks("room") as tasks:
        task = tasks.start("work", endless())
        await asyncio.sleep(0)
    assert task.cancelled()
    assert ended.is_set()


async def test_a_task_started_while_closing_is_closed_too():
    tasks = Tasks("room")
    later: list[asyncio.Task[None]] = []

    async def last_words():
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(RuntimeError, match="closed"):
                later.append(tasks.start("more", asyncio.sleep(60)))

    tasks.start("first", last_words())
    await asyncio.sleep(0)
    await tasks.close()
    assert later == []


async def test_a_failure_is_logged_and_stays_in_the_task(caplog):
    async def fail():
        raise ValueError("broken pipe dream")

    with caplog.at_level(logging.ERROR):
        async with Tasks("room") as tasks:
            task = tasks.start("work", fail())
            with pytest.raises(ValueError, match="pipe dream"):
                await task
    assert "room/work" in caplog.text


def test_every_listener_hears_and_a_full_one_loses_the_oldest():
    bus = Bus()
    with bus.listen(2) as small, bus.listen() as large:
        for number in range(3):
            bus.put(LibraryChanged(number))
        assert small._queue.qsize() == 2
        assert small._queue.get_nowait() == LibraryChanged(1)
        assert large._queue.qsize() == 3
    bus.put(SourceChanged("home", "ready"))
    assert large._queue.qsize() == 3


async def test_a_listener_is_an_endless_iterator():
    bus = Bus()
    with bus.listen() as listener:
        bus.put(SourceChanged("home", "away"))
        async for event in listener:
            assert event == SourceChanged("home", "away")
            break
