"""Segmented films of the whole gateway in ffmpeg: each picture once, each segment at its time.

Each picture of the films carries its number, so that a seek is checked by what is shown.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import imageio_ffmpeg
import pytest
import pytest_asyncio

from tests.conftest import find_program
from tests.fakes.coded_film import BITS, RATE, make_film, read_number
from tests.product import Product, make_vault, running_product
from tests.product_tools import run_player

pytestmark = [
    pytest.mark.needs("ffmpeg", "ffprobe"),
    pytest.mark.asyncio(loop_scope="module"),
]
SECONDS = 24
PICTURE_S = float(1 / RATE)
CODECS = {
    "Copied": (
        *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "3", "-g", "61"),
        *("-c:a", "aac", "-ac", "2"),
    ),
    "Converted": (
        *("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-g", "100"),
        *("-x265-params", "log-level=error", "-c:a", "ac3", "-ac", "6"),
    ),
}


@dataclass(frozen=True)
class Offer:
    """A film as the gateway offers it, and how many pictures it has."""

    plan: dict[str, Any]
    count: int
    product: Product

    def address(self, playlist: str) -> str:
        """Of one of the playlists: ``master.m3u8``, ``index.m3u8``, or ``ts``, that of MPEG-TS."""
        master = self.product.base + self.plan["url"]
        if playlist == "ts":
            return master.replace("/fmp4-", "/ts-").replace("master.", "index.")
        return master.replace("master.m3u8", playlist)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def offers(tmp_path_factory) -> AsyncIterator[dict[str, Offer]]:
    """Both films in a vault, served by one gateway."""
    folder = tmp_path_factory.mktemp("segments")
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    files, counts = {}, {}
    for title, codecs in CODECS.items():
        path = folder / f"{title}.mkv"
        counts[title] = make_film(ffmpeg, path, SECONDS, *codecs)
        files[f"Films/{title} (2020).mkv"] = path.read_bytes()
    conf = make_vault(folder, files)
    async with running_product(folder, "--rclone-config", str(conf), "rclone:vault") as product:
        offered = {}
        for item in await product.items(len(files)):
            plan = await product.plan(item["id"])
            offered[item["title"]] = Offer(plan, counts[item["title"]], product)
        yield offered


async def numbers(address: str, *options: str, start_s: float = 0.0) -> list[int]:
    """The pictures that ffmpeg decodes from ``start_s`` on, by their number."""
    width, height = BITS * 8, 54
    seek = ("-ss", str(start_s)) if start_s else ()
    raw = await run_player(
        find_program("ffmpeg"), "-nostdin", "-v", "error", *seek, "-i", address,
        "-map", "0:v", "-fps_mode", "passthrough", *options,
        "-vf", f"scale={width}:{height}", "-pix_fmt", "gray", "-f", "rawvideo", "-",
    )  # fmt: skip
    size = width * height
    assert len(raw) % size == 0
    return [read_number(raw[at : at + size], width, height) for at in range(0, len(raw), size)]


def assert_all_in_order(shown: list[int], count: int, first: int = 0) -> None:
    """Every picture once; a conversion may show the very last one twice to fill its length."""
    wanted = list(range(first, count))
    assert shown[: len(wanted)] == wanted
    assert shown[len(wanted) :] in ([], [count - 1])


@pytest.mark.parametrize("title", CODECS)
async def test_each_segment_begins_and_ends_where_the_playlist_says(offers, title, tmp_path):
    offer = offers[title]
    head = await offer.product.bytes(offer.plan["init"])
    starts = [*offer.plan["segments"], offer.plan["duration_s"]]
    assert len(starts) > 3
    file = tmp_path / "piece.mp4"
    shifts = set()
    for number, (start, end) in enumerate(pairwise(starts)):
        address = offer.plan["segment_template"].replace("$N", str(number))
        file.write_bytes(head + await offer.product.bytes(address))
        found = await run_player(
            find_program("ffprobe"), "-v", "error", "-of", "json", "-select_streams", "v",
            "-show_entries", "packet=pts_time,dts_time", str(file),
        )  # fmt: skip
        packets = json.loads(found)["packets"]
        assert float(packets[0]["dts_time"]) == pytest.approx(start, abs=0.002), number
        times = sorted(float(one["pts_time"]) for one in packets)
        # ffmpeg shows fragments with signed offsets late by the reordering, its own ones too.
        shift = times[0] - start
        shifts.add(round(shift, 2))
        assert times[-1] - shift + PICTURE_S == pytest.approx(end, abs=0.06), number
    assert len(shifts) == 1
    assert 0 <= shifts.pop() <= 3 * PICTURE_S


@pytest.mark.parametrize("playlist", ["master.m3u8", "ts"])
@pytest.mark.parametrize("title", CODECS)
async def test_every_picture_comes_once_and_in_order(offers, title, playlist):
    offer = offers[title]
    assert_all_in_order(await numbers(offer.address(playlist)), offer.count)


@pytest.mark.parametrize("playlist", ["master.m3u8", "ts"])
@pytest.mark.parametrize("title", CODECS)
async def test_the_sound_is_whole_and_in_time(offers, title, playlist):
    sound = await run_player(
        find_program("ffmpeg"), "-nostdin", "-v", "error", "-i", offers[title].address(playlist),
        "-map", "0:a", "-ac", "1", "-ar", "8000", "-f", "u8", "-",
    )  # fmt: skip
    assert len(sound) / 8000 == pytest.approx(SECONDS, abs=0.15)
    for second in range(1, SECONDS):
        near = sound[second * 8000 - 2000 : second * 8000 + 2000]
        loud = [at for at, level in enumerate(near) if abs(level - 128) > 40]
        assert loud, second
        assert abs(loud[0] - 2000) / 8000 < 0.05, second


@pytest.mark.parametrize("title", CODECS)
async def test_a_segment_alone_shows_the_pictures_of_its_moment(offers, title, tmp_path):
    """A seek as pages do it: the initialisation, then any segment."""
    offer = offers[title]
    head = await offer.product.bytes(offer.plan["init"])
    file = tmp_path / "piece.mp4"
    for number in (3, 1):
        piece = offer.plan["segment_template"].replace("$N", str(number))
        file.write_bytes(head + await offer.product.bytes(piece))
        first = round(offer.plan["segments"][number] * float(RATE))
        shown = await numbers(str(file))
        assert shown == list(range(first, first + len(shown)))


@pytest.mark.parametrize("title", CODECS)
async def test_a_seek_in_transport_segments_shows_the_moment(offers, title):
    # Not in fragments: ffmpeg 5.1 loses its place there, in playlists of its own too.
    for moment_s in (20.3, 13.7, 3.3):
        shown = await numbers(offers[title].address("ts"), "-frames:v", "1", start_s=moment_s)
        assert len(shown) == 1, moment_s
        assert abs(shown[0] - moment_s * float(RATE)) <= 1, moment_s
