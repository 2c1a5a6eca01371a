"""Plugs pulled: the whole product under kills, damage, a dead host and a full disk."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from gateway.vaults.rclone import CryptVault, choose_settings, derive_keys
from tests.conftest import find_program
from tests.product import (
    make_small_films,
    make_vault,
    running_product,
    until_gone,
)

REMUXED, CONVERTED = "Films/Remuxed (2020).mkv", "Films/Converted (2021).mkv"


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, bytes]:
    return make_small_films(tmp_path_factory.mktemp("films"))


def by_title(items):
    return {one["title"]: one for one in items}


async def until_dead(pids, within_s):
    deadline = time.monotonic() + within_s
    while left := [pid for pid in pids if psutil.pid_exists(pid)]:
        left = [pid for pid in left if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
        if not left:
            return
        assert time.monotonic() < deadline, [psutil.Process(pid).cmdline() for pid in left]
        await asyncio.sleep(0.05)


async def test_a_killed_gateway_leaves_no_child_and_a_whole_library(tmp_path, films):
    conf = make_vault(tmp_path, films)
    source = ("--rclone-config", str(conf), "rclone:vault")
    ids = None
    for at_play in (True, False, True):
        async with running_product(tmp_path, *source) as product:
            if at_play:
                items = by_title(await product.items(2))
                assert ids in (None, {title: one["id"] for title, one in items.items()})
                ids = {title: one["id"] for title, one in items.items()}
                place = {"position_s": 12.5, "duration_s": 24.0}
                await product.post(f"/api/v1/items/{ids['Remuxed']}/position", place)
                await asyncio.sleep(1.5)
                plan = await product.plan(ids["Converted"])
                assert await product.bytes(plan["segment_template"].replace("$N", "0"))
            children = [one.pid for one in product.children()]
            product.process.kill()
            await product.process.wait()
            await until_dead(children, 3)
    async with running_product(tmp_path, *source) as product:
        items = by_title(await product.items(2))
        assert {title: one["id"] for title, one in items.items()} == ids
        assert (await product.get(f"/api/v1/items/{ids['Remuxed']}"))["position_s"] == 12.5
        assert await product.bytes(items["Remuxed"]["media"]) == films[REMUXED]


async def test_killed_workers_and_converters_are_replaced(tmp_path, films):
    conf = make_vault(tmp_path, films)
    async with running_product(tmp_path, "--rclone-config", str(conf), "rclone:vault") as product:
        items = by_title(await product.items(2))
        copied = await product.plan(items["Remuxed"]["id"])
        changed = await product.plan(items["Converted"]["id"])
        for plan in (copied, changed):
            first = await product.bytes(plan["segment_template"].replace("$N", "0"))
            assert b"moof" in first[:200]
            for child in product.children():
                child.send_signal(signal.SIGKILL)
            await asyncio.sleep(0.1)
            last = len(plan["segments"]) - 1
            second = await product.bytes(plan["segment_template"].replace("$N", str(last)))
            assert b"moof" in second[:200]


async def test_a_stopped_page_leaves_no_converter(tmp_path, films):
    conf = make_vault(tmp_path, films)
    async with running_product(tmp_path, "--rclone-config", str(conf), "rclone:vault") as product:
        items = by_title(await product.items(2))
        plan = await product.plan(items["Converted"]["id"])
        await product.bytes(plan["segment_template"].replace("$N", "0"))
        await product.post(
            "/api/v1/sessions/stop", {"item": items["Converted"]["id"], "position_s": 2}
        )
        await until_gone(product, "libx264", 3)


async def test_a_flipped_cipher_byte_cuts_the_connection_at_its_block(tmp_path, films):
    clear = os.urandom(400_000)
    conf = make_vault(tmp_path, {**films, "Films/Torn (2022).mkv": clear})
    settings = choose_settings("a passphrase of the tests")
    vault = CryptVault(settings, derive_keys(settings.password))
    stored = tmp_path / "stored" / vault.stored_path("Films/Torn (2022).mkv", is_folder=False)
    raw = bytearray(stored.read_bytes())
    raw[32 + 3 * 65552 + 500] ^= 1
    stored.write_bytes(raw)
    async with running_product(tmp_path, "--rclone-config", str(conf), "rclone:vault") as product:
        torn = by_title(await product.items(3, probed=False))["Torn"]
        got = bytearray()

        async def watch():
            async with product.session.get(product.base + torn["media"]) as reply:
                assert reply.headers["Content-Length"] == "400000"
                async for piece in reply.content.iter_any():
                    got.extend(piece)

        with pytest.raises(aiohttp.ClientError):
            await watch()
        assert got == clear[: len(got)]
        assert len(got) <= 3 * 65536
        behind = 4 * 65536
        assert await product.bytes(torn["media"], behind, 400_000) == clear[behind:]


@pytest.mark.needs("rclone")
async def test_a_host_that_goes_and_comes_back_loses_nothing(tmp_path, films):
    conf = make_vault(tmp_path, films)
    stored = tmp_path / "stored"

    async def serve_stored(port: int) -> tuple[asyncio.subprocess.Process, int]:
        server = await asyncio.create_subprocess_exec(
            find_program("rclone"), "serve", "webdav", str(stored),
            "--addr", f"127.0.0.1:{port}", "--config", "/dev/null",
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(20):
            while True:
                line = (await server.stderr.readline()).decode()
                if "http://127.0.0.1:" in line:
                    return server, int(line.rsplit(":", 1)[1].split("/")[0].strip(' ]"\n'))

    host, port = await serve_stored(0)
    text = conf.read_text().replace(f"remote = {stored}", "remote = far:")
    conf.write_text(
        f"{text}\n[far]\ntype = webdav\nurl = http://127.0.0.1:{port}\nvendor = other\n"
    )
    try:
        source = ("--rclone-config", str(conf), "rclone:vault")
        async with running_product(tmp_path, *source) as product:
            items = by_title(await product.items(2))
            host.terminate()
            await host.wait()
            await product.post("/api/v1/sources/vault/rescan", {})
            deadline = time.monotonic() + 30
            while (await product.get("/health"))["sources"][0]["state"] != "away":
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)
            assert by_title(await product.items(2)).keys() == items.keys()
            host, _ = await serve_stored(port)
            await product.post("/api/v1/sources/vault/rescan", {})
            while (await product.get("/health"))["sources"][0]["state"] != "ready":
                assert time.monotonic() < deadline + 30
                await asyncio.sleep(0.2)
            again = by_title(await product.items(2))
            assert {t: o["id"] for t, o in again.items()} == {t: o["id"] for t, o in items.items()}
            assert await product.bytes(again["Remuxed"]["media"]) == films[REMUXED]
    finally:
        if host.returncode is None:
            host.terminate()
        await host.wait()


async def test_a_marker_of_clear_names_and_media_is_nowhere_on_disk(tmp_path, films):
    marker = b"Zanzibar-Quokka-7731"
    title = marker.decode()
    clear = films[REMUXED] + marker * 2000
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    stored = tmp_path / "vault"
    stored.mkdir()
    conf = make_vault(stored, {f"Films/{title} (2020).mkv": clear})
    environment = {"TMPDIR": str(temporary)}
    source = ("--rclone-config", str(conf), "rclone:vault")
    async with running_product(tmp_path, *source, environment=environment) as product:
        (item,) = await product.items(1)
        assert item["title"] == title
        assert await product.bytes(item["media"]) == clear
        plan = await product.plan(item["id"], at_least="convert")
        assert await product.bytes(plan["segment_template"].replace("$N", "0"))
        for process in (psutil.Process(product.process.pid), *product.children()):
            for opened in os.scandir(f"/proc/{process.pid}/fd"):
                if "(deleted)" in os.readlink(opened.path):  # noqa: PTH115 - a name, not a path
                    assert marker not in Path(opened.path).read_bytes()
        await product.end()
    for folder in (product.data, temporary, tmp_path / "config"):
        for file in folder.rglob("*"):
            if file.is_file():
                assert marker not in file.read_bytes(), file


@pytest.mark.netns
async def test_a_full_disk_under_the_cache_stops_no_viewer(tmp_path, films):
    conf = make_vault(tmp_path, films)
    (tmp_path / "data").mkdir()
    script = (
        'mkdir -p "$1/cache" && mount -t tmpfs -o size=64k none "$1/cache" && shift && exec "$@"'
    )
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path / "data"))
    stored = tmp_path / "stored"
    host = await asyncio.create_subprocess_exec(
        find_program("rclone"), "serve", "webdav", str(stored),
        "--addr", "127.0.0.1:0", "--config", "/dev/null", stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(20):
            while "http://127.0.0.1:" not in (line := (await host.stderr.readline()).decode()):
                pass
        port = int(line.rsplit(":", 1)[1].split("/")[0].strip(' ]"\n'))
        text = conf.read_text().replace(f"remote = {stored}", "remote = far:")
        conf.write_text(
            f"{text}\n[far]\ntype = webdav\nurl = http://127.0.0.1:{port}\nvendor = other\n"
        )
        source = ("--rclone-config", str(conf), "rclone:vault")
        async with running_product(tmp_path, *source, prefix=prefix) as product:
            items = by_title(await product.items(2))
            for _ in range(2):
                assert await product.bytes(items["Remuxed"]["media"]) == films[REMUXED]
    finally:
        host.terminate()
        await host.wait()
