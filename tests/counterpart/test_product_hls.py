"""Playlists of the whole gateway in mpv and ffprobe: length, first time, and what a seek shows.

The vault is written by the real rclone; the token comes from the plan of an approved device, in a
house that has a lobby. Every picture carries its number, so a seek is judged by what is shown.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from PIL import Image

from tests.conftest import find_program
from tests.fakes.coded_film import RATE, make_film, read_number
from tests.product import SCREEN, Product, running_product
from tests.product_tools import rclone_vault, run_player

pytestmark = pytest.mark.needs("rclone", "mpv", "ffprobe")
SECONDS = 26
COPIED, CHANGED = "Films/Copied (2020).mkv", "Films/Changed (2021).mkv"
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


async def picture_at(url: str, at_s: float, folder: Path) -> int:
    """Number of the picture that mpv shows first when it is started at a time."""
    folder.mkdir()
    await run_player(
        find_program("mpv"), "--no-config", "--msg-level=all=error", "--ao=null", "--vo=image",
        "--vo-image-format=png", f"--vo-image-outdir={folder}", "--frames=1", "--hr-seek=yes",
        f"--start={at_s}", url,
    )  # fmt: skip
    shown = sorted(folder.glob("*.png"))[0]
    with Image.open(shown) as picture:
        gray = picture.convert("L")
        return read_number(gray.tobytes(), gray.width, gray.height)


@pytest.mark.parametrize("title", ["Copied", "Changed"])
async def test_players_know_the_length_and_seek_to_the_picture(tmp_path, coded_films, title):
    async with house(tmp_path, coded_films) as product:
        items = {one["title"]: one for one in await product.items(2)}
        item = items[title]["id"]
        asked = f"{product.base}/api/v1/items/{item}/plan"
        async with product.session.post(asked, json={"screen": SCREEN}) as reply:
            assert reply.status in (401, 403), "a stranger was given a plan"
        plan = await product.plan(item)
        assert plan["mode"] == MODES[title]
        stranger = plan["url"].split("/")
        stranger[2] = stranger[2][:-2] + ("AA" if not stranger[2].endswith("AA") else "BB")
        async with product.session.get(product.base + "/".join(stranger)) as reply:
            assert reply.status == 403

        for name in ("master.m3u8", "index.m3u8"):
            url = product.base + plan["url"].replace("master.m3u8", name)
            told = await probe(url, "-show_entries", "format=duration,start_time:stream=codec_name")
            assert float(told["format"]["duration"]) == pytest.approx(SECONDS, abs=0.1)
            assert {one["codec_name"] for one in told["streams"]} == {"h264", "aac"}
            for kind in ("v", "a"):
                first = await probe(
                    url, "-select_streams", kind, "-read_intervals", "%+#1",
                    "-show_entries", "packet=pts_time",
                )  # fmt: skip
                assert float(first["packets"][0]["pts_time"]) == pytest.approx(0, abs=0.05)

        url = product.base + plan["url"]
        for at_s in (0.0, 13.0, 23.3, 4.1):
            shown = await picture_at(url, at_s, tmp_path / f"at-{at_s}")
            assert shown == pytest.approx(at_s * float(RATE), abs=1), at_s
        later = await probe(
            url, "-select_streams", "v", "-read_intervals", "15%+#1",
            "-show_entries", "packet=pts_time",
        )  # fmt: skip
        assert 10 <= float(later["packets"][0]["pts_time"]) <= 15.1


@pytest.mark.parametrize("title", ["Copied", "Changed"])
async def test_mpv_plays_to_the_end_without_a_complaint(tmp_path, coded_films, title):
    async with house(tmp_path, coded_films) as product:
        items = {one["title"]: one for one in await product.items(2)}
        plan = await product.plan(items[title]["id"])
        folder = tmp_path / "played"
        folder.mkdir()
        done = subprocess.run(
            [
                find_program("mpv"), "--no-config", "--msg-level=all=warn", "--ao=null",
                "--vo=image", "--vo-image-format=png", "--vo-image-png-compression=0",
                f"--vo-image-outdir={folder}", "--untimed", "--framedrop=no", "--start=20",
                product.base + plan["url"],
            ],
            capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert b"error" not in done.stderr.lower()
        numbers = []
        for shown in sorted(folder.glob("*.png")):
            with Image.open(shown) as picture:
                gray = picture.convert("L")
                numbers.append(read_number(gray.tobytes(), gray.width, gray.height))
        first, last = round(20 * float(RATE)), int(SECONDS * RATE) - 1
        assert numbers[0] == pytest.approx(first, abs=1)
        assert numbers == sorted(numbers)
        assert set(numbers) == set(range(numbers[0], last + 1))
