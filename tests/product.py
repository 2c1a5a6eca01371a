"""The whole product as a process of its own, as its users start it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from gateway.cli.vault_writer import write_sealed
from gateway.vaults.rclone import CryptVault, choose_settings, derive_keys, render_section
from tests.fakes.made_films import run_ffmpeg

READY_WITHIN_S = 40.0
SCREEN = {
    "mse": [
        'video/mp4; codecs="avc1.640028"',
        'audio/mp4; codecs="mp4a.40.2"',
        'video/mp4; codecs="avc1.640028,mp4a.40.2"',
    ],
    "native": [],
    "width": 1280,
    "height": 720,
}
"""A screen that plays H.264 and AAC in fragments, and no file by itself."""


@dataclass
class Product:
    """A running gateway."""

    process: asyncio.subprocess.Process
    base: str
    data: Path
    environment: dict[str, str]
    errors: list[str]
    token: str = ""
    session: aiohttp.ClientSession = field(init=False)  # noqa: TID251 - the other side

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def children(self) -> list[psutil.Process]:
        """Living processes below the gateway."""
        try:
            below = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [one for one in below if one.status() != psutil.STATUS_ZOMBIE]

    async def get(self, path: str) -> Any:
        async with self.session.get(self.base + path, headers=self.headers) as reply:
            assert reply.status == 200, (path, reply.status, await reply.text())
            return await reply.json()

    async def post(self, path: str, body: Any) -> Any:
        url = self.base + path
        async with self.session.post(url, json=body, headers=self.headers) as reply:
            assert reply.status < 300, (path, reply.status, await reply.text())
            return await reply.json()

    async def bytes(self, path: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Body of an address, or of a range of it (half open)."""
        headers = (
            {} if start is None else {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
        )
        async with self.session.get(self.base + path, headers=headers) as reply:
            assert reply.status == (200 if start is None else 206), (path, reply.status)
            return await reply.read()

    async def items(self, count: int, within_s: float = 40.0, *, probed: bool = True) -> list[Any]:
        """All items once there are ``count`` of them, looked into where that matters."""
        deadline = time.monotonic() + within_s
        while True:
            found = (await self.get("/api/v1/items?count=500"))["items"]
            known = [one for one in found if one["kind"] == "photo" or one.get("duration_s")]
            if len(known if probed else found) >= count:
                return found
            assert time.monotonic() < deadline, f"{found}\n" + "".join(self.errors[-20:])
            await asyncio.sleep(0.1)

    async def plan(self, item: int, **more: Any) -> Any:
        return await self.post(f"/api/v1/items/{item}/plan", {"screen": SCREEN, **more})

    async def end(self, number: int = signal.SIGTERM, within_s: float = 10.0) -> float:
        """Send a signal and wait for the end; tells how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        async with asyncio.timeout(within_s):
            await self.process.wait()
        return time.monotonic() - began


@asynccontextmanager
async def running_product(
    folder: Path,
    *sources: str,
    options: tuple[str, ...] = ("--open", "--no-dlna"),
    environment: Mapping[str, str] | None = None,
    prefix: tuple[str, ...] = (),
    bind: str = "127.0.0.1",
    is_local: bool = True,
    has_mdns: bool = False,
) -> AsyncIterator[Product]:
    """``vaultcast serve`` with its data and keys under ``folder``; always ended.

    Not ``is_local``: it runs in another namespace, where no token can be had from here.
    """
    data = folder / "data"
    env = {
        **os.environ,
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHONUNBUFFERED": "1",
        **(environment or {}),
    }
    process = await asyncio.create_subprocess_exec(
        *prefix,
        *(sys.executable, "-m", "gateway", "serve", "--data", str(data)),
        *("--bind", bind, "--port", "0", *options, *sources),
        *(() if has_mdns else ("--no-mdns",)),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    errors: list[str] = []

    async def listen() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            errors.append(line.decode(errors="replace"))

    listening = asyncio.get_running_loop().create_task(listen())
    try:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                line = (await process.stdout.readline()).decode()
        except TimeoutError:
            raise AssertionError("never ready:\n" + "".join(errors)) from None
        ready = re.fullmatch(r"ready (http://\S+)\n", line)
        assert ready, line + "".join(errors)
        product = Product(process, ready[1], data, env, errors)
        running = json.loads((data / "running.json").read_text())
        limits = aiohttp.ClientTimeout(total=120)
        async with aiohttp.ClientSession(timeout=limits) as session:  # noqa: TID251 - the other side
            product.session = session
            if is_local:
                secret = {"secret": running["secret"]}
                async with session.post(f"{product.base}/api/v1/local/token", json=secret) as reply:
                    product.token = (await reply.json())["token"]
            yield product
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


async def until_gone(product: Product, name: str, within_s: float) -> None:
    """Wait until no process below the gateway has ``name`` in its command line."""
    deadline = time.monotonic() + within_s
    while left := [one for one in product.children() if name in " ".join(_command(one))]:
        assert time.monotonic() < deadline, [_command(one) for one in left]
        await asyncio.sleep(0.05)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def make_vault(folder: Path, files: Mapping[str, bytes], name: str = "vault") -> Path:
    """A crypt vault at ``folder/stored`` with clear ``files``; the ``rclone.conf`` of it."""
    root = folder / "stored"
    root.mkdir(parents=True, exist_ok=True)
    settings = choose_settings("a passphrase of the tests")
    vault = CryptVault(settings, derive_keys(settings.password))
    for path, clear in files.items():
        write_sealed(vault, root, path, [clear])
    conf = folder / "rclone.conf"
    conf.write_text(render_section(name, settings, str(root)))
    return conf


def make_small_films(folder: Path) -> dict[str, bytes]:
    """One film to repackage and one to convert, 24 s each and small."""
    base, hevc = folder / "base.mkv", folder / "hevc.mkv"
    run_ffmpeg(
        *("-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=24"),
        *(
            "-f",
            "lavfi",
            "-i",
            "sine=f=330:r=48000:d=24",
            "-c:v",
            "libx264",
            "-g",
            "48",
            "-pix_fmt",
            "yuv420p",
        ),
        *("-preset", "ultrafast", "-c:a", "aac", "-ac", "2", str(base)),
    )
    run_ffmpeg(
        *("-v", "error", "-i", str(base), "-c:v", "libx265", "-preset", "ultrafast"),
        *("-x265-params", "log-level=error:keyint=48", "-c:a", "ac3", str(hevc)),
    )
    return {
        "Films/Remuxed (2020).mkv": base.read_bytes(),
        "Films/Converted (2021).mkv": hevc.read_bytes(),
    }
