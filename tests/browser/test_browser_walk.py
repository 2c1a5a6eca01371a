"""Five keys in a real browser: everything is reached, nothing is lost, Back goes back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.browser.cdp import Tab, running_browser
from tests.fakes.tv_library import running_house

pytestmark = pytest.mark.needs("chromium")

FOCUS = """(function () {
  var a = document.activeElement, r = a.getBoundingClientRect();
  return {tag: a.tagName, marked: (' ' + a.className + ' ').indexOf(' f ') >= 0,
    marks: document.querySelectorAll('.f').length, text: a.textContent.trim(),
    seen: r.width > 0 && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth};
}())"""
FREE = """[].filter.call(document.querySelectorAll('a[href],button'), function (e) {
  return e.offsetWidth && !e.closest('.clip'); }).length"""


async def check_focus(tab: Tab) -> dict[str, object]:
    await tab.until("window.VC && VC.ready && document.activeElement !== document.body")
    seen = await tab.eval(FOCUS)
    where = await tab.eval("location.pathname")
    assert seen["tag"] in ("A", "BUTTON"), (where, seen)
    assert seen["marked"], (where, seen)
    assert seen["marks"] == 1, (where, seen)
    assert seen["seen"], (where, seen)
    return seen


@pytest.mark.parametrize(
    "path",
    [
        "/tv/item/4", "/tv/one-series?key=Copper%20Tide", "/tv/phone", "/tv/locked?source=family",
        "/tv/item/9999", "/tv/album?key=Salt%20Songs", "/tv/films", "/tv/folders",
    ],
)  # fmt: skip
async def test_arrows_reach_every_link_outside_of_rails(house_folder: Path, path: str) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.open(house.base + path)
        wanted = await tab.eval(FREE)
        await tab.eval(
            "window.been = []; document.addEventListener('focusin', function (e) {"
            "if (!e.target.closest('.clip') && been.indexOf(e.target) < 0) been.push(e.target); });"
            "been.push(document.activeElement)"
        )
        await tab.eval("if (document.activeElement.closest('.clip')) been.pop()")
        await tab.presses(*["up"] * 4)
        for _ in range(18):
            await tab.presses(*["right"] * 7, *["left"] * 7)
            await check_focus(tab)
            if await tab.eval("been.length") >= wanted:
                break
            await tab.presses("down")
        assert await tab.eval("been.length") >= wanted


async def test_back_from_the_player_returns_to_the_same_card(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.open(house.base + "/tv")
        await tab.presses("down", "down", "down", *["right"] * 11)
        await tab.until("document.activeElement.querySelector('.cap').textContent !== ''")
        here = await tab.focused()
        top = await tab.eval("document.activeElement.getBoundingClientRect().top")
        await tab.press("ok")
        await tab.until("VC.ready && document.body.className.indexOf('detail') >= 0")
        assert (await check_focus(tab))["text"] == "Play"
        await tab.presses("down", "right", "right", "up")
        await tab.press("ok")
        await tab.until("VC.ready && document.body.className.indexOf('player') >= 0")
        await tab.until("document.getElementById('video').currentTime > 0.3")
        await tab.press("back")
        await tab.until("VC.ready && document.body.className.indexOf('detail') >= 0")
        assert (await check_focus(tab))["text"].startswith(("Play", "Resume"))
        await tab.frame()
        await tab.eval("new Promise(f => setTimeout(f, 320))")
        await tab.press("back")
        await tab.until("VC.ready && document.body.className.indexOf('home') >= 0")
        await tab.until(f"document.activeElement.textContent.trim() === {here!r}")
        await tab.until(
            f"Math.abs(document.activeElement.getBoundingClientRect().top - {top}) < 20"
        )
        await check_focus(tab)


async def test_250_random_keys_meet_no_dead_end(house_folder: Path) -> None:
    rng = random.Random(11)
    kinds = ("up", "down", "left", "right", "ok", "back")
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.open(house.base + "/tv")
        for number in range(250):
            key = rng.choices(kinds, (4, 6, 4, 6, 1.2, 1.4))[0]
            await tab.press(key)
            if key in ("ok", "back"):
                await tab.eval("new Promise(f => setTimeout(f, 120))")
                await tab.until("window.VC && VC.ready")
            await tab.frame()
            if await tab.eval("document.body.className.indexOf('player') < 0"):
                await check_focus(tab)
            assert (await tab.eval("location.href")).startswith(house.base), number
        faults = [one for one in tab.events if one["method"] == "Runtime.exceptionThrown"]
        assert faults == []


async def test_a_long_rail_keeps_a_dozen_cards(house_folder: Path) -> None:
    async with running_house(house_folder, films=3000) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.open(house.base + "/tv")
        await tab.presses("down", "down", "down")
        for step in range(70):
            await tab.press("right")
            await tab.frame()
            if step % 10 == 9:
                counts = await tab.eval(
                    "[document.querySelectorAll('*').length,"
                    "document.activeElement.closest('.rail').querySelectorAll('.card').length]"
                )
                assert counts[0] <= 400
                assert counts[1] <= 12
        await tab.until("document.activeElement.querySelector('.cap').textContent !== ''")
        said = await tab.eval("document.getElementById('live').textContent")
        assert said.endswith("71 of 3000")


async def test_keys_faster_than_the_screen_do_not_queue(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.open(house.base + "/tv/films")
        await tab.eval(
            "(function () { var i, e; for (i = 0; i < 40; i++) { e = new Event('keydown',"
            "{bubbles: true, cancelable: true}); e.keyCode = 40; document.body.dispatchEvent(e); }"
            "document.body.dispatchEvent(new Event('keyup', {bubbles: true})); }())"
        )
        await tab.frame()
        said = await tab.eval("document.getElementById('live').textContent")
        await tab.eval("new Promise(f => setTimeout(f, 400))")
        assert await tab.eval("document.getElementById('live').textContent") == said
        assert ", 8 of" in said or ", 15 of" in said


async def test_back_on_home_goes_to_the_first_card_then_the_bar(house_folder: Path) -> None:
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.open(house.base + "/tv")
        first = await tab.focused()
        await tab.presses("down", "right", "right")
        assert await tab.focused() != first
        for wanted in (first, "Home"):
            await tab.press("back")
            await tab.frame()
            assert await tab.focused() == wanted
            await tab.eval("new Promise(f => setTimeout(f, 320))")


@pytest.mark.parametrize("width", [1920, 1280, 960])
async def test_no_text_leaves_the_safe_area(house_folder: Path, width: int) -> None:
    outside = """(function () {
      var w = innerWidth, h = innerHeight, x = w * 0.0495, y = h * 0.0495, out = [];
      [].forEach.call(document.querySelectorAll('h1,h2,p,a,button,span,b'), function (e) {
        var r = e.getBoundingClientRect(), s = getComputedStyle(e);
        if (!r.width || e.closest('.clip,.hid,.list,.toast,.seek,.tools .hid') ||
            s.visibility === 'hidden' || !e.textContent.trim()) { return; }
        if (e.matches('.strip,.osd-top')) { return; }
        var f = e.closest('.f, :focus') ? 3 + r.width * 0.025 : 1;
        if (r.left < x - f || r.right > w - x + f || r.top < y - f || r.bottom > h - y + f) {
          out.push(e.textContent.trim().slice(0, 40) + ' ' + [r.left, r.top, r.right, r.bottom]);
        }
      });
      return out;
    }())"""
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.size(width, width * 9 // 16)
        for path in (
            "/tv", "/tv/films", "/tv/item/4", "/tv/item/3", "/tv/one-series?key=Copper%20Tide",
            "/tv/album?key=Salt%20Songs", "/tv/phone", "/tv/locked?source=family",
            "/tv/item/9999", "/tv/photo/340?at=29", "/tv/play/4?start=5", "/tv/play/300",
        ):  # fmt: skip
            await tab.open(house.base + path)
            await tab.presses("up")
            assert await tab.eval(outside) == [], path


async def test_without_scripts_every_screen_is_a_list_of_links(house_folder: Path) -> None:
    links = """[].filter.call(document.querySelectorAll('a[href]'), function (e) {
      return e.offsetWidth > 0 && e.offsetHeight > 0; }).length"""
    async with running_house(house_folder) as house, running_browser() as browser:
        tab = await browser.tab()
        await tab.scripts(on=False)
        for path, least in (("/tv", 30), ("/tv/films", 30), ("/tv/item/4", 8),
                            ("/tv/play/4", 1),
                            ("/tv/album?key=Salt%20Songs", 12),
                            ("/tv/folders?key=film", 60)):  # fmt: skip
            await tab.call("Page.navigate", url=house.base + path)
            await tab.until(
                f"document.readyState === 'complete' && location.href.indexOf({path!r}) > 0"
            )
            assert await tab.eval(links) >= least, path
            assert await tab.eval("getComputedStyle(document.body).overflowY") == "visible"
