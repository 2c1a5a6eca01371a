"""The pages over HTTP: who sees what, how large it is, and that errors are screens."""

from __future__ import annotations

import re
import time
from pathlib import Path

import aiohttp

from gateway.security.devices import DeviceKind, Role
from tests.fakes.tv_library import running_house

PAGES = (
    "/tv", "/tv/films", "/tv/films?sort=added", "/tv/series", "/tv/music", "/tv/photos",
    "/tv/folders", "/tv/folders?key=film", "/tv/folders?key=film&start=60", "/tv/item/4",
    "/tv/item/250", "/tv/one-series?key=Copper%20Tide", "/tv/album?key=Salt%20Songs",
    "/tv/one-series?key=Copper%20Tide&season=2", "/tv/play/4", "/tv/play/4?start=12",
    "/tv/play/300", "/tv/photo/340?at=29", "/tv/photo/330", "/tv/locked?source=family",
    "/tv/phone",
)  # fmt: skip


def client() -> aiohttp.ClientSession:  # noqa: TID251 - the other side
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))  # noqa: TID251 - the other side


async def test_every_page_is_whole_and_not_kept(house_folder: Path) -> None:
    async with running_house(house_folder) as house, client() as session:
        for path in PAGES:
            async with session.get(house.base + path) as reply:
                text = await reply.text()
                assert reply.status == 200, path
                assert reply.headers["Cache-Control"] == "no-store"
                assert "script-src" not in reply.headers["Content-Security-Policy"]
                assert len(re.findall("<h1", text)) == 1 or "/tv/play/" in path or "photo" in path
                for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
                    async with session.get(house.base + address) as file:
                        assert file.status == 200
                        assert "immutable" in file.headers["Cache-Control"]


async def test_an_unknown_tv_sees_no_title_anywhere(house_folder: Path) -> None:
    async with running_house(house_folder, is_open=False) as house, client() as session:
        titles = {one.title for one in house.catalogue.items.values()} | {"family", "nas"}
        for path in PAGES:
            async with session.get(house.base + path) as reply:
                text = await reply.text()
                assert reply.status == 200
            assert "This TV" in text or "this TV is in" in text
            assert not [one for one in titles if f">{one}<" in text or f'"{one}"' in text]
        async with session.get(house.base + "/tv/cards?rail=films") as reply:
            assert reply.status == 401
        async with session.get(house.base + "/tv/door") as reply:
            assert (await reply.json())["state"] == "waiting"


async def test_a_lobby_turns_into_home_and_back_when_revoked(house_folder: Path) -> None:
    async with running_house(house_folder, is_open=False) as house, client() as session:
        async with session.get(house.base + "/tv") as reply:
            number = re.search(r'class="number">(\d\d)<', await reply.text())
        (device,) = house.parts.devices.list()
        assert number is not None
        assert number[1] == device.number
        await house.parts.devices.approve(device.id)
        async with session.get(house.base + "/tv") as reply:
            assert "Go on watching" in await reply.text()
        await house.parts.devices.revoke(device.id)
        async with session.get(house.base + "/tv/item/4") as reply:
            assert "shut out" in await reply.text()


async def test_what_is_not_there_is_a_screen_with_a_way_on(house_folder: Path) -> None:
    async with running_house(house_folder) as house, client() as session:
        for path in ("/tv/item/9999", "/tv/one-series?key=x", "/tv/album?key=x",
                     "/tv/locked?source=x", "/tv/play/9999"):  # fmt: skip
            async with session.get(house.base + path) as reply:
                text = await reply.text()
            assert reply.status == 404
            assert 'href="/tv"' in text
            assert "not_found" in text
        async with session.get(house.base + "/tv/cards?rail=nothing") as reply:
            assert reply.status == 400
        async with session.get(house.base + "/tv/cards?rail=films&start=-1") as reply:
            assert reply.status == 400


async def test_home_of_100_000_items_is_as_small_as_of_few(house_folder: Path) -> None:
    async with running_house(house_folder, films=100_000) as house, client() as session:
        sizes = []
        for _ in range(3):
            started = time.perf_counter()
            async with session.get(house.base + "/tv") as reply:
                sizes.append((len(await reply.read()), time.perf_counter() - started))
        assert max(size for size, _ in sizes) <= 60_000
        async with session.get(house.base + "/tv/films") as reply:
            assert len(await reply.read()) <= 60_000


async def test_an_empty_house_says_how_to_fill_it(house_folder: Path) -> None:
    async with running_house(house_folder, films=0) as house, client() as session:
        async with session.get(house.base + "/tv") as reply:
            text = await reply.text()
        assert "vaultcast serve" in text
        assert "<svg" in text
        for kind in ("films", "series", "music", "photos"):
            async with session.get(f"{house.base}/tv/{kind}") as reply:
                assert "was found yet" in await reply.text()


async def test_names_out_of_vaults_are_escaped(house_folder: Path) -> None:
    bad = "<script>alert(1)</script>\"'&"
    async with running_house(house_folder) as house, client() as session:
        import dataclasses

        for number in (4, 9, 250, 300):
            house.catalogue.items[number] = dataclasses.replace(
                house.catalogue.items[number], title=bad
            )
        for path in ("/tv", "/tv/item/4", "/tv/play/4", "/tv/play/300"):
            async with session.get(house.base + path) as reply:
                text = await reply.text()
            assert "<script>alert" not in text
            assert "alert(1)" in text


async def test_a_phone_in_each_role_sees_its_pages(house_folder: Path) -> None:
    async with running_house(house_folder, is_open=False) as house, client() as session:
        async with session.get(house.base + "/remote") as reply:
            assert "six digits" in await reply.text()
        waiting = [one for one in house.parts.devices.list() if one.kind is DeviceKind.PHONE]
        await house.parts.devices.promote(waiting[0].id, Role.OWNER)
        for path, words in (
            ("/remote", 'data-key="ok"'),
            ("/remote/browse", "Search films"),
            ("/remote/browse?q=harbour", "“harbour”"),
            ("/remote/browse?kind=series", "Copper Tide"),
            ("/remote/browse?kind=series&group=Copper%20Tide", "S1 E1"),
            ("/remote/browse?kind=music&group=Salt%20Songs", "Paper Orchestra"),
            ("/remote/browse?kind=photos", "Harbour 30"),
            ("/remote/browse?kind=films&start=40", "data-item"),
            ("/remote/devices", "this phone"),
            ("/remote/vaults", "locked"),
        ):
            async with session.get(house.base + path) as reply:
                assert words in await reply.text(), path
