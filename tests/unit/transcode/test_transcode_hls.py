from __future__ import annotations

import asyncio

import pytest

from tests.fakes.converter import FakeConverter
from transcode.errors import NoWayToPlay
from transcode.facts import AudioFacts, MediaFacts, SubtitleFacts, VideoFacts
from transcode.grid import remux_grid
from transcode.hls import Hls, HlsSettings
from transcode.index import Index
from transcode.source import Media
from transcode.variant import Variant

COPY = Variant.parse("fmp4-v0-a1")
CONVERT = Variant.parse("fmp4-v0h720-a1aac")
FACTS = MediaFacts(
    "matroska",
    20.0,
    6000,
    video=(VideoFacts(0, "h264", 1920, 1080, 25.0, codec_string="avc1.640028"),),
    audio=(AudioFacts(1, "aac", 2, 48000),),
    subtitles=(
        SubtitleFacts(2, "subrip", is_text=True, language="de"),
        SubtitleFacts(3, "hdmv_pgs_subtitle", is_text=False),
    ),
)
MEDIA = Media("film", "mkv", None, FACTS)


class FakeWorkers:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def index(self, media):
        self.asked.append("index")
        times = tuple(range(0, 20000, 2000))
        return Index(
            video=0,
            time_base=(1, 1000),
            start_us=0,
            duration_s=20.0,
            reorder_s=0.0,
            pts=times,
            position=times,
        )

    def grid(self, media, index):
        return remux_grid(index)

    async def init_segment(self, media, index, variant):
        self.asked.append("init")
        return b"init"

    async def segment(self, media, index, variant, n):
        self.asked.append(f"segment {n}")
        await asyncio.sleep(0)
        return b"copy %d" % n

    async def cues(self, media, index, track, n, *, mpegts=None):
        return f"WEBVTT {track} {n}"


class FakeIndexes(dict):
    async def load(self, key):
        return self.get(key)

    async def save(self, key, data):
        self[key] = data


@pytest.fixture
async def made():
    workers, indexes, converter = FakeWorkers(), FakeIndexes(), FakeConverter()
    async with Hls(workers, None, indexes, HlsSettings(), converter=converter) as hls:
        yield hls, workers, indexes, converter


async def test_a_copied_segment_is_cut_once_for_all_who_ask_at_once_and_later(made):
    hls, workers, _, converter = made
    both = await asyncio.gather(hls.segment(MEDIA, COPY, 1, "a"), hls.segment(MEDIA, COPY, 1, "b"))
    assert both == [b"copy 1", b"copy 1"]
    assert await hls.segment(MEDIA, COPY, 1, "c") == b"copy 1"
    assert workers.asked == ["index", "segment 1"]
    assert converter.started == []


async def test_the_index_is_kept_and_a_damaged_one_made_again(made):
    hls, workers, indexes, _ = made
    indexes["film"] = b"rubbish"
    await hls.playlist(MEDIA, COPY)
    await hls.playlist(MEDIA, COPY)
    assert workers.asked == ["index"]
    assert Index.from_bytes(indexes["film"]).duration_s == 20.0


async def test_the_copying_playlist_follows_the_keyframes(made):
    hls, *_ = made
    text = await hls.playlist(MEDIA, COPY)
    assert text.count("#EXTINF:4.000000") == 5
    assert await hls.init(MEDIA, COPY) == b"init"


async def test_the_converting_playlist_needs_neither_index_nor_converter(made):
    hls, workers, _, converter = made
    text = await hls.playlist(MEDIA, CONVERT)
    assert text.count("#EXTINF:2.000000") == 10
    assert await hls.init(MEDIA, CONVERT) == b"init"
    assert workers.asked == []
    assert converter.started == []


async def test_a_converted_segment_comes_from_a_session(made):
    hls, workers, _, converter = made
    assert b"moof" in await hls.segment(MEDIA, CONVERT, 4, "tv")
    assert converter.started == [4]
    assert hls.conversions == 1
    await hls.release("tv")
    assert hls.conversions == 0
    assert workers.asked == []


async def test_the_master_offers_text_subtitles_alone(made):
    hls, *_ = made
    text = await hls.master(MEDIA, COPY)
    assert 'CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080' in text
    assert "../subs-2/index.m3u8" in text
    assert "subs-3" not in text
    assert "RESOLUTION=1280x720" in await hls.master(MEDIA, CONVERT)


async def test_cues_come_by_stretch_and_never_of_pictures(made):
    hls, *_ = made
    assert await hls.cues(MEDIA, 2, 4) == "WEBVTT 2 4"
    assert (await hls.subtitle_playlist(MEDIA, 2)).count(".vtt") == 5
    with pytest.raises(NoWayToPlay, match="no text subtitles in stream 3"):
        await hls.cues(MEDIA, 3, 0)
    with pytest.raises(NoWayToPlay, match="stretch 5"):
        await hls.cues(MEDIA, 2, 5)


@pytest.mark.parametrize(("variant", "n"), [(COPY, 5), (CONVERT, 10), (CONVERT, -1)])
async def test_a_segment_outside_of_the_film_is_refused(made, variant, n):
    hls, *_ = made
    with pytest.raises(NoWayToPlay, match="segment"):
        await hls.segment(MEDIA, variant, n)


async def test_sound_alone_is_not_cut(made):
    hls, *_ = made
    with pytest.raises(NoWayToPlay, match="sound alone"):
        await hls.init(MEDIA, Variant.parse("fmp4-a1aac"))


async def test_a_torn_asker_leaves_the_segment_to_the_next(made):
    hls, *_ = made
    first = asyncio.get_running_loop().create_task(hls.segment(MEDIA, COPY, 2, "a"))
    await asyncio.sleep(0)
    second = asyncio.get_running_loop().create_task(hls.segment(MEDIA, COPY, 2, "b"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == b"copy 2"
