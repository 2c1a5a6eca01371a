"""The worker's behaviour: small reads, facts, faults that hit one command and not the next."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.fakes.made_films import FileSource, make_films
from transcode.errors import ConverterFailed
from transcode.source import Media
from transcode.variant import Package, Variant
from transcode.workers import Workers, WorkersSettings

ROOT = Path(__file__).parents[2]
MEBIBYTE = 1 << 20
COPY = Variant(Package.FMP4, 0, None, 1, True)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_films(tmp_path_factory.mktemp("films"))


async def open_media(workers: Workers, path: Path) -> tuple[Media, FileSource]:
    source = FileSource(path)
    probed = await workers.probe(source, path.suffix[1:])
    return Media(path.name, path.suffix[1:], source, probed.facts), source


def children_of(pid: int) -> list[int]:
    return [one.pid for one in psutil.Process(pid).children(recursive=True)]


async def until_gone(pids: list[int], *, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child outlived its parent"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "name", ["bframes.mp4", "front.mp4", "texts.mkv", "ten_bit.mkv", "recording.ts"]
)
async def test_probe_reads_twice_and_little(films: dict[str, Path], name: str) -> None:
    async with Workers() as workers:
        source = FileSource(films[name])
        probed = await workers.probe(source, films[name].suffix[1:])
    assert len(source.reads) <= 2
    assert sum(stop - start for start, stop in source.reads) <= MEBIBYTE
    assert probed.facts.duration_s == pytest.approx(14, abs=0.2)
    assert probed.facts.video[0].codec_string


async def test_probe_tells_what_a_screen_must_know(films: dict[str, Path]) -> None:
    async with Workers() as workers:
        texts = await workers.probe(FileSource(films["texts.mkv"]), "mkv")
        ten_bit = await workers.probe(FileSource(films["ten_bit.mkv"]), "mkv")
        late = await workers.probe(FileSource(films["late.mkv"]), "mkv")
    assert texts.facts.container == "matroska"
    assert texts.tags["title"] == "A Film"
    assert [one.title for one in texts.facts.chapters] == ["One"]
    assert texts.facts.subtitles[0].is_text
    picture, sound = ten_bit.facts.video[0], ten_bit.facts.audio[0]
    assert (picture.codec, picture.bit_depth) == ("hevc", 10)
    assert (picture.codec_string or "").startswith("hvc1.2.4.L")
    assert (sound.codec, sound.channels, sound.codec_string) == ("ac3", 6, "ac-3")
    assert late.facts.start_s == pytest.approx(100, abs=0.1)
    assert late.facts.duration_s == pytest.approx(14, abs=0.2)


async def test_photo_is_turned_upright_and_dated(tmp_path: Path) -> None:
    image = Image.new("RGB", (1200, 800), (200, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2021:06:05 04:03:02"
    path = tmp_path / "photo.jpg"
    image.save(path, "JPEG", exif=exif)
    async with Workers() as workers:
        probed = await workers.probe(FileSource(path), "jpg")
    assert (probed.facts.video[0].width, probed.facts.video[0].height) == (800, 1200)
    assert probed.orientation == 6
    assert probed.taken_s == 1622865782.0
    assert probed.tile is not None
    assert len(probed.tile) == 8 * 12 * 3
    assert probed.picture is not None
    with Image.open(io.BytesIO(probed.picture)) as small:
        assert small.size == (320, 480)


async def test_film_gives_a_thumbnail_for_little(films: dict[str, Path]) -> None:
    async with Workers() as workers:
        media, source = await open_media(workers, films["texts.mkv"])
        source.reads.clear()
        picture = await workers.picture(media)
    assert sum(stop - start for start, stop in source.reads) <= MEBIBYTE
    assert len(picture.tile) == 16 * 9 * 3
    with Image.open(io.BytesIO(picture.jpeg)) as small:
        assert small.size == (640, 360)


async def test_known_segment_costs_one_read(films: dict[str, Path]) -> None:
    async with Workers() as workers:
        media, source = await open_media(workers, films["texts.mkv"])
        index = await workers.index(media)
        await workers.segment(media, index, COPY, 1)
        source.reads.clear()
        await workers.segment(media, index, COPY, 2)
    assert len(source.reads) == 1


@pytest.mark.parametrize("data", [b"", b"no film", os.urandom(300_000), b"\0\0\0\x18ftypisom" * 9])
async def test_rubbish_is_an_error_and_the_worker_goes_on(
    films: dict[str, Path], data: bytes, tmp_path: Path
) -> None:
    (tmp_path / "x.mkv").write_bytes(data)
    async with Workers() as workers:
        with pytest.raises(ConverterFailed):
            await workers.probe(FileSource(tmp_path / "x.mkv"), "mkv")
        pids = workers.pids
        await workers.probe(FileSource(films["bframes.mp4"]), "mp4")
        assert workers.pids == pids


async def test_a_sources_own_error_reaches_the_caller(films: dict[str, Path]) -> None:
    class HostAwayError(Exception):
        pass

    async with Workers() as workers:
        media, source = await open_media(workers, films["bframes.mp4"])
        index = await workers.index(media)
        source.fails = HostAwayError("gone")
        with pytest.raises(HostAwayError):
            await workers.segment(media, index, COPY, 1)
        source.fails = None
        assert await workers.segment(media, index, COPY, 1)


async def test_cancelled_caller_leaves_the_pipe_clean(films: dict[str, Path]) -> None:
    async with Workers(WorkersSettings(children=1)) as workers:
        media, source = await open_media(workers, films["bframes.mp4"])
        index = await workers.index(media)
        whole = await workers.segment(media, index, COPY, 1)
        pids = workers.pids
        for _ in range(5):
            source.hold, source.asked = asyncio.Event(), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                task = group.create_task(workers.segment(media, index, COPY, 1))
                await source.asked.wait()
                task.cancel()
            source.hold = None
            assert await workers.segment(media, index, COPY, 1) == whole
        assert workers.pids == pids


async def test_killed_worker_fails_one_segment_and_is_replaced(films: dict[str, Path]) -> None:
    async with Workers() as workers:
        media, source = await open_media(workers, films["bframes.mp4"])
        index = await workers.index(media)
        source.hold, source.asked = asyncio.Event(), asyncio.Event()

        async def kill_during_read() -> None:
            await source.asked.wait()
            for pid in workers.pids:
                os.kill(pid, signal.SIGKILL)
            assert source.hold is not None
            source.hold.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(kill_during_read())
            with pytest.raises(ConverterFailed, match="status -9"):
                await workers.segment(media, index, COPY, 1)
        source.hold = None
        assert await workers.segment(media, index, COPY, 1)


async def test_hanging_worker_is_killed(films: dict[str, Path]) -> None:
    async with Workers(WorkersSettings(silence_s=1.5)) as workers:
        media, _ = await open_media(workers, films["bframes.mp4"])
        for pid in workers.pids:
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ConverterFailed, match="hung"):
            await workers.index(media)
        assert (await workers.index(media)).pts


async def test_idle_worker_is_let_go_and_comes_back(films: dict[str, Path]) -> None:
    async with Workers(WorkersSettings(idle_s=0.1)) as workers:
        media, _ = await open_media(workers, films["bframes.mp4"])
        await until_gone(list(workers.pids))
        assert (await workers.index(media)).pts


async def test_two_films_are_cut_side_by_side(films: dict[str, Path]) -> None:
    async with Workers() as workers:
        one, held = await open_media(workers, films["bframes.mp4"])
        other, _ = await open_media(workers, films["texts.mkv"])
        indexes = [await workers.index(one), await workers.index(other)]
        held.hold, held.asked = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(workers.segment(one, indexes[0], COPY, 1))
            await held.asked.wait()
            assert await workers.segment(other, indexes[1], COPY, 1)
            assert not waiting.done()
            held.hold.set()
        assert len(workers.pids) == 2


async def test_worker_dies_with_a_killed_gateway() -> None:
    code = (
        "import asyncio\nfrom transcode.workers import Workers\n"
        "async def main():\n"
        "    async with Workers() as workers:\n"
        "        await workers.box()\n        print(*workers.pids, flush=True)\n"
        "        await asyncio.sleep(60)\nasyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as gateway:
        assert gateway.stdout is not None
        pids = [int(word) for word in gateway.stdout.readline().split()]
        assert pids == children_of(gateway.pid)
        gateway.kill()
    await until_gone(pids)


async def test_fifty_rounds_leave_nothing(films: dict[str, Path]) -> None:
    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), len(children_of(os.getpid()))

    async with Workers() as workers:
        await workers.box()
    before = held()
    for round_number in range(50):
        async with Workers(WorkersSettings(idle_s=0.05)) as workers:
            if round_number % 10 == 0:
                media, source = await open_media(workers, films["bframes.mp4"])
                index = await workers.index(media)
                source.hold, source.asked = asyncio.Event(), asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(workers.segment(media, index, COPY, 1))
                    await source.asked.wait()
                    task.cancel()
            elif round_number % 2:
                await workers.box()
            else:
                async with asyncio.TaskGroup() as group:
                    group.create_task(workers.box()).cancel()
    assert held() == before
