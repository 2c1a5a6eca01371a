"""A house with a lobby and one without: VLC and GUPnP find the gateway by themselves.

rclone writes the vault. The players live in a namespace of their own and run as nobody; they know
no address but what multicast tells them.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import subprocess
import time
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import imageio_ffmpeg
import pytest
from defusedxml import ElementTree
from PIL import Image

from tests.conftest import find_program
from tests.fakes.coded_film import HEIGHT, RATE, WIDTH, make_film, read_number
from tests.fakes.made_films import run_ffmpeg
from tests.netns import Namespace, two_namespaces
from tests.product import Product, running_product
from tests.product_tools import AS_NOBODY, rclone_vault, run_player

pytestmark = [
    pytest.mark.netns,
    pytest.mark.needs("rclone", "vlc", "mpv", "ffprobe", "setpriv"),
]
NAME = "House of the test"
SYSTEM_PYTHON = "/usr/bin/python3"
BROWSER = Path(__file__).parents[1] / "gupnp_browse.py"
SECONDS = 20
COPIED, CHANGED = "Films/Copied (2020).mkv", "Films/Changed (2021).mkv"
SONG = "Music/The Band/An Album/01 A Song.mp3"
TITLES = {"Copied": COPIED, "Changed": CHANGED, "A Song": SONG}
DIDL = "{urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/}"
TITLE = "{http://purl.org/dc/elements/1.1/}title"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two films whose pictures carry numbers, and a song with tags."""
    folder = tmp_path_factory.mktemp("media")
    codecs = {
        COPIED: ("-c:v", "libx264", "-preset", "ultrafast", "-g", "48", "-pix_fmt", "yuv420p"),
        CHANGED: (
            *("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
            *("-x265-params", "keyint=48:log-level=error"),
        ),
    }
    found = {}
    for path, words in codecs.items():
        file = folder / Path(path).name
        sound = ("-c:a", "aac") if path == COPIED else ("-c:a", "dca", "-strict", "-2", "-ac", "2")
        make_film(imageio_ffmpeg.get_ffmpeg_exe(), file, SECONDS, *words, *sound)
        found[path] = file.read_bytes()
    song = folder / "song.mp3"
    run_ffmpeg(
        *("-v", "error", "-f", "lavfi", "-i", "sine=f=330:r=44100:d=5", "-c:a", "libmp3lame"),
        *("-metadata", "title=A Song", "-metadata", "artist=The Band"),
        *("-metadata", "album=An Album", str(song)),
    )
    found[SONG] = song.read_bytes()
    return found


@asynccontextmanager
async def house(
    folder: Path, media: dict[str, bytes], *options: str
) -> AsyncIterator[tuple[Product, Namespace]]:
    """A gateway on its side of a cable, this thread and the players on the other."""
    conf = rclone_vault(folder, media)
    words = ("--rclone-config", str(conf), "rclone:vault", "--name", NAME)
    with two_namespaces() as (gateway, player), player.enter():
        async with running_product(
            *(folder, *words),
            options=options,
            prefix=tuple(gateway.command()),
            bind=gateway.address,
            is_local=False,
        ) as product:
            yield product, player


class Vlc:
    """VLC without a picture, commanded through its own command line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said = ""

    async def ask(self, words: str, wanted: str, within_s: float = 25) -> str:
        """Repeat a command until its answer shows ``wanted``; that answer."""
        assert self._process.stdin is not None
        deadline = time.monotonic() + within_s
        while True:
            self._said = ""
            self._process.stdin.write(f"{words}\n".encode())
            with suppress(TimeoutError):
                async with asyncio.timeout(0.7):
                    await self._listen()
            if re.search(wanted, self._said):
                return self._said
            assert time.monotonic() < deadline, self._said

    async def open(self, title: str) -> None:
        """Play, or open, what stands in the playlist under a title."""
        entry = rf"(\d+) - {re.escape(title)}"
        shown = await self.ask("playlist", entry)
        number = re.search(entry, shown)
        assert number is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"goto {number[1]}\n".encode())

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while data := await self._process.stdout.read(4096):
            self._said += data.decode(errors="replace")


@asynccontextmanager
async def vlc(player: Namespace) -> AsyncIterator[Vlc]:
    process = await asyncio.create_subprocess_exec(
        *player.command(*AS_NOBODY, "vlc", "-I", "luaintf", "--lua-intf", "cli", "--no-dbus"),
        *("--quiet", "--services-discovery", "upnp", "--vout", "dummy", "--aout", "dummy"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Vlc(process)
    finally:
        process.kill()
        await process.wait()


async def browse_with_gupnp(player: Namespace, *containers: str) -> dict[str, str]:
    told = await run_player(
        *player.command(
            *AS_NOBODY, SYSTEM_PYTHON, "-c", BROWSER.read_text(), player.link, *containers
        )
    )
    assert told, "GUPnP found no ContentDirectory"
    found: dict[str, str] = json.loads(told)
    return found


def items_of(didl: str) -> dict[str, dict[str, str]]:
    """By title, the addresses of an answer: by room (``media``, ``stream``)."""
    return {
        one.findtext(TITLE): {res.text.split("/")[3]: res.text for res in one.iter(f"{DIDL}res")}
        for one in ElementTree.fromstring(didl).iter(f"{DIDL}item")
    }


def long_song() -> bytes:
    """More than any socket holds: 40 MB of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as song:
        song.setparams((2, 2, 48_000, 0, "NONE", ""))
        song.writeframes(bytes(40_000_000))
    return out.getvalue()


async def all_items(player: Namespace, *more: str) -> dict[str, dict[str, str]]:
    """Every item, once the films were looked into."""
    deadline = time.monotonic() + 30
    while True:
        found = await browse_with_gupnp(player, "recent")
        items = items_of(found["recent"])
        if items.keys() == {*TITLES, *more} and "stream" in items["Changed"]:
            return items
        assert time.monotonic() < deadline, found["recent"]


async def fetch(product: Product, url: str) -> bytes:
    async with product.session.get(url) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.read()


def need_gupnp() -> None:
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import gi; gi.require_version('GUPnP', '1.6')"],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = "GUPnP for the system's Python (python3-gi, gir1.2-gupnp-1.6) is not installed"
        if os.environ.get("VAULTCAST_REQUIRE") == "all":
            pytest.fail(f"{said}, and VAULTCAST_REQUIRE=all", pytrace=False)
        pytest.skip(said)


async def test_without_a_lobby_vlc_and_gupnp_find_browse_and_play(
    tmp_path: Path, media: dict[str, bytes]
) -> None:
    need_gupnp()
    async with house(tmp_path, media, "--open") as (product, player):
        items = await all_items(player)
        for title, path in TITLES.items():
            assert await fetch(product, items[title]["media"]) == media[path]
        await assert_vlc_plays(player, "Copied")
        await assert_players_seek(tmp_path, product, player, items)


async def assert_vlc_plays(player: Namespace, title: str) -> None:
    async with vlc(player) as seen:
        await seen.open(NAME)
        await seen.open("Films")
        shown = await seen.ask("playlist", r"Copied \(")
        assert "Changed (" in shown
        await seen.open(title)
        status = await seen.ask("status", "state playing")
        assert "/media/" in status
        began = await seen.ask("get_time", r"\b[1-9]\d*\b")
        assert began


async def assert_players_seek(
    folder: Path, product: Product, player: Namespace, items: dict[str, dict[str, str]]
) -> None:
    """A direct address in ffprobe and mpv, a converted one from the middle and whole."""
    at_s = 11.0
    direct = items["Copied"]["media"]
    told = await run_player(
        *(find_program("ffprobe"), "-v", "error", "-show_entries", "format=duration"),
        *("-of", "csv=p=0", direct),
    )
    assert float(told) == pytest.approx(SECONDS, abs=0.1)
    shown = folder / "shown"
    shown.mkdir()
    await run_player(
        *(find_program("mpv"), "--no-config", "--msg-level=all=error", "--ao=null"),
        *("--vo=image", "--vo-image-format=png", f"--vo-image-outdir={shown}", "--frames=1"),
        *("--hr-seek=yes", f"--start={at_s}", direct),
    )
    with Image.open(next(shown.glob("*.png"))) as picture:
        gray = picture.convert("L")
    number = read_number(gray.tobytes(), gray.width, gray.height)
    assert number == pytest.approx(at_s * float(RATE), abs=1)

    stream = items["Changed"]["stream"]
    last = int(SECONDS * RATE) - 1
    for headers, first in (
        ("", 0),
        (f"TimeSeekRange.dlna.org: npt={at_s}-\r\n", at_s * float(RATE)),
    ):
        numbers = await pictures_of(stream, headers)
        assert numbers[0] == pytest.approx(first, abs=1)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[-1] == last
    entries = ("-show_entries", "format=format_name:stream=codec_name")
    told = await run_player(find_program("ffprobe"), "-v", "error", *entries, "-of", "json", stream)
    seen = json.loads(told)
    assert seen["format"]["format_name"] == "mpegts"
    assert {one["codec_name"] for one in seen["streams"]} == {"h264", "aac"}


async def pictures_of(url: str, headers: str) -> list[int]:
    """Numbers of all pictures of a stream."""
    gray = await run_player(
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-headers", headers),
        *("-i", url, "-map", "0:v", "-fps_mode", "passthrough"),
        *("-vf", f"scale={WIDTH}:{HEIGHT}", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"),
    )
    size = WIDTH * HEIGHT
    return [read_number(gray[at : at + size], WIDTH, HEIGHT) for at in range(0, len(gray), size)]


async def test_with_a_lobby_players_see_a_door_until_the_owner_opens_it(
    tmp_path: Path, media: dict[str, bytes]
) -> None:
    need_gupnp()
    long = long_song()
    async with house(tmp_path, {**media, "Music/Long.wav": long}) as (product, player):
        before = await browse_with_gupnp(player, "0")
        assert before["location"] == f"{product.base}/upnp/description.xml"
        assert "Let this player in" in before["0"]
        assert not items_of(before["0"])
        async with vlc(player) as seen:
            await seen.open(NAME)
            shown = await seen.ask("playlist", "Let this player in")
            assert not [title for title in TITLES if title in shown]
        async with owner(product) as phone:
            (waiting,) = await devices(phone, "waiting")
            await command(phone, waiting, "approve")
            items = await all_items(player, "Long")
            await assert_vlc_plays(player, "Copied")
            for title, path in TITLES.items():
                assert await fetch(product, items[title]["media"]) == media[path]
            async with product.session.get(items["Long"]["media"]) as running:
                assert await running.content.readexactly(1000) == long[:1000]
                await command(phone, waiting, "revoke")
                async with asyncio.timeout(3):
                    with pytest.raises(aiohttp.ClientError):
                        await running.content.read()
            for title in TITLES:
                async with product.session.get(items[title]["media"]) as reply:
                    assert reply.status == 403
            after = await browse_with_gupnp(player, "0")
            assert not [one for one in ("Films", *TITLES) if one in after["0"]]


@asynccontextmanager
async def owner(product: Product) -> AsyncIterator[aiohttp.ClientSession]:  # noqa: TID251 - the other side
    """The phone that opened the link the terminal printed."""
    link = re.search(r"#own\.(\S+)", "".join(product.errors))
    assert link is not None
    async with aiohttp.ClientSession(  # noqa: TID251 - the other side
        product.base,
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        headers={"Origin": product.base},
    ) as phone:
        async with phone.post("/api/v1/owner", json={"secret": link[1]}) as reply:
            assert reply.status == 200, await reply.text()
        async with phone.post("/api/v1/owner", json={"secret": link[1]}) as reply:
            assert reply.status == 403, "the link was good twice"
        yield phone


async def devices(phone: aiohttp.ClientSession, state: str) -> list[str]:  # noqa: TID251 - the other side
    async with phone.get("/api/v1/devices") as reply:
        found = (await reply.json())["devices"]
    return [one["id"] for one in found if one["state"] == state and one["kind"] == "player"]


async def command(phone: aiohttp.ClientSession, device: str, act: str) -> None:  # noqa: TID251 - the other side
    async with phone.post(f"/api/v1/devices/{device}/{act}") as reply:
        assert reply.status == 200, await reply.text()
