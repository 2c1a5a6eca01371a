from __future__ import annotations

import asyncio

import pytest

from tests.fakes.converter import FakeConverter
from transcode.command import conversion_of
from transcode.errors import ConverterFailed, TooManyConversions
from transcode.facts import MediaFacts, VideoFacts
from transcode.segments import SegmentStore
from transcode.sessions import Order, SessionLimits, Sessions
from transcode.source import Media
from transcode.variant import Variant

FACTS = MediaFacts("matroska", 600.0, 9000, video=(VideoFacts(0, "hevc", 1920, 1080, 24.0),))


class NoSource:
    size_bytes = 1

    def read(self, start, stop):
        raise AssertionError("the film is not read here")


def order(key: str = "film") -> Order:
    media = Media(key, "mkv", NoSource(), FACTS)
    variant = Variant.parse("fmp4-v0h720")
    return Order(key, media, conversion_of(FACTS, variant), lambda piece: piece.video[0].data)


@pytest.fixture
async def made():
    converter = FakeConverter()
    store = SegmentStore()
    limits = SessionLimits(conversions=2, ahead=4, near=2)
    async with Sessions(converter, store, limits) as sessions:
        yield sessions, converter, store
    assert converter.running == 0


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_a_resume_starts_exactly_one_converter_where_it_is_asked(made):
    sessions, converter, _ = made
    assert await sessions.segment(order(), 150, "tv") == b"150"
    assert await sessions.segment(order(), 151, "tv") == b"151"
    assert converter.started == [150]


async def test_two_requests_at_once_share_one_converter(made):
    sessions, converter, _ = made
    both = await asyncio.gather(
        sessions.segment(order(), 7, "tv"), sessions.segment(order(), 8, "tv")
    )
    assert both == [b"7", b"8"]
    assert converter.started == [7]


async def test_the_converter_rests_a_few_segments_ahead(made):
    sessions, converter, store = made
    await sessions.segment(order(), 0, "tv")
    await settle()
    assert store.has("film", 4)
    assert not store.has("film", 6)
    await sessions.segment(order(), 4, "tv")
    await settle()
    assert store.has("film", 8)
    assert converter.started == [0]


async def test_a_far_seek_restarts_there_and_ends_the_former_run(made):
    sessions, converter, _ = made
    await sessions.segment(order(), 0, "tv")
    await sessions.segment(order(), 200, "tv")
    assert converter.started == [0, 200]
    assert converter.running == 1


async def test_a_seek_back_is_answered_from_memory(made):
    sessions, converter, _ = made
    await sessions.segment(order(), 10, "tv")
    await sessions.segment(order(), 11, "tv")
    assert await sessions.segment(order(), 10, "tv") == b"10"
    assert converter.started == [10]


async def test_a_seek_back_beyond_memory_restarts(made):
    sessions, converter, _ = made
    await sessions.segment(order(), 10, "tv")
    assert await sessions.segment(order(), 3, "tv") == b"3"
    assert converter.started == [10, 3]
    assert converter.running == 1


async def test_a_second_viewer_far_away_gets_his_own_converter(made):
    sessions, converter, _ = made
    await sessions.segment(order(), 0, "tv")
    await sessions.segment(order(), 200, "phone")
    await sessions.segment(order(), 1, "tv")
    assert converter.started == [0, 200]
    assert converter.running == 2


async def test_a_second_viewer_nearby_shares_the_converter(made):
    sessions, converter, _ = made
    await sessions.segment(order(), 0, "tv")
    await sessions.segment(order(), 1, "phone")
    await sessions.release("tv")
    assert converter.running == 1
    await sessions.release("phone")
    assert converter.running == 0


async def test_a_third_conversion_is_refused(made):
    sessions, _, _ = made
    await sessions.segment(order("a"), 0, "one")
    await sessions.segment(order("b"), 0, "two")
    with pytest.raises(TooManyConversions, match="2 conversions"):
        await sessions.segment(order("c"), 0, "three")


async def test_another_film_takes_the_place_of_the_viewers_former_one(made):
    sessions, converter, _ = made
    await sessions.segment(order("a"), 0, "tv")
    await sessions.segment(order("b"), 0, "tv")
    assert converter.running == 1


async def test_a_viewer_who_asks_nothing_more_is_gone_after_a_while(made):
    sessions, converter, _ = made
    await sessions.segment(order(), 0, "tv")
    now = asyncio.get_running_loop().time()
    await sessions.sweep(now + 29)
    assert converter.running == 1
    await sessions.sweep(now + 31)
    assert converter.running == 0


async def test_a_torn_request_ends_the_converter_soon(made):
    sessions, converter, _ = made
    converter.hold = asyncio.Event()
    waiting = asyncio.get_running_loop().create_task(sessions.segment(order(), 0, "tv"))
    await settle()
    assert converter.running == 1
    waiting.cancel()
    await asyncio.wait([waiting])
    now = asyncio.get_running_loop().time()
    await sessions.sweep(now + 1)
    assert converter.running == 1
    await sessions.sweep(now + 2.5)
    assert converter.running == 0


async def test_a_viewer_who_waits_is_not_swept(made):
    sessions, converter, _ = made
    converter.hold = asyncio.Event()
    waiting = asyncio.get_running_loop().create_task(sessions.segment(order(), 0, "tv"))
    await settle()
    await sessions.sweep(asyncio.get_running_loop().time() + 1000)
    assert converter.running == 1
    converter.hold.set()
    assert await waiting == b"0"


async def test_a_failure_reaches_the_viewer_and_the_next_request_tries_again(made):
    sessions, converter, _ = made
    converter.fail_at = 2
    with pytest.raises(ConverterFailed, match="broke"):
        await sessions.segment(order(), 2, "tv")
    converter.fail_at = None
    assert await sessions.segment(order(), 2, "tv") == b"2"
    assert converter.running <= 1


async def test_an_evicted_segment_is_made_again():
    converter = FakeConverter()
    async with Sessions(converter, SegmentStore(4), SessionLimits(ahead=1)) as sessions:
        for n in (0, 1, 2, 3, 4, 5, 0):
            assert await sessions.segment(order(), n, "tv") == b"%d" % n
    assert converter.started[0] == 0
    assert converter.started[-1] == 0


async def test_the_callers_own_error_leaves_unwrapped():
    async def fail() -> None:
        async with Sessions(FakeConverter(), SegmentStore(), SessionLimits()) as sessions:
            await sessions.segment(order(), 0, "tv")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()
