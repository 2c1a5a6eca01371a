"""Two hundred starts, seeks and aborts of every way of playing leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.product import Product, make_small_films, make_vault, running_product, until_gone

CYCLES = int(os.environ.get("VAULTCAST_CYCLES", "200"))
AT_ONCE = 4


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, bytes]:
    return make_small_films(tmp_path_factory.mktemp("films"))


def held(product: Product) -> dict[str, int]:
    """Descriptors, without connections that are kept alive for us, and child processes."""
    process = psutil.Process(product.process.pid)
    alive = [one for one in process.net_connections() if one.status == psutil.CONN_ESTABLISHED]
    return {"files": process.num_fds() - len(alive), "processes": len(product.children())}


def files_of(*folders: Path) -> set[str]:
    return {str(one) for folder in folders for one in folder.rglob("*") if one.is_file()}


async def act(product: Product, chance: random.Random, places: list[str], clear: int) -> None:
    """One viewer: opens something somewhere, and leaves at some moment."""
    path = chance.choice(places)
    headers = {}
    if "/media/" in path:
        headers["Range"] = f"bytes={chance.randrange(clear)}-"
    path = path.replace("$N", str(chance.randrange(10)))
    if path.endswith(".ts") and chance.random() < 0.5:
        headers["TimeSeekRange.dlna.org"] = f"npt={chance.randrange(20)}.0-"
    patience_s = chance.choice((0.0, 0.02, 0.1, 0.4))
    try:
        async with asyncio.timeout(patience_s + 0.001):
            async with product.session.get(product.base + path, headers=headers) as reply:
                async for _ in reply.content.iter_any():
                    if chance.random() < 0.3:
                        return
    except (TimeoutError, aiohttp.ClientError):
        return


async def test_two_hundred_abandoned_viewers_leave_nothing(tmp_path, films):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    conf = make_vault(tmp_path, films)
    environment = {"TMPDIR": str(temporary)}
    source = ("--rclone-config", str(conf), "rclone:vault")
    async with running_product(tmp_path, *source, environment=environment) as product:
        remuxed, converted = sorted(
            await product.items(2), key=lambda one: one["title"], reverse=True
        )
        assert (remuxed["title"], converted["title"]) == ("Remuxed", "Converted")
        copied, changed = await product.plan(remuxed["id"]), await product.plan(converted["id"])
        assert (copied["mode"], changed["mode"]) == ("remux", "convert")
        stream = remuxed["media"].replace("/media/", "/stream/").rsplit(".", 1)[0] + ".ts"
        places = [remuxed["media"], copied["segment_template"], changed["segment_template"], stream]
        for path in places:  # whatever is made once and kept is there before we count
            with_start = path.replace("$N", "0")
            async with product.session.get(product.base + with_start) as reply:
                assert reply.status == 200, path
                await reply.content.readany()
        await product.post("/api/v1/sessions/stop", {})
        await until_gone(product, "ffmpeg", 8)
        before, stored_before = held(product), files_of(temporary, product.data / "cache")
        seed = random.randrange(1 << 32)
        print("seed", seed)
        chance = random.Random(seed)
        for _ in range(CYCLES // AT_ONCE):
            viewers = (act(product, chance, places, remuxed["size_bytes"]) for _ in range(AT_ONCE))
            await asyncio.gather(*viewers)
        await product.post("/api/v1/sessions/stop", {})
        await until_gone(product, "ffmpeg", 8)
        deadline = time.monotonic() + 20
        while (after := held(product)) != before:
            # Fewer is no leak: an idle worker may have ended meanwhile.
            # Descriptors: a torn-off start of /stream still keeps a pipe now and then (see docs).
            if (
                after["processes"] <= before["processes"] + 1
                and after["files"] <= before["files"] + 8
            ):
                break
            assert time.monotonic() < deadline, (before, after, "seed", seed)
            await asyncio.sleep(0.2)
        assert files_of(temporary, product.data / "cache") == stored_before
        whole = await product.bytes(remuxed["media"])
        assert whole == films["Films/Remuxed (2020).mkv"]
        assert await product.end() < 5
        assert product.process.returncode == 0
    assert files_of(temporary) == set()
