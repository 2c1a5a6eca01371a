"""Playlists of the whole gateway in mpv and ffprobe: length, first time, and what a seek shows.

The vault is written by the real rclone; the token comes from the plan of an approved device, in a
house that has a lobby. Every picture carries its number, so a seek is judged by what is shown.

The FFmpeg 5.1 below Debian's mpv cannot seek in fMP4 playlists, not even in its own, so there the
bundled ffmpeg seeks; and in any playlist it skips the first key picture when told to seek to 0.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from PIL import Image

from tests.conftest import find_program
from tests.fakes.coded_film import HEIGHT, RATE, WIDTH, make_film, read_number
from tests.product import SCREEN, Product, running_product
from tests.product_tools import rclone_vault, run_player
from transcode.containers.ts import TS_ZERO

pytestmark = pytest.mark.needs("rclone", "mpv", "ffprobe")
SECONDS = 26
COPIED, CHANGED = "Films/Copied (2020).mkv", "Films/Changed (2021).mkv"
SEEKS_S = (13.0, 23.3, 4.1)
MODES = {"Copied": "remux", "Changed": "convert"}


@pytest.fixture(scope="module")
def coded_films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A film to copy and one to convert."""
    folder = tmp_path_factory.mktemp("coded")
    codecs = {
        COPIED: (
            *("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "60"),
            *("-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2"),
        ),
        CHANGED: (
            *("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
            *("-x265-params", "keyint=60:log-level=error", "-c:a", "ac3"),
        ),
    }
    films = {}
    for path, words in codecs.items():
        file = folder / Path(path).name
        make_film(imageio_ffmpeg.get_ffmpeg_exe(), file, SECONDS, *words)
        films[path] = file.read_bytes()
    return films


@asynccontextmanager
async def house(folder: Path, films: dict[str, bytes]) -> AsyncIterator[Product]:
    """A gateway with a lobby."""
    conf = rclone_vault(folder, films)
    source = ("--rclone-config", str(conf), "rclone:vault")
    async with running_product(folder, *source, options=("--no-dlna",)) as product:
        yield product


async def probe(url: str, *words: str) -> Any:
    out = await run_player(find_program("ffprobe"), "-v", "error", *words, "-of", "json", url)
    return json.loads(out)


async def picture_in_mpv(url: str, at_s: float, folder: Path) -> int:
    """Number of the picture that mpv shows first when it is started at a time."""
    folder.mkdir()
    await run_player(
        *(find_program("mpv"), "--no-config", "--msg-level=all=warn", "--ao=null", "--vo=image"),
        *("--vo-image-format=png", f"--vo-image-outdir={folder}", "--frames=1"),
        *("--hr-seek=yes", f"--start={at_s}", url),
    )
    return number_of(sorted(folder.glob("*.png"))[0])


async def picture_in_ffmpeg(url: str, at_s: float) -> int:
    """Number of the picture that the bundled ffmpeg decodes first at a time."""
    gray = await run_player(
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-ss", str(at_s)),
        *("-i", url, "-map", "0:v", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray"),
        "pipe:1",
    )
    return read_number(gray, WIDTH, HEIGHT)


def number_of(file: Path) -> int:
    with Image.open(file) as picture:
        gray = picture.convert("L")
    return read_number(gray.tobytes(), gray.width, gray.height)


def as_ts(url: str) -> str:
    """The same variant in MPEG-TS segments."""
    return url.replace("/fmp4-", "/ts-")


@pytest.fixture(scope="module", params=["Copied", "Changed"])
def title(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_strangers_are_refused_and_players_know_times_and_seek(
    tmp_path: Path, coded_films: dict[str, bytes], title: str
) -> None:
    async with house(tmp_path, coded_films) as product:
        items = {one["title"]: one for one in await product.items(2)}
        item = items[title]["id"]
        asked = f"{product.base}/api/v1/items/{item}/plan"
        async with product.session.post(asked, json={"screen": SCREEN}) as reply:
            assert reply.status in (401, 403), "a stranger was given a plan"
            assert title not in await reply.text()
        plan = await product.plan(item)
        assert plan["mode"] == MODES[title]
        fmp4 = product.base + plan["url"]
        token = fmp4.split("/hls/")[1].split("/")[0]
        async with product.session.get(fmp4.replace(token, token[::-1])) as reply:
            assert reply.status == 403
        for url in (fmp4, as_ts(fmp4)):
            for name in ("master.m3u8", "index.m3u8"):
                await assert_times(url.replace("master.m3u8", name))
        for at_s in SEEKS_S:
            wanted = at_s * float(RATE)
            shown = {
                "ffmpeg, fMP4": await picture_in_ffmpeg(fmp4, at_s),
                "ffmpeg, TS": await picture_in_ffmpeg(as_ts(fmp4), at_s),
                "mpv, TS": await picture_in_mpv(as_ts(fmp4), at_s, tmp_path / f"at-{at_s}"),
            }
            assert shown == dict.fromkeys(shown, pytest.approx(wanted, abs=1)), at_s


async def assert_times(url: str) -> None:
    """Length, streams and first times, as ffprobe reads them."""
    told = await probe(url, "-show_entries", "format=duration,start_time:stream=codec_name")
    assert float(told["format"]["duration"]) == pytest.approx(SECONDS, abs=0.1)
    assert {one["codec_name"] for one in told["streams"]} == {"h264", "aac"}
    zero = TS_ZERO / 90_000 if "/ts-" in url else 0.0
    for kind in ("v", "a"):
        first = await probe(
            *(url, "-select_streams", kind, "-read_intervals", "%+#1"),
            *("-show_entries", "packet=pts_time"),
        )
        assert float(first["packets"][0]["pts_time"]) == pytest.approx(zero, abs=0.05)


async def test_mpv_plays_every_picture_once_in_order(
    tmp_path: Path, coded_films: dict[str, bytes], title: str
) -> None:
    async with house(tmp_path, coded_films) as product:
        items = {one["title"]: one for one in await product.items(2)}
        url = product.base + (await product.plan(items[title]["id"]))["url"]
        for number, address in enumerate((url, as_ts(url))):
            folder = tmp_path / f"played-{number}"
            folder.mkdir()
            said = await run_player(
                *(find_program("mpv"), "--no-config", "--msg-level=all=error", "--ao=null"),
                *("--ao-null-untimed=yes", "--vo=image", "--vo-image-format=jpg", "--untimed"),
                *("--framedrop=no", f"--vo-image-outdir={folder}", address),
            )
            assert said == b""
            numbers = [number_of(file) for file in sorted(folder.glob("*.jpg"))]
            last = int(SECONDS * RATE) - 1
            # Where sound is longer than the picture, a conversion shows the last one longer.
            assert numbers in ([*range(last + 1)], [*range(last + 1), last])
