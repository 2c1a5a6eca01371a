"""The whole gateway in a house of its own: real players find it, wait, are let in, and play."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from async_upnp_client.aiohttp import AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.exceptions import UpnpActionError
from defusedxml import ElementTree

from tests.avahi import avahi, browse_once
from tests.conftest import find_program
from tests.fakes.made_films import run_ffmpeg
from tests.netns import Namespace, two_namespaces
from tests.product import Product, make_small_films, make_vault, running_product

pytestmark = [
    pytest.mark.netns,
    pytest.mark.needs("gssdp-discover", "vlc", "mpv", "ffprobe", "setpriv", "rclone"),
]
CONTENT = "urn:schemas-upnp-org:service:ContentDirectory:1"
SPACES = {
    "d": "urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/",
    "dc": "http://purl.org/dc/elements/1.1/",
}


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, bytes]:
    return make_small_films(tmp_path_factory.mktemp("films"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that players who are nobody can write to."""
    with tempfile.TemporaryDirectory(prefix="vaultcast-test-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


class Player:
    """A control point at the player's address."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._service = None

    async def browse(self, container: str) -> list[ElementTree]:
        if self._service is None:
            factory = UpnpFactory(AiohttpRequester(timeout=15))
            device = await factory.async_create_device(self._product.base + "/upnp/description.xml")
            self._service = device.service(CONTENT)
        answer = await self._service.action("Browse").async_call(
            ObjectID=container,
            BrowseFlag="BrowseDirectChildren",
            Filter="*",
            StartingIndex=0,
            RequestedCount=0,
            SortCriteria="",
        )
        return list(ElementTree.fromstring(answer["Result"]))

    async def items(self, container: str = "0") -> dict[str, ElementTree]:
        """Every item below a folder, by title."""
        found = {}
        for one in await self.browse(container):
            if one.tag.endswith("container"):
                found |= await self.items(one.get("id"))
            else:
                found[one.findtext("dc:title", namespaces=SPACES)] = one
        return found


def direct(item) -> str:
    return next(res.text for res in item.findall("d:res", SPACES) if "/media/" in res.text)


def converted(item) -> str:
    return next(res.text for res in item.findall("d:res", SPACES) if "/stream/" in res.text)


async def fetch(product: Product, url: str, status: int = 200) -> bytes:
    async with product.session.get(url) as reply:
        assert reply.status == status, await reply.text()
        return await reply.read()


async def become_owner(product: Product) -> aiohttp.ClientSession:  # noqa: TID251
    """The phone of the house: opens the link that the terminal printed."""
    secret = re.search(r"#own\.(\S+)", "".join(product.errors))[1]
    jar = aiohttp.CookieJar(unsafe=True)
    headers = {"Origin": product.base}
    phone = aiohttp.ClientSession(product.base, cookie_jar=jar, headers=headers)  # noqa: TID251 - the other side
    async with phone.post("/api/v1/owner", json={"secret": secret}) as reply:
        assert reply.status == 200, await reply.text()
    return phone


async def play(player: Namespace, *words: str, within_s: float = 40) -> bytes:
    """Run a player in its namespace, as nobody; its standard output."""
    command = player.command(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/tmp", *words
    )
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(within_s):
            out, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, (words, complaint[-2000:])
    return out


async def test_a_player_waits_is_let_in_and_plays(tmp_path, open_folder, films):
    tmp_path.chmod(0o755)
    conf = make_vault(tmp_path, films)
    with two_namespaces() as (gateway, player):
        prefix = tuple(gateway.command())
        source = ("--rclone-config", str(conf), "rclone:vault", "--name", "House of the test")
        with player.enter():
            async with running_product(
                tmp_path, *source, options=(), prefix=prefix, bind=gateway.address, is_local=False
            ) as product:
                found = await asyncio.to_thread(
                    player.run,
                    *("gssdp-discover", "-i", player.link, "--timeout=4"),
                    *("-t", "urn:schemas-upnp-org:device:MediaServer:1"),
                )
                assert f"{product.base}/upnp/description.xml" in found.stdout, found

                control = Player(product)
                assert await control.items() == {}
                (lobby,) = await control.browse("0")
                title = lobby.findtext("dc:title", namespaces=SPACES)
                assert product.base in title
                number = re.search(r"\b\d\d\b(?!.*\b\d\d\b)", title)[0]

                async with await become_owner(product) as phone:
                    async with phone.get("/api/v1/devices") as reply:
                        devices = (await reply.json())["devices"]
                    (waiting,) = [one for one in devices if one["state"] == "waiting"]
                    assert waiting["number"] == number
                    async with phone.post(f"/api/v1/devices/{waiting['id']}/approve") as reply:
                        assert reply.status == 200, await reply.text()
                    async with asyncio.timeout(30):
                        while len(items := await control.items("films")) < 2:
                            await asyncio.sleep(0.2)
                        while "duration" not in items["Remuxed"].find("d:res", SPACES).attrib:
                            items = await control.items("films")
                            await asyncio.sleep(0.2)

                    clear = films["Films/Remuxed (2020).mkv"]
                    address = direct(items["Remuxed"])
                    assert await fetch(product, address) == clear
                    assert items["Remuxed"].find("d:res", SPACES).get("size") == str(len(clear))
                    dumped = open_folder / "film"
                    await play(
                        player, "vlc", "-I", "dummy", "--no-dbus", "--play-and-exit", "--quiet",
                        "--demux", "dump", "--demuxdump-file", str(dumped), address, "vlc://quit",
                    )  # fmt: skip
                    assert dumped.read_bytes() == clear
                    await play(
                        player, "mpv", "--no-config", "--vo=null", "--ao=null", "--untimed",
                        "--start=18", "--msg-level=all=error", address,
                    )  # fmt: skip

                    stream = converted(items["Converted"])
                    probed = await play(
                        player, find_program("ffprobe"), "-v", "error", "-show_entries",
                        "stream=codec_name", "-of", "csv=p=0", stream,
                    )  # fmt: skip
                    assert set(probed.split()) >= {b"h264", b"aac"}
                    head = {"TimeSeekRange.dlna.org": "npt=10.0-"}
                    async with product.session.head(stream, headers=head) as reply:
                        assert reply.headers["TimeSeekRange.dlna.org"].startswith("npt=10.000-")
                    async with product.session.get(stream, headers=head) as reply:
                        assert (await reply.content.readexactly(188))[0] == 0x47

                    async with phone.post(f"/api/v1/devices/{waiting['id']}/revoke") as reply:
                        assert reply.status == 200
                    await fetch(product, address, status=403)
                    assert await control.items() == {}


async def test_every_wrapped_remote_and_open_folder_plays_the_same(tmp_path, films):
    conf = make_vault(tmp_path, films)
    plain = tmp_path / "plain" / "Films"
    plain.mkdir(parents=True)
    (plain / "Open (2001).mkv").write_bytes(films["Films/Remuxed (2020).mkv"])
    servers = []

    async def serve(folder: Path) -> str:
        server = await asyncio.create_subprocess_exec(
            find_program("rclone"), "serve", "webdav", str(folder),
            "--addr", "127.0.0.1:0", "--config", "/dev/null", stderr=subprocess.PIPE,
        )  # fmt: skip
        servers.append(server)
        async with asyncio.timeout(20):
            while "http://127.0.0.1:" not in (line := (await server.stderr.readline()).decode()):
                pass
        return re.search(r"http://127\.0\.0\.1:\d+", line)[0]

    try:
        far, shared = await serve(tmp_path / "stored"), await serve(tmp_path / "plain")
        base = conf.read_text()
        sealed = base.split("\n", 1)[1].replace(f"remote = {tmp_path / 'stored'}", "remote = {}")
        conf.write_text(
            f"{base}\n[dav]\ntype = webdav\nurl = {far}\nvendor = other\n"
            f"\n[near]\ntype = alias\nremote = {tmp_path / 'stored'}\n"
            f"\n[overdav]\n{sealed.format('dav:')}\n[overalias]\n{sealed.format('near:')}\n"
        )
        sources = (
            "rclone:vault", "rclone:overdav", "rclone:overalias", "rclone:overdav:Films",
            str(tmp_path / "plain"), f"Shared=webdav+{shared}",
        )  # fmt: skip
        async with running_product(tmp_path, "--rclone-config", str(conf), *sources) as product:
            items = await product.items(10)
            assert len(items) == 10
            assert len({one["source"] for one in items}) == 6
            clear = {
                "Remuxed": films["Films/Remuxed (2020).mkv"],
                "Converted": films["Films/Converted (2021).mkv"],
                "Open": films["Films/Remuxed (2020).mkv"],
            }
            for one in items:
                assert await product.bytes(one["media"]) == clear[one["title"]], one
    finally:
        for server in servers:
            server.terminate()
            await server.wait()


@asynccontextmanager
async def shared(gateway: Namespace, folder: Path) -> AsyncIterator[str]:
    """The address of ``rclone serve webdav`` on the gateway's own loopback."""
    server = await asyncio.create_subprocess_exec(
        *gateway.command(find_program("rclone"), "serve", "webdav", str(folder)),
        *("--addr", "127.0.0.1:0", "--config", "/dev/null"),
        stderr=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(20):
            while "http://127.0.0.1:" not in (line := (await server.stderr.readline()).decode()):
                pass
        yield re.search(r"http://127\.0\.0\.1:\d+", line)[0]
    finally:
        server.terminate()
        await server.wait()


SONG = "Music/Band/Album/01 Song.mp3"


@pytest.fixture(scope="module")
def media(tmp_path_factory, films) -> dict[str, bytes]:
    """The film that needs no conversion, and a song."""
    song = tmp_path_factory.mktemp("song") / "song.mp3"
    run_ffmpeg(
        *("-v", "error", "-f", "lavfi", "-i", "sine=f=440:d=5", "-c:a", "libmp3lame"),
        *("-metadata", "title=Quokka Song", str(song)),
    )
    film = "Films/Remuxed (2020).mkv"
    return {film: films[film], SONG: song.read_bytes()}


async def over_webdav(gateway: Namespace, folder: Path, media, stack: AsyncExitStack) -> tuple:
    """The words that serve a vault of ``media`` over WebDAV."""
    conf = make_vault(folder, media)
    address = await stack.enter_async_context(shared(gateway, folder / "stored"))
    text = conf.read_text().replace(f"remote = {folder / 'stored'}", "remote = far:")
    conf.write_text(f"{text}\n[far]\ntype = webdav\nurl = {address}\nvendor = other\n")
    return ("--rclone-config", str(conf), "rclone:vault", "--name", "House of the test")


async def both(control: Player) -> dict[str, ElementTree]:
    """Film and song, once the gateway has looked into them."""
    async with asyncio.timeout(40):
        while True:
            items = await control.items()
            if items.keys() == {"Remuxed", "Quokka Song"}:
                return items
            await asyncio.sleep(0.2)


@pytest.mark.needs("avahi-daemon", "avahi-browse", "dbus-daemon", "unshare")
async def test_strangers_learn_nothing_and_friends_hear_a_vault_over_webdav(
    tmp_path, open_folder, media
):
    with two_namespaces() as (gateway, player), avahi(player, tmp_path) as bus:
        async with AsyncExitStack() as stack:
            words = await over_webdav(gateway, tmp_path, media, stack)
            stack.enter_context(player.enter())
            product = await stack.enter_async_context(
                running_product(
                    tmp_path,
                    *words,
                    options=(),
                    prefix=tuple(gateway.command()),
                    bind=gateway.address,
                    is_local=False,
                    has_mdns=True,
                )
            )
            async with asyncio.timeout(30):
                while True:
                    seen = await asyncio.to_thread(browse_once, player, bus)
                    if "house-of-the-test.local" in seen:
                        break
            assert gateway.address in seen
            assert f";{product.base.rsplit(':', 1)[1]};" in seen

            phone = await stack.enter_async_context(await become_owner(product))
            async with asyncio.timeout(40):  # the library is full while the player still waits
                while True:
                    async with phone.get("/api/v1/items") as reply:
                        found = (await reply.json())["items"]
                    if len([one for one in found if one.get("duration_s")]) == 2:
                        break
                    await asyncio.sleep(0.2)
            control = Player(product)
            assert await control.items() == {}
            for known in ("films", "music", *(f"i{one['id']}" for one in found)):
                with pytest.raises(UpnpActionError) as refused:
                    await control.browse(known)
                assert refused.value.error_code == 701
            for path in ("/tv", "/remote", "/health", "/upnp/description.xml"):
                async with product.session.get(product.base + path) as reply:
                    text = await reply.text()
                assert "Quokka" not in text, path
                assert "Remuxed" not in text, path
            async with product.session.get(product.base + "/api/v1/items") as reply:
                assert reply.status in (401, 403)
            for one in found:
                await fetch(product, f"{product.base}/media/{'A' * 32}/{one['id']}", status=403)

            async with phone.get("/api/v1/devices") as reply:
                devices = (await reply.json())["devices"]
            waiting = [one for one in devices if one["state"] == "waiting"]
            (mine,) = [one for one in waiting if one["kind"] == "player"]
            async with phone.post(f"/api/v1/devices/{mine['id']}/approve") as reply:
                assert reply.status == 200, await reply.text()
            items = await both(control)
            assert (
                await fetch(product, direct(items["Remuxed"]))
                == (media["Films/Remuxed (2020).mkv"])
            )
            song = direct(items["Quokka Song"])
            assert await fetch(product, song) == media[SONG]
            dumped = open_folder / "song"
            await play(
                player, "vlc", "-I", "dummy", "--no-dbus", "--play-and-exit", "--quiet",
                "--demux", "dump", "--demuxdump-file", str(dumped), song, "vlc://quit",
            )  # fmt: skip
            heard = dumped.read_bytes()  # VLC takes the tag off before it dumps
            assert media[SONG].startswith(b"ID3")
            assert media[SONG].endswith(heard)
            assert len(heard) > len(media[SONG]) - 2000
            await play(
                player, "mpv", "--no-config", "--vo=null", "--ao=null", "--ao-null-untimed",
                "--msg-level=all=error", song,
            )  # fmt: skip

            async with phone.post(f"/api/v1/devices/{mine['id']}/revoke") as reply:
                assert reply.status == 200
            await fetch(product, song, status=403)


async def test_an_open_house_shows_its_media_to_a_player_never_seen(tmp_path, media):
    with two_namespaces() as (gateway, player):
        async with AsyncExitStack() as stack:
            words = await over_webdav(gateway, tmp_path, media, stack)
            stack.enter_context(player.enter())
            product = await stack.enter_async_context(
                running_product(
                    tmp_path,
                    *words,
                    options=("--open",),
                    prefix=tuple(gateway.command()),
                    bind=gateway.address,
                    is_local=False,
                )
            )
            items = await both(Player(product))
            assert await fetch(product, direct(items["Quokka Song"])) == media[SONG]
