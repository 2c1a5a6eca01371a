"""Converted films, judged by the system's ffprobe and ffmpeg: times, pictures, sound, processes."""

from __future__ import annotations

import array
import asyncio
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.fakes.coded_film import HEIGHT, RATE, SOUND_HZ, WIDTH, make_film, read_number
from tests.fakes.media_input import FileSource, Inputs
from transcode.command import Encoding
from transcode.containers.ts import TS_ZERO
from transcode.errors import ConverterFailed
from transcode.facts import AudioFacts, MediaFacts, VideoFacts
from transcode.hls import Hls, HlsSettings
from transcode.program import find_ffmpeg
from transcode.source import Media
from transcode.stream import TsStream
from transcode.variant import Variant

pytestmark = [pytest.mark.needs("ffprobe"), pytest.mark.needs("ffmpeg")]
FFPROBE = shutil.which("ffprobe") or "ffprobe"
FFMPEG = shutil.which("ffmpeg") or "ffmpeg"
SECONDS = 17
FMP4 = Variant.parse("fmp4-v0h216-a1aac")
TS = Variant.parse("ts-v0h216-a1aac")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "coded.mkv"
    make_film(
        find_ffmpeg(), path, SECONDS, "-c:v", "libx265", "-preset", "ultrafast",
        "-pix_fmt", "yuv420p10le", "-x265-params", "keyint=120:log-level=error",
        "-c:a", "dca", "-strict", "-2", "-ac", "2",
    )  # fmt: skip
    return path


@pytest.fixture
def media(film):
    video = VideoFacts(0, "hevc", WIDTH, HEIGHT, 23.976, bit_depth=10)
    facts = MediaFacts(
        "matroska", float(SECONDS), 1000, video=(video,), audio=(AudioFacts(1, "dts", 2, 48000),)
    )
    return Media("coded", "mkv", FileSource(film), facts)


class NoWorkers:
    """Nothing is copied here."""


class NoIndexes:
    async def load(self, key):
        raise AssertionError("a conversion needs no index")

    async def save(self, key, data):
        raise AssertionError("a conversion needs no index")


def hls(inputs: Inputs | None = None) -> Hls:
    return Hls(NoWorkers(), inputs or Inputs(), NoIndexes(), HlsSettings())


async def take(media: Media, variant: Variant, numbers) -> tuple[bytes, list[bytes]]:
    async with hls() as made:
        init = await made.init(media, variant) if variant.package == "fmp4" else b""
        return init, [await made.segment(media, variant, n, "tv") for n in numbers]


def packets(path: Path, kind: str) -> list[float]:
    out = subprocess.run(
        [FFPROBE, "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time",
         "-of", "json", str(path)],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    return [float(one["pts_time"]) for one in json.loads(out)["packets"]]


def start_time(path: Path) -> float:
    out = subprocess.run(
        [FFPROBE, "-v", "error", "-show_entries", "format=start_time", "-of", "json", str(path)],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    return float(json.loads(out)["format"]["start_time"])


def numbers_in(path: Path) -> list[int]:
    done = subprocess.run(
        [FFMPEG, "-v", "error", "-i", str(path), "-map", "0:v", "-fps_mode", "passthrough",
         "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == b""
    size = WIDTH * HEIGHT
    return [
        read_number(done.stdout[at : at + size], WIDTH, HEIGHT)
        for at in range(0, len(done.stdout), size)
    ]


def click_times(path: Path, start_s: float) -> list[float]:
    raw = subprocess.run(
        [FFMPEG, "-v", "error", "-i", str(path), "-map", "0:a", "-ac", "1", "-f", "s16le",
         "pipe:1"],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    samples = array.array("h", raw)
    found: list[float] = []
    for at in range(len(samples)):
        if abs(samples[at]) > 6000:
            moment = start_s + at / SOUND_HZ
            if not found or moment - found[-1] > 0.5:
                found.append(moment)
    return found


def start_of(n: int) -> float:
    return float(n * 48 / RATE)


async def test_all_segments_join_to_the_whole_film(media, tmp_path):
    async with hls() as made:
        grid = await made.grid(media, FMP4)
    init, segments = await take(media, FMP4, range(grid.count))
    path = tmp_path / "all.mp4"
    path.write_bytes(init + b"".join(segments))
    times = packets(path, "v")
    assert times == pytest.approx([float(n / RATE) for n in range(len(times))], abs=1e-5)
    last = int(SECONDS * RATE) - 1
    # Sound lasts a fraction longer than the pictures: the last one stays.
    assert numbers_in(path) == [*range(last + 1), last]
    sound = packets(path, "a")
    steps = [b - a for a, b in itertools.pairwise(sound)]
    assert steps == pytest.approx([1024 / SOUND_HZ] * len(steps), abs=1e-4)
    assert sound[0] == pytest.approx(0, abs=1e-4)
    assert click_times(path, 0)[1:] == pytest.approx(list(range(1, SECONDS)), abs=0.02)


@pytest.mark.parametrize("n", [1, 3, 5, 6])
async def test_a_start_in_the_middle_keeps_the_films_time(media, tmp_path, n):
    init, segments = await take(media, FMP4, [n, n + 1])
    path = tmp_path / "middle.mp4"
    path.write_bytes(init + b"".join(segments))
    times = packets(path, "v")
    assert times[0] == pytest.approx(start_of(n), abs=1e-4)
    assert len(times) == len(set(times))
    assert numbers_in(path) == list(range(48 * n, 48 * n + len(times)))
    sound = packets(path, "a")
    assert 0 <= sound[0] - start_of(n) < 1024 / SOUND_HZ
    for moment in click_times(path, sound[0]):
        assert moment == pytest.approx(round(moment), abs=0.02)


@pytest.mark.parametrize(
    ("container", "suffix", "codecs"),
    [
        ("mp4", "mp4", ("-bf", "2", "-c:a", "aac")),
        ("mpegts", "ts", ("-bf", "2", "-c:a", "ac3")),
        ("matroska", "mkv", ("-bf", "0", "-c:a", "libmp3lame")),
        ("avi", "avi", ("-bf", "0", "-c:a", "ac3")),
    ],
)
async def test_other_containers_keep_the_films_time(tmp_path, container, suffix, codecs):
    film = tmp_path / f"film.{suffix}"
    make_film(
        find_ffmpeg(), film, 9, "-c:v", "libx264", "-preset", "ultrafast", "-g", "48",
        "-pix_fmt", "yuv420p", *codecs,
    )  # fmt: skip
    video = VideoFacts(0, "h264", WIDTH, HEIGHT, 23.976)
    start_s = start_time(film)
    facts = MediaFacts(
        container, 9.0, 1000, start_s, video=(video,), audio=(AudioFacts(1, "x", 1, 48000),)
    )
    media = Media("other", suffix, FileSource(film), facts)
    for n in (0, 2):
        init, segments = await take(media, FMP4, [n, n + 1])
        path = tmp_path / f"from-{n}.mp4"
        path.write_bytes(init + b"".join(segments))
        shown = numbers_in(path)
        late = shown[0] - 48 * n
        # A container's own start may lie a picture or two before the first picture.
        assert -2 <= late <= 0
        assert sorted(shown) == shown
        for moment in click_times(path, packets(path, "a")[0])[1:]:
            assert moment - round(moment) == pytest.approx(-late / float(RATE), abs=0.05)


async def test_segments_of_different_runs_join_without_a_seam(media, tmp_path):
    first_init, first = await take(media, FMP4, [0, 1, 2])
    second_init, second = await take(media, FMP4, [3, 4])
    assert first_init == second_init
    path = tmp_path / "joined.mp4"
    path.write_bytes(first_init + b"".join(first + second))
    assert numbers_in(path) == list(range(48 * 5))
    sound = packets(path, "a")
    steps = [b - a for a, b in itertools.pairwise(sound)]
    assert steps == pytest.approx([1024 / SOUND_HZ] * len(steps), abs=1e-4)
    clicks = click_times(path, 0)
    assert clicks[1:] == pytest.approx(list(range(1, len(clicks))), abs=0.02)


async def test_transport_segments_of_different_runs_join_without_a_seam(media, tmp_path):
    _, first = await take(media, TS, [0, 1, 2])
    _, second = await take(media, TS, [3, 4])
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(first + second))
    assert numbers_in(path) == list(range(48 * 5))
    times = packets(path, "v")
    assert times == pytest.approx(
        [TS_ZERO / 90_000 + float(n / RATE) for n in range(len(times))], abs=1e-4
    )
    said = subprocess.run(
        [FFMPEG, "-v", "warning", "-i", str(path), "-f", "null", "-"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert said.stderr == b""


async def test_a_release_leaves_no_converter(media):
    inputs = Inputs()
    async with hls(inputs) as made:
        await made.segment(media, FMP4, 2, "tv")
        assert inputs.published == 1
        started = time.monotonic()
        await made.release("tv")
        assert time.monotonic() - started < 3
        assert not psutil.Process().children(recursive=True)
        assert inputs.open_now == 0


async def test_asking_for_the_init_does_not_read_the_film(media):
    inputs = Inputs()
    async with hls(inputs) as made:
        await made.init(media, FMP4)
        await made.playlist(media, FMP4)
    assert inputs.published == 0


async def test_a_source_that_breaks_is_an_error_and_no_frozen_picture(media, film):
    cut = FileSource(film, cut_at=film.stat().st_size // 2)
    broken = Media("broken", "mkv", cut, media.facts)
    async with hls() as made:

        async def play() -> None:
            for n in range(9):
                await made.segment(broken, FMP4, n, "tv")

        with pytest.raises(ConverterFailed, match="ffmpeg ended"):
            await play()


async def test_a_continuous_stream_starts_where_it_is_asked_and_ends_with_its_reader(
    media, tmp_path
):
    streamer = TsStream("", Inputs(), Encoding())
    stream = streamer.stream(media, TS, 10.0)
    path = tmp_path / "stream.ts"
    with path.open("wb") as file:
        async for data in stream:
            file.write(data)
    numbers = numbers_in(path)
    assert numbers[0] == pytest.approx(10 * float(RATE), abs=1)
    assert numbers == list(range(numbers[0], int(SECONDS * RATE)))
    again = streamer.stream(media, TS, 0.0)
    assert (await anext(again))[0] == 0x47
    started = time.monotonic()
    await again.aclose()
    assert time.monotonic() - started < 3
    assert not psutil.Process().children(recursive=True)


_PARENT = """
import asyncio, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.counterpart.test_convert_ffprobe import *

async def main():
    video = VideoFacts(0, "hevc", WIDTH, HEIGHT, 23.976, bit_depth=10)
    facts = MediaFacts("matroska", 10000.0, 1000, video=(video,))
    media = Media("coded", "mkv", FileSource(Path({film!r})), facts)
    async with hls() as made:
        await made.segment(media, Variant.parse("fmp4-v0h216"), 0, "tv")
        print(" ".join(str(one.pid) for one in psutil.Process().children(recursive=True)),
              flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_killed_gateway_leaves_no_converter(film):
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT.format(root=root, film=str(film))], stdout=subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        line = await asyncio.to_thread(parent.stdout.readline)
        children = [int(one) for one in line.split()]
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()
    assert children
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and any(psutil.pid_exists(one) for one in children):
        await asyncio.sleep(0.05)
    assert not [one for one in children if psutil.pid_exists(one)]
