"""The player in a real browser: plays, seeks, shows subtitles, ends in words, obeys the phone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.browser.cdp import Browser, Tab, running_browser
from tests.fakes.tv_library import FILM_S, House, running_house

pytestmark = pytest.mark.needs("chromium")

NOW = "document.getElementById('video').currentTime"


async def play(browser: Browser, house: House, path: str = "/tv/play/4") -> Tab:
    """The player by way of a link and a key, as on a TV: then it may sound at once."""
    tab = await browser.tab()
    await tab.open(house.base + "/tv")
    await tab.press("right")
    await tab.eval(f"location.href = {path!r}")
    await tab.until(f"window.VC && VC.ready && location.href.indexOf({path!r}) > 0")
    await tab.until("!!VC.media.plan()")
    if await tab.eval("document.getElementById('video').paused"):
        await tab.press("ok")
    await tab.until(f"{NOW} > 0.2 && !document.getElementById('video').paused")
    return tab


async def test_a_remuxed_film_starts_in_its_middle_with_few_segments(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await play(browser, house, "/tv/play/4?start=30")
        assert await tab.eval("VC.media.plan().mode") == "remux"
        assert await tab.eval("!!VC.media.mse()")
        await tab.until(f"{NOW} > 30.3")
        assert min(house.playback.asked) == 7
        assert await tab.eval(f"{NOW} < 36")
        await asyncio.sleep(1)
        ahead = await tab.eval(
            "(function (b) { return b.end(b.length - 1) - " + NOW + "; }"
            "(document.getElementById('video').buffered))"
        )
        assert 0 < ahead <= 25


async def test_a_direct_file_plays_and_seeks(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await play(browser, house, "/tv/play/5?start=20")
        assert await tab.eval("VC.media.plan().mode") == "direct"
        await tab.until(f"{NOW} > 20.2")
        await tab.press(55)
        await tab.until(f"{NOW} >= 42 && {NOW} < 47")


async def test_seeks_by_key_far_and_back_end_where_they_should(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await play(browser, house, "/tv/play/4?start=2")
        for digit, place in ((56, 48), (49, 6), (53, 30), (48, 0), (57, 54)):
            await tab.press(digit)
            await tab.until(f"{NOW} >= {place} && {NOW} < {place + 4} && !VC.media.video.seeking")
        await tab.until(f"{NOW} > 54.2")
        at = await tab.eval(NOW)
        await tab.until("!VC.osd.isUp()", within_s=8)
        await tab.press("left")
        await tab.until(f"Math.abs({NOW} - ({at} - 10)) < 6 && {NOW} < {at}")
        held = await tab.eval("Object.keys(VC.media.mse().limits().held).length")
        assert held <= 12


async def test_the_end_returns_to_the_detail_page(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await play(browser, house, f"/tv/play/4?start={FILM_S - 2}")
        await tab.until("location.pathname !== '/tv/play/4'", within_s=15)
        assert house.catalogue.positions[4].position_s > FILM_S - 3


async def test_a_subtitle_is_chosen_with_keys_and_seen(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await play(browser, house, "/tv/play/4?start=9")
        await tab.press(404)
        await tab.until("VC.panel.isOpen()")
        for _ in range(6):
            if await tab.focused() == "English\ntext" or "English" in await tab.focused():
                break
            await tab.presses("down")
        await tab.press("ok")
        await tab.until("/kept the lamp/.test(document.getElementById('cues').textContent)")
        text = await tab.eval("document.getElementById('cues').innerText")
        assert "& no more" in text
        assert "<i>" not in text
        assert await tab.eval("VC.panel.isOpen()")
        await tab.press("back")
        await tab.until("!VC.panel.isOpen()")
        assert await tab.eval("location.pathname") == "/tv/play/4"
        first = text
        await tab.until(
            "document.getElementById('cues').innerText !== '' &&"
            f"document.getElementById('cues').innerText !== {first!r}"
        )


async def test_what_stops_a_film_is_said_and_the_place_is_kept(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await play(browser, house, "/tv/play/4?start=16")
        await tab.until("!VC.media.video.paused")
        house.playback.broken = True
        await tab.press(57)
        await tab.until("!VC.has(document.getElementById('stop'), 'none')", within_s=25)
        words = await tab.eval("document.getElementById('stop').innerText")
        assert "segment is gone" in words
        assert "error" not in words.lower()
        assert await tab.focused() == "Try now"
        place = await tab.eval("VC.media.hooks.from")
        assert place >= 16
        house.playback.broken = False
        await tab.press("ok")
        await tab.until(f"{NOW} > {place} && {NOW} < {place + 6} && !VC.media.video.paused")


async def test_leaving_before_the_first_picture_keeps_the_place(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        kept = house.catalogue.positions[4].position_s
        house.playback.broken = True
        tab = await browser.tab()
        await tab.open(house.base + "/tv/item/4")
        await tab.eval("location.href = '/tv/play/4?start=0'")
        await tab.until("!VC.has(document.getElementById('stop'), 'none')", within_s=25)
        await tab.press("back")
        await tab.until("location.pathname === '/tv/item/4' && VC.ready")
        await asyncio.sleep(0.5)
        assert house.catalogue.positions[4].position_s == kept


async def test_refused_sound_asks_for_ok(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.open(house.base + "/tv/play/4?start=8")
        await tab.until("/Press OK/.test(document.getElementById('say2').textContent)")
        assert not await tab.eval("VC.media.video.muted")
        await tab.press("ok")
        await tab.until(f"{NOW} > 8.3")
        assert await tab.eval("document.getElementById('say2').textContent") == ""


async def test_an_album_plays_on_by_itself(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await play(browser, house, "/tv/play/289?start=0")
        first = await tab.eval("document.getElementById('nowtitle').textContent")
        await tab.until(
            f"document.getElementById('nowtitle').textContent !== {first!r}", within_s=20
        )
        await tab.until(f"{NOW} > 0.2 && {NOW} < 5")
        assert await tab.eval("location.pathname") == "/tv/play/290"
        assert await tab.eval("document.querySelectorAll('#queue .on').length") == 1


async def test_a_phone_joins_by_code_pauses_seeks_and_opens(house_folder: Path) -> None:
    async with (
        running_house(house_folder, is_open=False) as house,
        running_browser() as browser,
    ):
        tab, phone = await browser.tab(), await browser.tab()
        await tab.open(house.base + "/tv")
        await phone.size(390, 844, mobile=True)
        await phone.agent("Mozilla/5.0 (Linux; Android 14) Chrome/120 Mobile")
        secret = house.parts.owner_link.make()
        await phone.open(f"{house.base}/remote#own.{secret}", "")
        await phone.until("!!document.querySelector('.pad')")
        assert "own." not in await phone.eval("location.href")
        await phone.open(house.base + "/remote/devices", "window.VC")
        await phone.eval("document.querySelector('[data-act=approve]').click()")
        await tab.until("document.body.className.indexOf('home') >= 0")

        # A second phone joins by the digits on the TV and becomes its remote.
        await tab.open(house.base + "/tv/phone")
        digits = await tab.eval("document.getElementById('code').textContent.replace(/ /g, '')")
        second = await browser.tab()
        await second.size(390, 844, mobile=True)
        await second.open(f"{house.base}/remote#{digits}", "")
        await second.until("!!document.querySelector('.pad')")
        await tab.until("document.body.className.indexOf('home') >= 0", within_s=10)

        await tab.press("right")
        await tab.eval("location.href = '/tv/play/4?start=10'")
        await tab.until("!!(window.VC && VC.media && VC.media.plan())")
        if await tab.eval("VC.media.video.paused"):
            await tab.press("ok")
        await tab.until(f"{NOW} > 10.3")
        await second.until("document.getElementById('play').textContent === 'Pause'")
        await second.eval("document.getElementById('play').click()")
        await tab.until("VC.media.video.paused")
        await second.until("document.getElementById('play').textContent === 'Play'")
        await second.eval("document.querySelector('[data-jump=\"30\"]').click()")
        await tab.until(f"{NOW} > 39 && {NOW} < 44")
        await second.eval("document.getElementById('play').click()")
        await tab.until("!VC.media.video.paused")

        await phone.open(house.base + "/remote/browse?kind=films", "window.VC")
        await phone.until("document.querySelectorAll('[data-item]').length > 5")
        item = await phone.eval("document.querySelector('[data-item]').getAttribute('data-item')")
        await phone.eval("document.querySelector('[data-item]').click()")
        await asyncio.sleep(0.3)
        await phone.eval("document.getElementById('ontv').click()")
        await tab.until(f"location.pathname === '/tv/play/{item}'")


async def test_a_phone_moves_the_focus_of_the_tv(house_folder: Path) -> None:
    async with running_house(house_folder, is_open=False) as house, running_browser() as browser:
        tab, phone = await browser.tab(), await browser.tab()
        await tab.open(house.base + "/tv")
        for device in house.parts.devices.list():
            await house.parts.devices.approve(device.id)
        await tab.until("window.VC && VC.ready && document.body.className.indexOf('home') >= 0")
        secret = house.parts.owner_link.make()
        await phone.open(f"{house.base}/remote#own.{secret}", "")
        await phone.until("document.body.className.indexOf('live') >= 0")
        before = await tab.focused()
        press = "document.querySelector('[data-key={}]').dispatchEvent(new Event('mousedown'))"
        await phone.eval(press.format("down"))
        await phone.eval(
            "document.querySelector('[data-key=down]').dispatchEvent(new Event('mouseup'))"
        )
        await tab.until(f"document.activeElement.textContent.trim() !== {before!r}")
        await phone.eval(press.format("ok"))
        await tab.until("/^\\/tv\\/(item|photo)\\//.test(location.pathname)")


async def test_the_small_pure_parts(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.open(house.base + "/tv/play/4")
        box = "{{left: {0}, top: {1}, right: {2}, bottom: {3}}}".format
        here = box(100, 100, 200, 140)
        for direction, others, wanted in (
            ("r", [box(220, 100, 320, 140), box(330, 100, 430, 140)], 0),
            ("l", [box(220, 100, 320, 140)], -1),
            ("d", [box(400, 160, 500, 200), box(90, 300, 210, 340)], 1),
            ("u", [box(0, 0, 900, 50), box(500, 60, 600, 90)], 0),
            # From a wide row, Left does not jump to a card above it.
            ("l", [box(0, 20, 150, 90)], -1),
            ("d", [box(100, 100, 200, 140)], -1),
        ):
            list_ = ",".join(others)
            assert await tab.eval(f"VC.next({here}, [{list_}], '{direction}')") == wanted
        step = "VC.step({{row: {0}, col: {1}, mem: [0, 5, 9]}}, [8, 20, 3], '{2}', {3})".format
        assert (await tab.eval(step(0, 2, "d", "false")))["col"] == 5
        assert (await tab.eval(step(0, 2, "d", "false")))["mem"] == [2, 5, 9]
        assert (await tab.eval(step(1, 4, "d", "false")))["col"] == 2
        assert (await tab.eval(step(1, 4, "d", "true")))["col"] == 2
        assert await tab.eval(step(0, 7, "r", "false")) is None
        assert await tab.eval(step(0, 0, "u", "false")) is None
        for code, wanted in ((10009, "back"), (461, "back"), (8, "back"), (27, "back"),
                             (37, "l"), (13, ""), (415, "play"), (53, "n5")):  # fmt: skip
            assert await tab.eval(f"VC.keyName({code}, document.body)") == wanted
        assert await tab.eval("VC.keyName(8, document.createElement('input'))") == ""
        for time, wanted in ((0, 0), (3.99, 0), (4, 1), (11, 2), (99, 2)):
            assert await tab.eval(f"VC.segmentAt([0, 4, 8], {time})") == wanted
        vtt = (
            "\ufeffWEBVTT\r\n\r\nNOTE no\r\n\r\nSTYLE\r\n::cue{}\r\n\r\n1\r\n00:01.500 -->"
            " 00:02.000 line:0\r\n<v Anna>a &lt;b&gt; &unknown;</v>\r\nc\r\n\r\n"
            "bad --> worse\r\nx\r\n\r\n"
            "01:00:00.000 --> 01:00:01,250\r\nlate\r\n\r\n00:05.000 --> 00:04.000\r\nbackwards"
        )
        cues = await tab.eval(f"VC.parseCues({vtt!r})")
        assert cues == [
            {"from": 1.5, "to": 2, "text": "a <b> &unknown;\nc", "top": True},
            {"from": 3600, "to": 3601.25, "text": "late", "top": False},
        ]
