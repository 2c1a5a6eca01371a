"""Copied segments against ffmpeg and ffprobe: every packet once, times of the film, no gap."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import find_program
from tests.fakes.made_films import FileSource, make_films, run_ffmpeg
from transcode.containers.mp4 import find, track_timescales
from transcode.errors import ConverterFailed
from transcode.source import Media
from transcode.variant import Package, Variant
from transcode.workers import Workers

pytestmark = pytest.mark.needs("ffprobe")
WITH_SOUND = ["bframes.mp4", "front.mp4", "texts.mkv", "ten_bit.mkv", "late.mkv"]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_films(tmp_path_factory.mktemp("films"))


def packets(path: Path, kind: str) -> list[dict[str, Any]]:
    program = find_program("ffprobe")
    assert program is not None
    command = [program, "-v", "error", "-select_streams", kind, "-show_packets"]
    command += ["-show_data_hash", "md5", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    found: list[dict[str, Any]] = json.loads(done.stdout)["packets"]
    return found


async def open_media(workers: Workers, path: Path) -> Media:
    source, suffix = FileSource(path), path.suffix[1:]
    probed = await workers.probe(source, suffix)
    return Media(key=path.name, suffix=suffix, source=source, facts=probed.facts)


def variant_of(media: Media, package: Package, *, copy: bool) -> Variant:
    audio = media.facts.audio[0].index if media.facts.audio else None
    return Variant(package, media.facts.video[0].index, None, audio, copy)


async def deliver(
    workers: Workers, media: Media, variant: Variant, order: list[int] | None = None
) -> bytes:
    index = await workers.index(media)
    count = workers.grid(media, index).count
    parts = {
        n: await workers.segment(media, index, variant, n) for n in order or list(range(count))
    }
    head = b""
    if variant.package is Package.FMP4:
        head = await workers.init_segment(media, index, variant)
    return head + b"".join(parts[n] for n in sorted(parts))


def assert_even(found: list[dict[str, Any]], most_s: float) -> None:
    decoded = [float(one["dts_time"]) for one in found]
    assert all(a < b for a, b in pairwise(decoded))
    shown = sorted(float(one["pts_time"]) for one in found)
    steps = [b - a for a, b in pairwise(shown)]
    assert min(steps) > 0
    assert max(steps) < most_s


@pytest.mark.parametrize("name", WITH_SOUND)
async def test_copied_mp4_holds_every_packet_once(
    films: dict[str, Path], name: str, tmp_path: Path
) -> None:
    async with Workers() as workers:
        media = await open_media(workers, films[name])
        out = tmp_path / "out.mp4"
        out.write_bytes(await deliver(workers, media, variant_of(media, Package.FMP4, copy=True)))
    assert run_ffmpeg("-v", "warning", "-i", str(out), "-f", "null", "-") == ""
    for kind, most_s in (("v", 0.043), ("a", 0.033)):
        source, copied = packets(films[name], kind), packets(out, kind)
        hashes = [one["data_hash"] for one in source]
        if kind == "a" and len(copied) < len(source):
            # What begins before the film does (the encoder's priming) has no place in it.
            start_s = media.facts.start_s
            early = [one for one in source if float(one["pts_time"]) < start_s - 1e-4]
            assert 1 <= len(early) <= 2
            hashes = hashes[len(early) :]
        assert [one["data_hash"] for one in copied] == hashes
        assert_even(copied, most_s)


@pytest.mark.parametrize("name", ["bframes.mp4", "ten_bit.mkv", "late.mkv", "mute.mp4"])
async def test_transport_segments_join_whatever_order_they_are_asked_in(
    films: dict[str, Path], name: str, tmp_path: Path
) -> None:
    async with Workers() as workers:
        media = await open_media(workers, films[name])
        variant = variant_of(media, Package.TS, copy=True)
        data = await deliver(workers, media, variant, order=[2, 0, 1])
    out = tmp_path / "out.ts"
    out.write_bytes(data)
    # ffmpeg warns of a continuity error here.
    said = run_ffmpeg("-v", "verbose", "-i", str(out), "-c", "copy", "-f", "null", "-")
    assert "ontinuity" not in said
    assert_even(packets(out, "v"), 0.043)
    if media.facts.audio:
        assert_even(packets(out, "a"), 0.033)


@pytest.mark.parametrize("name", ["ten_bit.mkv", "late.mkv", "bframes.mp4"])
@pytest.mark.parametrize("package", list(Package))
async def test_converted_sound_joins_on_one_grid(
    films: dict[str, Path], name: str, package: Package, tmp_path: Path
) -> None:
    async with Workers() as workers:
        media = await open_media(workers, films[name])
        out = tmp_path / f"out.{package}"
        out.write_bytes(await deliver(workers, media, variant_of(media, package, copy=False)))
    found = packets(out, "a")
    start_s = 1.4 if package is Package.TS else 0.0
    for number, one in enumerate(found):
        assert float(one["pts_time"]) == pytest.approx(start_s + number * 1024 / 48000, abs=2e-5)
    duration_s = media.facts.duration_s or 0
    assert len(found) == pytest.approx(duration_s * 48000 / 1024, abs=4)


async def test_converted_sound_is_the_sound_without_clicks(
    films: dict[str, Path], tmp_path: Path
) -> None:
    """A pure tone stays pure over the joins: above 2 kHz there is next to nothing."""
    async with Workers() as workers:
        media = await open_media(workers, films["ten_bit.mkv"])
        out = tmp_path / "out.mp4"
        out.write_bytes(await deliver(workers, media, variant_of(media, Package.FMP4, copy=False)))
    measure = "highpass=f=2000,highpass=f=2000,atrim=1:12,volumedetect"
    said = run_ffmpeg("-i", str(out), "-map", "0:a", "-af", measure, "-f", "null", "-")
    loudest = float(said.split("max_volume:")[1].split(" dB")[0])
    assert loudest < -50


@pytest.mark.parametrize("name", ["bframes.mp4", "texts.mkv", "late.mkv"])
async def test_one_segment_alone_decodes_at_the_playlists_time(
    films: dict[str, Path], name: str, tmp_path: Path
) -> None:
    async with Workers() as workers:
        media = await open_media(workers, films[name])
        index = await workers.index(media)
        grid = workers.grid(media, index)
        variant = variant_of(media, Package.FMP4, copy=True)
        init = await workers.init_segment(media, index, variant)
        assert init == await workers.init_segment(media, index, variant)
        segment = await workers.segment(media, index, variant, 2)
    scales = dict(track_timescales(init))
    times = [
        int.from_bytes(segment[one.body + 4 : one.body + 12])
        for one in find(segment, [b"moof", b"traf", b"tfdt"])
    ]
    if name == "late.mkv":
        # x265's open groups: a few pictures behind the keyframe are shown before it.
        assert 0 <= grid.start_s(2) - times[0] / scales[1] < 0.2
    else:
        assert times[0] / scales[1] == pytest.approx(grid.start_s(2), abs=1e-4)
    assert 0 <= times[1] / scales[2] - grid.start_s(2) < 0.033
    out = tmp_path / "one.mp4"
    out.write_bytes(init + segment)
    assert run_ffmpeg("-v", "warning", "-i", str(out), "-f", "null", "-") == ""


async def test_ten_bit_film_goes_under_the_tag_tvs_take(films: dict[str, Path]) -> None:
    async with Workers() as workers:
        media = await open_media(workers, films["ten_bit.mkv"])
        index = await workers.index(media)
        init = await workers.init_segment(media, index, variant_of(media, Package.FMP4, copy=True))
    assert b"hvc1" in init
    assert b"hev1" not in init
    assert b"dac3" in init


async def test_texts_come_with_the_bytes_of_their_segment(films: dict[str, Path]) -> None:
    async with Workers() as workers:
        media = await open_media(workers, films["texts.mkv"])
        source = media.source
        assert isinstance(source, FileSource)
        track = media.facts.subtitles[0].index
        index = await workers.index(media)
        variant = variant_of(media, Package.FMP4, copy=True)
        for n in (0, 1):
            await workers.segment(media, index, variant, n)
        source.reads.clear()
        first = await workers.cues(media, index, track, 0)
        second = await workers.cues(media, index, track, 1, mpegts=0)
        assert source.reads == []
    assert "00:00:01.000 --> 00:00:03.000\nHello <i>there</i>" in first
    assert "00:00:03.500 --> 00:00:05.500\nacross\nthe cut" in first
    assert second.startswith("WEBVTT\nX-TIMESTAMP-MAP")
    assert "across\nthe cut" in second
    assert "Hello" not in second


async def test_recording_without_an_index_is_left_to_conversion(films: dict[str, Path]) -> None:
    async with Workers() as workers:
        media = await open_media(workers, films["recording.ts"])
        with pytest.raises(ConverterFailed, match="no table of keyframes"):
            await workers.index(media)
