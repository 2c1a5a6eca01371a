"""The main job end to end: a TV is let in, plays from the vault by five keys, obeys the phone."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from tests.browser.cdp import running_browser
from tests.product import make_small_films, make_vault, running_product, until_gone

pytestmark = pytest.mark.needs("chromium")
VIDEO = "document.querySelector('video')"


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, bytes]:
    return make_small_films(tmp_path_factory.mktemp("films"))


async def owner_link(product) -> str:
    """The one-time address, as it is printed for the owner."""
    deadline = time.monotonic() + 10
    while True:
        found = re.search(r"http://\S+/remote#own\.\S+", "".join(product.errors))
        if found:
            return found[0]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def let_in(phone, product) -> None:
    """Become owner on the phone, and let the one who waits in."""
    await phone.open(await owner_link(product), ready="document.readyState === 'complete'")
    await phone.until("location.pathname === '/remote' && !location.hash")
    deadline = time.monotonic() + 20
    while True:
        await phone.open(
            product.base + "/remote/devices", ready="document.readyState === 'complete'"
        )
        if await phone.eval("!!document.querySelector('[data-act=approve]')"):
            break
        assert time.monotonic() < deadline
        await asyncio.sleep(0.3)
    await phone.eval("document.querySelector('[data-act=approve]').click()")


async def test_from_the_lobby_to_a_paused_film(tmp_path, films):
    conf = make_vault(tmp_path, films)
    source = ("--rclone-config", str(conf), "rclone:vault")
    async with (
        running_product(tmp_path, *source, options=("--no-dlna",)) as product,
        running_browser() as room,
        running_browser() as pocket,
    ):
        await product.items(2)
        tv, phone = await room.tab(), await pocket.tab()
        await tv.size(1920, 1080)
        await phone.size(390, 844, mobile=True)
        await tv.open(product.base + "/tv", ready="document.readyState === 'complete'")
        shown = await tv.eval("document.body.innerText")
        assert "Remuxed" not in shown
        assert "Converted" not in shown
        assert re.search(r"\b\d\d\b", shown)

        await let_in(phone, product)
        await tv.until("window.VC && VC.ready && !!document.querySelector('.card')", within_s=20)
        for _ in range(3):
            if await tv.focused() == "Converted":
                break
            await tv.presses("down")
            for _ in range(3):
                if await tv.focused() == "Converted":
                    break
                await tv.presses("right")
        assert await tv.focused() == "Converted"

        await tv.press("ok")
        await tv.until("location.pathname.indexOf('/tv/item/') === 0 && window.VC && VC.ready")
        await tv.press("ok")
        await tv.until(f"{VIDEO} && {VIDEO}.currentTime > 0.5 && !{VIDEO}.paused", within_s=30)
        assert await tv.eval(f"{VIDEO}.videoWidth") == 320
        before = await tv.eval(f"{VIDEO}.currentTime")
        await tv.press("right")
        await tv.until(f"{VIDEO}.currentTime > {before + 5}", within_s=20)

        await phone.open(product.base + "/remote", ready="document.readyState === 'complete'")
        await phone.until(
            "document.querySelector('#play').textContent.trim() === 'Pause'", within_s=20
        )
        await phone.eval("document.querySelector('#play').click()")
        await tv.until(f"{VIDEO}.paused", within_s=10)
        held = await tv.eval(f"{VIDEO}.currentTime")
        await phone.until(
            "document.querySelector('#play').textContent.trim() === 'Play'", within_s=10
        )
        await phone.eval("document.querySelector('[data-jump=\"-10\"]').click()")
        await tv.until(f"Math.abs({VIDEO}.currentTime - {max(0, held - 10)}) < 1.5", within_s=10)

        await tv.press("back")
        await asyncio.sleep(0.5)
        if await tv.eval("location.pathname.indexOf('/tv/play/') === 0"):
            await tv.press("back")
        await tv.until("location.pathname.indexOf('/tv/item/') === 0", within_s=10)
        await until_gone(product, "libx264", 4)
        await asyncio.sleep(0.5)
        await tv.press("back")
        await tv.until("location.pathname === '/tv' && window.VC && VC.ready", within_s=10)
        assert (await tv.focused()).startswith("Converted")


async def test_a_film_that_needs_no_converter_is_repackaged(tmp_path, films):
    conf = make_vault(tmp_path, films)
    async with (
        running_product(tmp_path, "--rclone-config", str(conf), "rclone:vault") as product,
        running_browser() as room,
    ):
        items = {one["title"]: one for one in await product.items(2)}
        tv = await room.tab()
        await tv.open(f"{product.base}/tv/item/{items['Remuxed']['id']}")
        await tv.press("ok")
        await tv.until(f"{VIDEO} && {VIDEO}.currentTime > 1", within_s=30)
        assert await tv.eval(f"{VIDEO}.error") is None
        commands = [" ".join(one.cmdline()) for one in product.children()]
        assert not any("libx264" in one for one in commands), commands
